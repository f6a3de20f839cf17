"""A worker process: an engine, an HTTP listener in front and a control socket beside it.

It knows nothing until the control plane applies a routing, and opens its listener only
then: a client never meets a worker that does not know its endpoint yet. It goes on
serving when the control plane is gone. The socket it listens on it was given, and lends:
its successor accepts from the same queue, so that no connection is lost between them.
"""

import asyncio
import logging
import os
import signal
import socket
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from router.core.budgets import Budgets, LocalBudgets, sharing
from router.core.listener_limits import ListenerLimits
from router.core.statistics import WorkerStatistics
from router.core.worker_protocol import (
    SIGNAL_DRAIN_MS,
    Applied,
    Apply,
    AwaitDrained,
    Command,
    Counted,
    Drained,
    GetStatistics,
    LendListener,
    Lent,
    Ping,
    Pong,
    Reply,
    Stop,
    Stopping,
)
from router.data_plane.budgets import SharedBudgets
from router.data_plane.control import ControlSocket
from router.data_plane.engine import Engine, now_ns
from router.data_plane.journal_file import JournalFile, journal_path
from router.data_plane.listener import Listener
from router.data_plane.tls import Certificate
from router.data_plane.traffic_log import TrafficLog

# After a signal; the control plane says what it wants.
DRAIN_TIMEOUT_S = SIGNAL_DRAIN_MS / 1000
IDLE_GRACE_S = 0.1
EXIT_FORCED = 1

log = logging.getLogger(__name__)


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """What a worker's command line says.

    Attributes:
        listener: the number of a file: a bound socket, or one that its predecessor listens on.
        budgets: the file that workers share of endpoints' quotas.
        worker: this one's number, from 0; those that leave have theirs until they have ended.
        workers: how many there are.
        journal: the folder that gets what is written down of the core, if that is wanted.
        journal_max_bytes: how much that may be.
        traffic_log: the file that gets a line for each request, if one is wanted.
        certificate, key: PEM files; without them it is plain HTTP.
    """

    socket: Path
    listener: int
    limits: ListenerLimits
    budgets: Path
    worker: int
    workers: int
    journal: Path | None = None
    journal_max_bytes: int = 0
    traffic_log: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


async def serve(settings: WorkerSettings) -> None:
    """Runs the worker until it is told to stop, by command or by signal, and has drained."""
    worker = _Worker(settings)
    await worker.run()


class _Worker:
    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._journal = _journal(settings)
        self._engine = Engine(
            _budgets(settings),
            self._journal.write if self._journal is not None else None,
            settings.worker,
        )
        self._listener = Listener(
            self._engine.dispatcher,
            self._engine.request_ids,
            settings.limits,
            TrafficLog(settings.traffic_log) if settings.traffic_log is not None else None,
            _certificate(settings),
        )
        self._control = ControlSocket(settings.socket, self._handle)
        self._socket = socket.socket(fileno=settings.listener)
        self._listening = False
        self._opening = asyncio.Lock()
        self._stop = asyncio.Event()
        self._drain_timeout_s = DRAIN_TIMEOUT_S
        self._idle_grace_s = IDLE_GRACE_S

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        self._engine.start()
        await self._control.open()
        await self._stop.wait()
        # The listener has its own copy, until it has taken in what waits.
        self._socket.close()
        # Streams last: what was taken still needs them. Whoever waits then is told that it ends.
        await self._listener.drain(self._drain_timeout_s, self._idle_grace_s)
        await self._engine.close()
        await self._listener.close()
        if self._journal is not None:
            await self._journal.close()
        await self._control.close()

    def _on_signal(self) -> None:
        if self._stop.is_set():
            os._exit(EXIT_FORCED)
        self._stop.set()

    async def _listen(self) -> None:
        async with self._opening:
            if not self._listening and not self._stop.is_set():
                await self._listener.open_on(self._socket.dup())
                self._listening = True

    def _lend(self, path: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as borrower:
            borrower.connect(path)
            socket.send_fds(borrower, [b"."], [self._socket.fileno()])

    async def _handle(self, command: Command) -> Reply:
        match command:
            case Apply(routing):
                await self._engine.apply(routing)
                await self._listen()
                return Applied(routing.generation)
            case AwaitDrained(instance_ids, timeout_ms):
                remaining = await self._engine.await_drained(instance_ids, timeout_ms / 1000)
                return Drained(tuple(remaining))
            case GetStatistics():
                owed = self._engine.dispatcher.instances(now_ns())
                return Counted(self._statistics(), owed)
            case Ping():
                return Pong(self._stop.is_set(), self._engine.given_generation)
            case LendListener(path):
                is_stopping = self._stop.is_set()
                if not is_stopping:
                    self._lend(path)
                return Lent(is_stopping)
            case Stop(drain_timeout_ms, idle_grace_ms):
                self._drain_timeout_s = drain_timeout_ms / 1000
                self._idle_grace_s = idle_grace_ms / 1000
                # After the reply is written.
                asyncio.get_running_loop().call_soon(self._stop.set)
                return Stopping()

    def _statistics(self) -> WorkerStatistics:
        traffic_log = self._listener.traffic_log
        return replace(
            self._engine.statistics(),
            lost_log_lines=0 if traffic_log is None else traffic_log.lost,
        )


def _certificate(settings: WorkerSettings) -> Certificate | None:
    if settings.certificate is None or settings.key is None:
        return None
    return Certificate(settings.certificate, settings.key)


def _journal(settings: WorkerSettings) -> JournalFile | None:
    """None, too, if it can't be made: a worker without one serves."""
    if settings.journal is None:
        return None
    path = journal_path(settings.journal, settings.worker)
    try:
        return JournalFile(path, settings.journal_max_bytes)
    except OSError as error:
        log.error("expected to write the journal %s, got: %s", path, error)  # noqa: TRY400 - the words say it
        return None


def _budgets(settings: WorkerSettings) -> Budgets:
    """A worker that is the only one shares nothing."""
    if settings.workers == 1:
        return LocalBudgets()
    try:
        return SharedBudgets(settings.budgets, settings.worker, sharing(settings.workers))
    except OSError as error:
        log.error(  # noqa: TRY400 - the words say it
            "expected a file for limits that all workers share, got: %s: %s. This worker has all "
            "limits by itself until it is reloaded.",
            settings.budgets, error,
        )  # fmt: skip
        return LocalBudgets()
