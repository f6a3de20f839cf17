"""One worker process: how it is started, connected to, told what to do, and ended.

Which workers there are and what becomes of one that is lost is worker_slot.py's.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

import msgspec
from msgspec import Struct

from router.control_plane.layout import StateFolder
from router.control_plane.processes import Process, find, module_command, spawn
from router.control_plane.queues import borrow
from router.control_plane.tuning import FOR_SPEED
from router.control_plane.worker_link import WorkerLink, WorkerLost
from router.core.config import TlsFiles
from router.core.listener_limits import ListenerLimits
from router.core.routing import Routing
from router.core.worker_protocol import (
    Applied,
    Apply,
    AwaitDrained,
    Counted,
    Drained,
    GetStatistics,
    Ping,
    Pong,
    Stop,
    Stopping,
)

WORKER_MODULE = "router.data_plane"
CONNECT_TIMEOUT_S = 30.0
# Of which a worker waits half a second at most for new instances to be connected.
APPLY_TIMEOUT_S = 20.0
REPLY_TIMEOUT_S = 10.0
# What a worker may take to end over and above its time to drain.
EXIT_GRACE_MS = 5000
# The number by which a worker knows the socket that it inherits.
_LISTENER = 3


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


class WorkerProcess:
    """A worker that runs. Made by ``start`` and ``find``.

    Attributes:
        number: names its files; no other worker that runs has it.
        address: what it was started with; None if another version started it.
        generation: of the routing it is known to route by.
        is_stopping: it was told to stop.
    """

    def __init__(self, folder: StateFolder, number: int, process: Process) -> None:
        self.number = number
        self.process = process
        self.generation = 0
        self.is_stopping = False
        self._folder = folder
        self._link: WorkerLink | None = None
        self._apply_turn = asyncio.Lock()

    @classmethod
    def start(
        cls, folder: StateFolder, number: int, address: WorkerAddress, listener: socket.socket
    ) -> "WorkerProcess":
        """Starts one that will listen on ``listener``."""
        options = []
        if address.journal_max_bytes is not None:
            options += ["--journal", str(folder.journals)]
            options += ["--journal-max-bytes", str(address.journal_max_bytes)]
        if address.traffic_log:
            options += ["--traffic-log", str(folder.traffic_log(number))]
        if address.tls is not None:
            options += ["--certificate", address.tls.certificate, "--key", address.tls.key]
        process = spawn(
            [
                *module_command(WORKER_MODULE),
                *("--socket", str(folder.worker_socket(number))),
                *("--listener", str(_LISTENER)),
                *("--limits", msgspec.json.encode(address.limits).decode()),
                *("--budgets", str(folder.budgets)),
                *("--worker", str(number)),
                *("--workers", str(address.workers)),
                *options,
            ],
            {**os.environ, **FOR_SPEED},
            log=folder.worker_log(number),
            record=folder.worker_record(number),
            details=msgspec.to_builtins(address),
            files={_LISTENER: listener.fileno()},
        )
        return cls(folder, number, process)

    @classmethod
    def find(cls, folder: StateFolder, number: int) -> "WorkerProcess | None":
        """The one of this number that a former control plane started, if it still runs."""
        process = find(folder.worker_record(number))
        return None if process is None else cls(folder, number, process)

    @property
    def address(self) -> WorkerAddress | None:
        """What it was started with; None if another version started it."""
        try:
            return msgspec.convert(self.process.details, WorkerAddress)
        except msgspec.ValidationError:
            return None

    async def connect(self) -> None:
        """Connects as soon as it takes commands.

        Raises:
            WorkerLost: it ended, or never took any.
        """
        connecting = asyncio.create_task(
            WorkerLink.connect(self._folder.worker_socket(self.number))
        )
        exited = asyncio.create_task(self.process.wait())
        try:
            await asyncio.wait(
                {connecting, exited},
                timeout=CONNECT_TIMEOUT_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not connecting.done():
                what = "it ended at its start" if exited.done() else "it took no commands"
                raise WorkerLost(f"{what}; its log is {self._folder.worker_log(self.number)}")
            self._link = connecting.result()
        except OSError as error:
            raise WorkerLost(str(error)) from error
        finally:
            connecting.cancel()
            exited.cancel()

    async def borrow_listener(self) -> socket.socket | None:
        """The socket that it listens on; None if it was told to stop."""
        return await borrow(self._connected, self._folder.run / f"lend-w{self.number}.sock")

    async def apply(self, newest: Callable[[], Routing | None]) -> None:
        """Returns when it routes by what is the newest in its turn; None if there is none."""
        async with self._apply_turn:
            routing = newest()
            if routing is not None and self.generation < routing.generation:
                reply = await self._connected.call(Apply(routing), Applied, APPLY_TIMEOUT_S)
                self.generation = reply.generation

    async def await_drained(self, instance_ids: tuple[str, ...], timeout_ms: int) -> set[str]:
        """Which of the instances still hold requests of it when the time is over."""
        command = AwaitDrained(instance_ids, timeout_ms)
        timeout_s = timeout_ms / 1000 + REPLY_TIMEOUT_S
        return set((await self._connected.call(command, Drained, timeout_s)).remaining)

    async def statistics(self) -> Counted:
        """Its counters."""
        return await self._connected.call(GetStatistics(), Counted, REPLY_TIMEOUT_S)

    async def ping(self, timeout_s: float) -> Pong:
        """Returns if it takes commands."""
        return await self._connected.call(Ping(), Pong, timeout_s)

    async def stop(self, drain_timeout_ms: int, idle_grace_ms: int) -> None:
        """Lets it drain and returns when it has ended."""
        self.is_stopping = True
        with contextlib.suppress(WorkerLost):
            stop = Stop(drain_timeout_ms, idle_grace_ms)
            await self._connected.call(stop, Stopping, REPLY_TIMEOUT_S)
            await self.process.wait_or_kill(drain_timeout_ms + EXIT_GRACE_MS)
        await self.process.terminate(EXIT_GRACE_MS)
        await self.disconnect()

    async def kill(self) -> None:
        """Ends it now; requests in flight are lost."""
        self.process.kill()
        await self.process.wait()
        await self.disconnect()

    async def disconnect(self) -> None:
        """Lets go of it; it runs on."""
        if self._link is not None:
            await self._link.close()

    @property
    def _connected(self) -> WorkerLink:
        if self._link is None:
            raise WorkerLost("it is not connected")
        return self._link
