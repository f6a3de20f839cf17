"""The workers of this machine, as one: what they are told, all are told.

``Workers`` is what the control plane needs of a data plane; the router that runs inside a
user's program fulfils it too.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from typing import Protocol

from router.control_plane.counts import sum_of_workers
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.ports import address_of, base_url, reserve_port, share_port
from router.control_plane.queues import refuse_new
from router.control_plane.tasks import Tasks
from router.control_plane.worker_finding import FoundWorker, choose, find_workers
from router.control_plane.worker_process import WorkerAddress
from router.control_plane.worker_slot import STOP_GRACE_MS, WorkerSlot
from router.core.budgets import sharing
from router.core.config import DataPlaneSettings
from router.core.errors import TurnoutError
from router.core.routing import Routing
from router.core.statistics import InstanceStatistics, WorkerStatistics, sum_of_instances
from router.core.worker_protocol import Counted


class Workers(Protocol):
    """What routes."""

    @property
    def generation(self) -> int:
        """Of the newest routing that they were given; 0 before the first."""

    @property
    def scoring_base(self) -> str:
        """The URL under which endpoints are called, without a slash at its end."""

    async def apply(self, routing: Routing) -> None:
        """Returns when no request that arrives later is routed by an older one."""

    async def await_drained(self, instance_ids: Sequence[str], timeout_ms: int) -> Iterable[str]:
        """Waits until the instances hold no request; returns those that still do."""

    async def statistics(self) -> WorkerStatistics:
        """Counters, summed over all workers."""

    async def instances(self) -> Sequence[InstanceStatistics]:
        """What each instance owes, all workers together."""


class WorkerPool:
    """Worker processes on one port.

    Args:
        settings: how many, and where they listen.
        live: how long they may drain; may change meanwhile.

    Attributes:
        found_any: whether workers of a former control plane ran when this one started.
    """

    def __init__(
        self, folder: StateFolder, settings: DataPlaneSettings, live: LiveSettings
    ) -> None:
        self._folder = folder
        self._live = live
        self._settings = settings
        self._routing: Routing | None = None
        self._found_generation = 0
        self.found_any = False
        self._port = settings.port
        # The last first: who comes after a worker that was killed has its number, and so begins
        # its counts anew, which the dead one would else have for good.
        self._numbers: asyncio.LifoQueue[int] = asyncio.LifoQueue()
        self._slots: list[WorkerSlot] = []
        self._are_old = False
        self._reloading = asyncio.Lock()
        self._tasks = Tasks()

    @property
    def generation(self) -> int:
        """Of the newest routing; a former control plane's if there is none yet."""
        return self._found_generation if self._routing is None else self._routing.generation

    @property
    def scoring_base(self) -> str:
        """The URL under which endpoints are called; right once ``start`` returned."""
        scheme = "http" if self._settings.tls is None else "https"
        return base_url(self._settings.host, self._port, scheme)

    @property
    def pids(self) -> list[int]:
        """The workers' process ids; one that is being replaced is missing."""
        return [slot.process.pid for slot in self._slots if slot.process is not None]

    async def start(self) -> None:
        """Takes up the workers that run and starts those that are missing.

        They open their port with the first ``apply``. Those with other settings than are
        wanted now are replaced after it, one at a time.

        Raises:
            TurnoutError: the port is in use.
        """
        found = await find_workers(self._folder)
        self.found_any = bool(found)
        self._found_generation = max((one.generation for one in found), default=0)
        kept, leaving = choose(found, self._settings)
        if not found:
            # Its times are of the machine's last start, perhaps.
            self._folder.budgets.unlink(missing_ok=True)
        listeners = [listener for _, listener in kept] or [await self._take_port(leaving)]
        _, self._port = address_of(listeners[0])
        while len(listeners) < self._settings.workers:
            listeners.append(self._share())
        present = [*(worker for worker, _ in kept), *(one.worker for one in leaving)]
        numbers = {worker.number for worker in present}
        for number in reversed(range(sharing(self._settings.workers))):
            if number not in numbers:
                self._numbers.put_nowait(number)
        address = self._address()
        running = dict(enumerate(worker for worker, _ in kept))
        for place, listener in enumerate(listeners):
            slot = WorkerSlot(
                self._folder,
                self._numbers,
                listener,
                self._share,
                lambda: self._routing,
                self._live,
            )
            self._slots.append(slot)
            slot.start(address, running.get(place))
        self._are_old = any(worker.address != address for worker in running.values())
        for one in leaving:
            if one.listener is not None:
                self._close(one.listener)
            self._slots[0].let_go(one.worker)

    async def apply(self, routing: Routing) -> None:
        """Returns when every worker routes by ``routing``."""
        assert self._routing is None or routing.generation > self._routing.generation
        self._routing = routing
        await asyncio.gather(*(slot.apply(routing) for slot in self._slots))
        if self._are_old:
            self._are_old = False
            self._tasks.start(self.reload(), "replacement of workers with other settings")

    async def reload(self) -> None:
        """Replaces workers one at a time, by new processes of the code that is installed now.

        No connection is refused: a successor accepts from the socket of the worker before it,
        which then answers what it has taken, and tells its clients to connect anew.

        Raises:
            TurnoutError: one did not come up. What was replaced stays; the others serve on.
        """
        async with self._reloading:
            for slot in self._slots:
                await slot.replace(self._address())

    async def await_drained(self, instance_ids: Sequence[str], timeout_ms: int) -> set[str]:
        """Waits until the instances hold no request in any worker; returns those that do."""
        ids = tuple(instance_ids)
        remaining = await asyncio.gather(
            *(slot.await_drained(ids, timeout_ms) for slot in self._slots)
        )
        return set().union(*remaining)

    async def statistics(self) -> WorkerStatistics:
        """Counters of all workers; those of a worker that is gone went with it."""
        return sum_of_workers([*(await self.statistics_by_worker()).values()])

    async def statistics_by_worker(self) -> dict[int, WorkerStatistics]:
        """Counters by the workers' numbers; one that is being replaced is missing."""
        return {n: reply.statistics for n, reply in (await self._counted()).items()}

    async def instances(self) -> Sequence[InstanceStatistics]:
        """What each instance owes, all workers together."""
        counted = await self._counted()
        return sum_of_instances(row for reply in counted.values() for row in reply.instances)

    async def stop(self) -> None:
        """Lets every worker drain and end."""
        await self._tasks.cancel()
        await asyncio.gather(*(slot.stop() for slot in self._slots))
        if self._slots:
            self._folder.budgets.unlink(missing_ok=True)

    async def _counted(self) -> dict[int, Counted]:
        """By the workers' numbers; one that is being replaced is missing."""
        counted = await asyncio.gather(*(slot.counted() for slot in self._slots))
        return {number: reply for slot in counted for number, reply in slot.items()}

    def _reserve(self) -> socket.socket:
        return reserve_port(self._settings.host, self._settings.port, "data_plane")

    async def _take_port(self, leaving: list[FoundWorker]) -> socket.socket:
        """The port that is wanted; who has it of those that leave, leaves at once.

        Raises:
            TurnoutError: somebody else has it; those that leave go on.
        """
        try:
            return self._reserve()
        except TurnoutError:
            having = [one for one in leaving if one.has_port(self._settings.port)]
            if not having:
                raise
            await self._end(having)
            for one in having:
                leaving.remove(one)
            self.found_any = bool(leaving)
            return self._reserve()

    def _share(self) -> socket.socket:
        return share_port(self._settings.host, self._port, "data_plane")

    async def _end(self, leaving: list[FoundWorker]) -> None:
        for one in leaving:
            if one.listener is not None:
                self._close(one.listener)
        timeout_ms = self._live.drain_timeout_ms
        await asyncio.gather(*(one.worker.stop(timeout_ms, STOP_GRACE_MS) for one in leaving))

    def _close(self, listener: socket.socket) -> None:
        """Its last worker takes in what waits; unless it is a successor's as well."""
        if not any(slot.holds(listener) for slot in self._slots):
            refuse_new(listener)
        listener.close()

    def _address(self) -> WorkerAddress:
        settings = self._settings
        return WorkerAddress(
            host=settings.host,
            port=self._port,
            workers=settings.workers,
            journal_max_bytes=settings.journal_max_bytes if settings.journal else None,
            traffic_log=settings.traffic_log,
            limits=settings.limits,
            tls=settings.tls,
        )
