"""One place among the workers: always a process that has the newest routing.

A worker that dies, hangs or refuses a routing is replaced, and its successor gets the
routing before anybody may call it: so no worker ever serves by an older one for long.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable

import msgspec
from msgspec import Struct

from router.control_plane.layout import StateFolder
from router.control_plane.processes import Process, find, module_command, spawn
from router.control_plane.tasks import Tasks
from router.control_plane.tuning import FOR_SPEED
from router.control_plane.worker_link import WorkerLink, WorkerLost
from router.core.config import TlsFiles
from router.core.errors import TurnoutError
from router.core.listener_limits import ListenerLimits
from router.core.routing import Routing
from router.core.worker_protocol import (
    Applied,
    Apply,
    AwaitDrained,
    Counted,
    Drained,
    GetStatistics,
    Stop,
    Stopping,
)

WORKER_MODULE = "router.data_plane"
CONNECT_TIMEOUT_S = 30.0
# A worker waits up to 5 s for new instances to be connected before it swaps.
APPLY_TIMEOUT_S = 20.0
REPLY_TIMEOUT_S = 10.0
# Time for a worker to be replaced, several times over.
REPLACE_TIMEOUT_S = 60.0
# What a worker may take to end over and above its time to drain.
EXIT_GRACE_MS = 5000
RESTART_DELAY_S_MIN = 0.1
RESTART_DELAY_S_MAX = 10.0

log = logging.getLogger(__name__)


class WorkerAddress(Struct, frozen=True, kw_only=True):
    """Where workers listen for clients, what they accept, and how many they are.

    Attributes:
        journal_max_bytes: what the journal of each may have; None for no journal.
    """

    host: str
    port: int
    workers: int
    journal_max_bytes: int | None
    traffic_log: bool
    limits: ListenerLimits
    tls: TlsFiles | None


class WorkerSlot:
    """Keeps one worker running.

    Args:
        newest: the routing that a new worker gets first; None while there is none.
    """

    def __init__(
        self, folder: StateFolder, number: int, newest: Callable[[], Routing | None]
    ) -> None:
        self.process: Process | None = None
        self._folder = folder
        self._number = number
        self._newest = newest
        self._generation = 0
        self._reason = "it ended at its start"
        self._link: WorkerLink | None = None
        self._ready = asyncio.Event()
        self._tasks = Tasks()

    def start(self, address: WorkerAddress) -> None:
        """Takes up the worker that runs, or starts one, and keeps one running from now on."""
        self._tasks.start(self._keep(address), f"worker {self._number}")

    async def apply(self, routing: Routing) -> None:
        """Returns when the worker of this slot routes by ``routing`` or a newer one.

        Raises:
            TurnoutError: no worker came up that would.
        """
        try:
            async with asyncio.timeout(REPLACE_TIMEOUT_S):
                await self._apply_to_whoever_comes(routing)
        except TimeoutError:
            raise TurnoutError(
                f"expected worker {self._number} to take a new routing within "
                f"{REPLACE_TIMEOUT_S:.0f} s, got: {self._reason}. Its log is "
                f"{self._folder.worker_log(self._number)}; once it runs, it takes the routing."
            ) from None

    async def await_drained(self, instance_ids: tuple[str, ...], timeout_ms: int) -> set[str]:
        """Which of the instances still hold requests of this worker when the time is over."""
        if self._link is None:
            return set()
        timeout_s = timeout_ms / 1000 + REPLY_TIMEOUT_S
        try:
            reply = await self._link.call(
                AwaitDrained(instance_ids, timeout_ms), Drained, timeout_s
            )
        except WorkerLost:
            # A worker that is gone holds nothing.
            return set()
        return set(reply.remaining)

    async def statistics(self) -> Counted | None:
        """The worker's counters; None while it is being replaced."""
        if self._link is None:
            return None
        try:
            return await self._link.call(GetStatistics(), Counted, REPLY_TIMEOUT_S)
        except WorkerLost:
            return None

    async def stop(self, drain_timeout_ms: int) -> None:
        """Lets the worker drain and end, and starts no other."""
        await self._tasks.cancel()
        if self.process is None:
            return
        if self._link is not None:
            with contextlib.suppress(WorkerLost):
                await self._link.call(Stop(drain_timeout_ms), Stopping, REPLY_TIMEOUT_S)
                await self.process.wait_or_kill(drain_timeout_ms + EXIT_GRACE_MS)
        await self.process.terminate(timeout_ms=EXIT_GRACE_MS)
        await self._disconnect()

    async def close(self) -> None:
        """Lets go of the worker; it runs on."""
        await self._tasks.cancel()
        await self._disconnect()

    async def _apply_to_whoever_comes(self, routing: Routing) -> None:
        while True:
            await self._ready.wait()
            if self._generation >= routing.generation:
                return
            process = self.process
            try:
                await self._apply(routing)
            except WorkerLost as error:
                if process is self.process:
                    self._kill(error)

    async def _keep(self, address: WorkerAddress) -> None:
        delay_s = RESTART_DELAY_S_MIN
        while True:
            self.process = find(self._folder.worker_record(self._number)) or self._spawn(address)
            try:
                await self._connect()
            except (WorkerLost, OSError) as error:
                self._kill(error)
            if await self._until_exit():
                delay_s = RESTART_DELAY_S_MIN
            await self._disconnect()
            log.warning(
                "worker %d ended unexpectedly; its log is %s; starting another in %.1f s",
                self._number,
                self._folder.worker_log(self._number),
                delay_s,
            )
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, RESTART_DELAY_S_MAX)

    async def _connect(self) -> None:
        """Connects and brings the worker up to date before ``apply`` may use it."""
        assert self.process is not None
        connecting = asyncio.create_task(
            WorkerLink.connect(self._folder.worker_socket(self._number))
        )
        exited = asyncio.create_task(self.process.wait())
        try:
            await asyncio.wait(
                {connecting, exited},
                timeout=CONNECT_TIMEOUT_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not connecting.done():
                raise WorkerLost("it never listened on its control socket")
            self._link = connecting.result()
        finally:
            connecting.cancel()
            exited.cancel()
        self._generation = 0
        if (routing := self._newest()) is not None:
            await self._apply(routing)
        self._ready.set()

    async def _apply(self, routing: Routing) -> None:
        assert self._link is not None
        reply = await self._link.call(Apply(routing), Applied, APPLY_TIMEOUT_S)
        self._generation = reply.generation

    async def _until_exit(self) -> bool:
        """Waits for the exit; tells whether the worker had been up to date."""
        assert self.process is not None
        await self.process.wait()
        return self._ready.is_set()

    async def _disconnect(self) -> None:
        self._ready.clear()
        if self._link is not None:
            await self._link.close()
            self._link = None

    def _kill(self, reason: Exception) -> None:
        """A worker that can't be brought up to date must not go on serving."""
        assert self.process is not None
        log.error("worker %d is replaced: %s", self._number, reason)
        self._reason = str(reason)
        self._ready.clear()
        self.process.kill()

    def _spawn(self, address: WorkerAddress) -> Process:
        return spawn(
            [
                *module_command(WORKER_MODULE),
                *("--socket", str(self._folder.worker_socket(self._number))),
                *("--host", address.host),
                *("--port", str(address.port)),
                *("--limits", msgspec.json.encode(address.limits).decode()),
                *("--budgets", str(self._folder.budgets)),
                *("--worker", str(self._number)),
                *("--workers", str(address.workers)),
                *self._options(address),
            ],
            {**os.environ, **FOR_SPEED},
            log=self._folder.worker_log(self._number),
            record=self._folder.worker_record(self._number),
            details=msgspec.to_builtins(address),
        )

    def _options(self, address: WorkerAddress) -> list[str]:
        options = []
        if address.journal_max_bytes is not None:
            options += ["--journal", str(self._folder.journals)]
            options += ["--journal-max-bytes", str(address.journal_max_bytes)]
        if address.traffic_log:
            options += ["--traffic-log", str(self._folder.traffic_log(self._number))]
        if address.tls is not None:
            options += ["--certificate", address.tls.certificate, "--key", address.tls.key]
        return options
