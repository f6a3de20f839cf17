"""One place among the workers: always a process that has the newest routing.

A worker that dies, hangs or refuses a routing is replaced, and its successor gets the
routing before anybody may call it: so no worker ever serves by an older one for long. The
place keeps one listening socket for all that hold it, one after the other.
"""

import asyncio
import contextlib
import itertools
import logging
import socket
from collections.abc import Callable

from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.processes import Process
from router.control_plane.queues import is_same, refuse_new
from router.control_plane.tasks import Tasks
from router.control_plane.worker_link import WorkerLost
from router.control_plane.worker_process import WorkerAddress, WorkerProcess
from router.core.budgets import sharing
from router.core.errors import TurnoutError
from router.core.routing import Routing
from router.core.worker_protocol import SIGNAL_DRAIN_MS, Counted

# Time for a worker to be replaced, several times over.
REPLACE_TIMEOUT_S = 60.0
RESTART_DELAY_S_MIN = 0.05
RESTART_DELAY_S_MAX = 10.0
# So many failed starts clients wait for: a few may be accidents, or kills; more are a worker that
# can't run, and others may have the clients.
PATIENCE_FAILURES = 3
PING_EVERY_S = 1.0
# One that does not even answer that is stuck, or stopped.
PING_TIMEOUT_S = 5.0
# How long clients that wait for nothing may still ask, when another worker takes over, when
# none does.
RELOAD_GRACE_MS, STOP_GRACE_MS = 2000, 100

log = logging.getLogger(__name__)


