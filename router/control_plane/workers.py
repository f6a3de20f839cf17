"""The workers of this machine, as one: what they are told, all are told.

``Workers`` is what the control plane needs of a data plane; the router that runs inside a
user's program fulfils it too.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from router.control_plane.counts import sum_of_workers
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.ports import address_of, base_url, reserve_port
from router.control_plane.processes import Process, find, kill_strays
from router.control_plane.worker_slot import (
    EXIT_GRACE_MS,
    WORKER_MODULE,
    WorkerAddress,
    WorkerSlot,
)
from router.core.config import DataPlaneSettings
from router.core.routing import Routing
from router.core.statistics import WorkerStatistics


def _address_in(process: Process) -> WorkerAddress | None:
    """What a running worker was started with; None if another version started it."""
    try:
        return msgspec.convert(process.details, WorkerAddress)
    except msgspec.ValidationError:
        return None


class Workers(Protocol):
    """What routes."""

    @property
    def scoring_base(self) -> str:
        """The URL under which endpoints are called, without a slash at its end."""

    async def apply(self, routing: Routing) -> None:
        """Returns when no request that arrives later is routed by an older one."""

    async def await_drained(self, instance_ids: Sequence[str], timeout_ms: int) -> Iterable[str]:
        """Waits until the instances hold no request; returns those that still do."""

    async def statistics(self) -> WorkerStatistics:
        """Counters, summed over all workers."""


class WorkerPool:
    """Worker processes on one port.

    Args:
        settings: how many, and where they listen.
        live: how long they may drain; may change meanwhile.
    """

    def __init__(
        self, folder: StateFolder, settings: DataPlaneSettings, live: LiveSettings
    ) -> None:
        self._folder = folder
        self._live = live
        self._settings = settings
        self._routing: Routing | None = None
        self._port = settings.port
        self._reservation: socket.socket | None = None
        self._slots = [
            WorkerSlot(folder, number, lambda: self._routing) for number in range(settings.workers)
        ]

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

        They open their port with the first ``apply``.

        Raises:
            TurnoutError: the port is in use.
        """
        running = await self._adopt()
        if running:
            self._port = running[0].port
        else:
            # Its times are of the machine's last start, perhaps.
            self._folder.budgets.unlink(missing_ok=True)
            host, port = self._settings.host, self._settings.port
            self._reservation = reserve_port(host, port, "data_plane")
            _, self._port = address_of(self._reservation)
        for slot in self._slots:
            slot.start(self._address(self._port))

    async def apply(self, routing: Routing) -> None:
        """Returns when every worker routes by ``routing``."""
        assert self._routing is None or routing.generation > self._routing.generation
        self._routing = routing
        await asyncio.gather(*(slot.apply(routing) for slot in self._slots))

    async def await_drained(self, instance_ids: Sequence[str], timeout_ms: int) -> set[str]:
        """Waits until the instances hold no request in any worker; returns those that do."""
        ids = tuple(instance_ids)
        remaining = await asyncio.gather(
            *(slot.await_drained(ids, timeout_ms) for slot in self._slots)
        )
        return set().union(*remaining)

    async def statistics(self) -> WorkerStatistics:
        """Counters of all workers; those of a worker that died are lost with it."""
        return sum_of_workers([*(await self.statistics_by_worker()).values()])

    async def statistics_by_worker(self) -> dict[int, WorkerStatistics]:
        """Counters by the workers' numbers; one that is being replaced is missing."""
        counted = await asyncio.gather(*(slot.statistics() for slot in self._slots))
        return {n: reply.statistics for n, reply in enumerate(counted) if reply is not None}

    async def stop(self) -> None:
        """Lets every worker drain and end."""
        timeout_ms = self._live.drain_timeout_ms
        await asyncio.gather(*(slot.stop(timeout_ms) for slot in self._slots))
        self._folder.budgets.unlink(missing_ok=True)
        self._release_port()

    async def close(self) -> None:
        """Lets go of the workers; they run on."""
        await asyncio.gather(*(slot.close() for slot in self._slots))
        self._release_port()

    def kill(self) -> None:
        """Ends every worker now; requests in flight are lost."""
        for slot in self._slots:
            if slot.process is not None:
                slot.process.kill()

    def _release_port(self) -> None:
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None

    async def _adopt(self) -> list[WorkerAddress]:
        """Where the workers listen that may stay; those of other settings are ended."""
        kept: list[WorkerAddress] = []
        known: set[int] = set()
        ended: list[Process] = []
        for path in self._folder.worker_records():
            process = find(path)
            if process is None:
                continue
            known.add(process.pid)
            number = int(path.stem.removeprefix("w"))
            address = _address_in(process)
            if (
                address is not None
                and number < len(self._slots)
                and address == self._address(self._settings.port or address.port)
            ):
                kept.append(address)
                process.forget()
            else:
                ended.append(process)
        kill_strays(WORKER_MODULE, self._folder.run, known)
        grace_ms = self._live.drain_timeout_ms + EXIT_GRACE_MS
        await asyncio.gather(*(process.terminate(grace_ms) for process in ended))
        return kept

    def _address(self, port: int) -> WorkerAddress:
        settings = self._settings
        return WorkerAddress(
            host=settings.host,
            port=port,
            workers=settings.workers,
            journal_max_bytes=settings.journal_max_bytes if settings.journal else None,
            traffic_log=settings.traffic_log,
            limits=settings.limits,
            tls=settings.tls,
        )