class WorkerSlot:
    """Keeps one worker running.

    Args:
        numbers: those that no worker has; one that ends gives its own back.
        listener: the socket of this place; taken over.
        new_listener: makes another one on the same port.
        newest: the routing that a new worker gets first; None while there is none.
        live: how long those that leave may drain; may change meanwhile.
    """

    def __init__(
        self,
        folder: StateFolder,
        numbers: "asyncio.LifoQueue[int]",
        listener: socket.socket,
        new_listener: Callable[[], socket.socket],
        newest: Callable[[], Routing | None],
        live: LiveSettings,
    ) -> None:
        self._folder = folder
        self._numbers = numbers
        self._listener = listener
        self._new_listener = new_listener
        self._newest = newest
        self._live = live
        self._worker: WorkerProcess | None = None
        # All that may route a request: besides the worker one that comes, and those that leave.
        self._told: list[WorkerProcess] = []
        self._reason = "it has not come up yet"
        self._ready = asyncio.Event()
        self._tasks = Tasks()

    @property
    def process(self) -> Process | None:
        """The worker's; None while it is being replaced."""
        return self._worker.process if self._worker is not None else None

    def start(self, address: WorkerAddress, running: WorkerProcess | None = None) -> None:
        """Keeps a worker running from now on: this one, which is connected, or a new one."""
        self._address = address
        if running is None:
            self._tasks.start(self._come(delay_s=0.0), "start of a worker")
        else:
            self._tasks.start(self._take_up(running), f"worker {running.number}")

    async def apply(self, routing: Routing) -> None:
        """Returns when whoever routes here routes by ``routing`` or a newer one.

        Raises:
            TurnoutError: no worker came up that would.
        """
        try:
            async with asyncio.timeout(REPLACE_TIMEOUT_S):
                while True:
                    # Also while no worker is there yet: those that leave route on.
                    await asyncio.gather(*(self._tell(worker) for worker in self._told))
                    if self._worker and self._worker.generation >= routing.generation:
                        return
                    await self._ready.wait()
        except TimeoutError:
            raise TurnoutError(
                f"expected a worker to take a new routing within {REPLACE_TIMEOUT_S:.0f} s, got: "
                f"{self._reason}. Once one runs, it takes the routing."
            ) from None

    async def await_drained(self, instance_ids: tuple[str, ...], timeout_ms: int) -> set[str]:
        """Which of the instances still hold requests from here when the time is over."""
        remaining: set[str] = set()
        for found in await asyncio.gather(
            *(worker.await_drained(instance_ids, timeout_ms) for worker in self._told),
            return_exceptions=True,
        ):
            # A worker that is gone holds nothing.
            if not isinstance(found, BaseException):
                remaining |= found
        return remaining

    async def counted(self) -> dict[int, Counted]:
        """What the workers here count, by their numbers; one that is being replaced is missing."""
        workers = list(self._told)
        counted = await asyncio.gather(
            *(worker.statistics() for worker in workers), return_exceptions=True
        )
        return {
            worker.number: reply
            for worker, reply in zip(workers, counted, strict=True)
            if not isinstance(reply, BaseException)
        }

    async def replace(self, address: WorkerAddress) -> None:
        """Starts a successor on the same socket; returns when the present worker has ended.

        Raises:
            TurnoutError: there is no present one; or the successor did not come up, and the
                present one serves on.
        """
        self._address = address
        try:
            async with asyncio.timeout(REPLACE_TIMEOUT_S):
                old = await self._present()
        except TimeoutError:
            raise TurnoutError(
                f"expected a worker to be replaced, got none within {REPLACE_TIMEOUT_S:.0f} s: "
                f"{self._reason}. Others are started until one comes up, as new as it would be."
            ) from None
        try:
            new = await self._bring_up()
        except (WorkerLost, OSError) as error:
            raise TurnoutError(
                f"expected a new worker in place of worker {old.number}, got: "
                f"{error}. The present one serves on."
            ) from error
        if old is not self._worker:
            # It is gone, and another one comes. Until that is there this one serves.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REPLACE_TIMEOUT_S):
                    await self._present()
            await new.stop(self._live.drain_timeout_ms, RELOAD_GRACE_MS)
            return
        self._worker = new
        self._ready.set()
        await old.stop(self._live.drain_timeout_ms, RELOAD_GRACE_MS)

    async def stop(self) -> None:
        """Lets the worker drain and end, and starts no other."""
        await self._tasks.cancel()
        refuse_new(self._listener)
        self._listener.close()
        timeout_ms = self._live.drain_timeout_ms
        await asyncio.gather(*(one.stop(timeout_ms, STOP_GRACE_MS) for one in self._told))

    def let_go(self, worker: WorkerProcess) -> None:
        """Lets one drain that nobody needs; until it has ended, it is told of each change."""
        self._admit(worker)
        self._stop_soon(worker, self._live.drain_timeout_ms)

    def holds(self, listener: socket.socket) -> bool:
        """Whether it is this place's."""
        return is_same(self._listener, listener)

    async def _take_up(self, running: WorkerProcess) -> None:
        self._admit(running)
        # At once: if it ends meanwhile, its watch starts another.
        self._worker = running
        try:
            await self._bring_up_to_date(running)
        except WorkerLost as error:
            self._condemn(running, error)
        else:
            if self._worker is running:
                self._ready.set()

    async def _come(self, delay_s: float) -> None:
        """Starts workers until one comes up."""
        for failures in itertools.count(1):
            await asyncio.sleep(delay_s)
            try:
                self._worker = await self._bring_up()
            except (WorkerLost, OSError) as error:
                self._reason = str(error)
                delay_s = min(max(2 * delay_s, RESTART_DELAY_S_MIN), RESTART_DELAY_S_MAX)
                log.error("no worker came up: %s; another try in %.1f s", error, delay_s)  # noqa: TRY400
                if failures > PATIENCE_FAILURES:
                    self._renew_listener()
            else:
                self._ready.set()
                return

    async def _bring_up(self) -> WorkerProcess:
        """A new worker that has the newest routing, and listens if there is one.

        Raises:
            WorkerLost: it ended instead, or as soon as it had come up.
        """
        worker = await self._start()
        try:
            await self._bring_up_to_date(worker)
        except Exception:
            # Not where this is broken off: it may have taken requests, and is told to stop.
            worker.process.kill()
            raise
        if worker not in self._told:
            # Its watch has ended, and has nobody to replace: it was not this place's worker yet.
            raise WorkerLost(f"worker {worker.number} ended as soon as it had come up")
        return worker

    async def _start(self) -> WorkerProcess:
        """A new worker that takes commands."""
        number = await self._numbers.get()
        try:
            worker = WorkerProcess.start(self._folder, number, self._address, self._listener)
            try:
                await worker.connect()
            except BaseException:
                await worker.kill()
                raise
        except BaseException:
            self._numbers.put_nowait(number)
            raise
        self._admit(worker)
        return worker

    async def _bring_up_to_date(self, worker: WorkerProcess) -> None:
        await worker.apply(self._newest)

    def _admit(self, worker: WorkerProcess) -> None:
        """From now on it is told of each change, and watched."""
        self._told.append(worker)
        self._tasks.start(self._watch(worker), f"watch of worker {worker.number}")

    async def _watch(self, worker: WorkerProcess) -> None:
        exited = asyncio.create_task(worker.process.wait())
        try:
            while not (await asyncio.wait({exited}, timeout=PING_EVERY_S))[0]:
                try:
                    # How long one that leaves may take is bounded already.
                    if not worker.is_stopping:
                        await self._ping(worker)
                except WorkerLost as error:
                    self._condemn(worker, error)
                    await worker.process.wait()
        finally:
            exited.cancel()
        # In one turn: while the place is ready somebody is told, whom ``apply`` can wait for.
        self._told.remove(worker)
        self._miss(worker, "ended unexpectedly")
        await worker.disconnect()
        # One that was found may be of a time when there were more.
        if worker.number < sharing(self._address.workers):
            self._numbers.put_nowait(worker.number)

    async def _ping(self, worker: WorkerProcess) -> None:
        pong = await worker.ping(PING_TIMEOUT_S)
        if pong.is_stopping and not worker.is_stopping:
            self._miss(worker, "was told to end by somebody else")
            # It drains by its own time already; this bounds it.
            self._stop_soon(worker, max(self._live.drain_timeout_ms, SIGNAL_DRAIN_MS))

    async def _present(self) -> WorkerProcess:
        """The worker, once there is one that has the newest routing."""
        while self._worker is None or not self._ready.is_set():
            await self._ready.wait()
        return self._worker

    def _miss(self, worker: WorkerProcess, what: str) -> None:
        """Has another one started if it was this place's."""
        if worker is not self._worker:
            return
        self._worker = None
        self._ready.clear()
        log_file = self._folder.worker_log(worker.number)
        log.warning("worker %d %s; its log is %s", worker.number, what, log_file)
        self._tasks.start(self._come(RESTART_DELAY_S_MIN), "start of a worker")

    def _stop_soon(self, worker: WorkerProcess, drain_timeout_ms: int) -> None:
        stop = worker.stop(drain_timeout_ms, RELOAD_GRACE_MS)
        self._tasks.start(stop, f"end of worker {worker.number}")

    async def _tell(self, worker: WorkerProcess) -> None:
        try:
            await self._bring_up_to_date(worker)
        except WorkerLost as error:
            self._condemn(worker, error)
            # Then it routes nothing any more.
            await worker.process.wait()

    def _condemn(self, worker: WorkerProcess, reason: Exception) -> None:
        """A worker that can't be brought up to date must not go on serving."""
        if not worker.process.is_running:
            return
        if worker is self._worker:
            self._reason = str(reason)
            self._ready.clear()
        if not worker.is_stopping:
            log.error("worker %d is ended: %s", worker.number, reason)
        worker.process.kill()

    def _renew_listener(self) -> None:
        """Who waits for a worker that doesn't come is better off with another one."""
        try:
            new = self._new_listener()
        except (TurnoutError, OSError) as error:
            log.error("its connections go on waiting: %s", error)  # noqa: TRY400
        else:
            self._listener.close()
            self._listener = new
