"""Workers in the hands of a control plane: real processes, without instances behind them."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from router.control_plane import worker_process, worker_slot
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.worker_link import WorkerLink
from router.control_plane.worker_process import WorkerAddress, WorkerProcess
from router.control_plane.worker_slot import PATIENCE_FAILURES
from router.control_plane.workers import WorkerPool
from router.core.config import DaemonConfig, DataPlaneSettings
from router.core.errors import TurnoutError
from router.core.routing import EndpointRoute, Routing
from router.core.worker_protocol import Apply, Command
from tests.control_plane.daemon import is_running

WAIT_S = 30
ENDPOINT = EndpointRoute(name="my-endpoint", keys=("key",), deployments=(), traffic={})
ASK = b"POST /my-endpoint/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\n"
NONE_TO_SERVE, UNKNOWN = b"404", b"401"
Newest = Callable[[], Routing | None]


async def started(folder: Path, workers: int) -> WorkerPool:
    state = StateFolder(folder)
    state.create()
    config = DaemonConfig(data_plane=DataPlaneSettings(port=0, workers=workers))
    pool = WorkerPool(state, config.data_plane, LiveSettings(config))
    await pool.start()
    return pool


@pytest.fixture
async def pool(folder: Path) -> AsyncIterator[WorkerPool]:
    pool = await started(folder, workers=1)
    yield pool
    await pool.stop()


async def status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """That of a request on an open connection."""
    writer.write(ASK + b"Content-Length: 0\r\n\r\n")
    async with asyncio.timeout(WAIT_S):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
    return head.split()[1]


async def half_asked(pool: WorkerPool) -> asyncio.StreamWriter:
    """A connection to a worker that owes it an answer until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", pool._port)
    assert await status(reader, writer) == NONE_TO_SERVE
    writer.write(ASK + b"Content-Length: 2\r\n\r\n{")
    return writer


def leaving(pool: WorkerPool) -> list[WorkerProcess]:
    return [worker for worker in pool._slots[0]._told if worker.is_stopping]


def kill_workers(pool: WorkerPool) -> None:
    for pid in pool.pids:
        os.kill(pid, signal.SIGKILL)


async def test_a_worker_that_leaves_routes_nothing_by_older_rules(pool: WorkerPool) -> None:
    await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
    connection = await asyncio.open_connection("127.0.0.1", pool._port)
    assert await status(*connection) == NONE_TO_SERVE
    reload = asyncio.create_task(pool.reload())
    async with asyncio.timeout(WAIT_S):
        while not leaving(pool):
            await asyncio.sleep(0.001)
    # Nobody else may connect to it; who is connected may ask once more.
    await pool.apply(Routing(generation=2))
    assert await status(*connection) == UNKNOWN
    assert await connection[0].read() == b"", "that was the last answer"
    connection[1].close()
    await reload


async def test_changes_that_a_worker_has_kept_waiting_it_is_told_as_one(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.apply(Routing(generation=1))
    call, told = WorkerLink.call, []

    async def noted(self: WorkerLink, command: Command, *rest: Any) -> Any:
        if isinstance(command, Apply):
            told.append(command.routing.generation)
        return await call(self, command, *rest)

    monkeypatch.setattr(WorkerLink, "call", noted)
    worker = pool.pids[0]
    os.kill(worker, signal.SIGSTOP)
    changes = []
    for number in range(2, 12):
        changes.append(asyncio.create_task(pool.apply(Routing(generation=number))))
        # Each asks in its own time.
        for _ in range(10):
            await asyncio.sleep(0)
    os.kill(worker, signal.SIGCONT)
    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(*changes)
    assert told == [2, 11]


async def test_a_successor_that_does_not_come_up_leaves_the_present_worker(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
    before = pool.pids
    monkeypatch.setattr("router.control_plane.worker_process.WORKER_MODULE", "no.such.module")
    with pytest.raises(TurnoutError, match=r"The present one serves on\."):
        await pool.reload()
    monkeypatch.undo()
    assert pool.pids == before
    connection = await asyncio.open_connection("127.0.0.1", pool._port)
    assert await status(*connection) == NONE_TO_SERVE
    connection[1].close()
    await pool.reload()
    assert pool.pids != before


async def test_who_waits_to_be_accepted_is_served_though_successors_end_at_their_start(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
    start, starts = WorkerProcess.start, 0

    def flaky(
        folder: StateFolder, number: int, address: WorkerAddress, listener: socket.socket
    ) -> WorkerProcess:
        nonlocal starts
        starts += 1
        if starts <= PATIENCE_FAILURES:
            raise OSError("it ended at its start")
        return start(folder, number, address, listener)

    monkeypatch.setattr(WorkerProcess, "start", flaky)
    kill_workers(pool)
    waiting = await asyncio.open_connection("127.0.0.1", pool._port)
    assert await status(*waiting) == NONE_TO_SERVE
    assert starts == PATIENCE_FAILURES + 1
    waiting[1].close()


async def test_who_waits_for_a_place_where_no_worker_can_start_is_let_go(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))

    def broken(*_: object) -> WorkerProcess:
        raise OSError("it ended at its start")

    monkeypatch.setattr(WorkerProcess, "start", broken)
    kill_workers(pool)
    reader, writer = await asyncio.open_connection("127.0.0.1", pool._port)
    async with asyncio.timeout(WAIT_S):
        with pytest.raises(ConnectionResetError):
            await reader.read()
    writer.close()


async def test_a_successor_that_ends_as_soon_as_it_has_come_up_is_replaced_as_well(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control plane stands still meanwhile: it sees the reply and the exit in one turn."""
    await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
    apply, killed = WorkerProcess.apply, asyncio.Event()

    async def apply_and_die(self: WorkerProcess, newest: Newest) -> None:
        await apply(self, newest)
        if not killed.is_set():
            killed.set()
            self.process.kill()
            await self.process.wait()
            # Its watch, which saw the exit first, has come to its end.
            async with asyncio.timeout(WAIT_S):
                while self in pool._slots[0]._told:
                    await asyncio.sleep(0)

    monkeypatch.setattr(WorkerProcess, "apply", apply_and_die)
    kill_workers(pool)
    async with asyncio.timeout(WAIT_S):
        await killed.wait()
        await pool.apply(Routing(generation=2, endpoints=(ENDPOINT,)))
    connection = await asyncio.open_connection("127.0.0.1", pool._port)
    assert await status(*connection) == NONE_TO_SERVE
    connection[1].close()


class Caught:
    """The next successor, between its first routing, since when it listens, and what follows.

    Attributes:
        client: connected to it, with a request half sent.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pool: WorkerPool) -> None:
        self.there, self.go = asyncio.Event(), asyncio.Event()
        self._pool = pool
        apply = WorkerProcess.apply

        async def caught(worker: WorkerProcess, newest: Newest) -> None:
            await apply(worker, newest)
            if worker is not pool._slots[0]._worker and not self.there.is_set():
                self.there.set()
                await self.go.wait()

        monkeypatch.setattr(WorkerProcess, "apply", caught)

    async def ask_half(self) -> None:
        self.client = await asyncio.open_connection("127.0.0.1", self._pool._port)
        assert await status(*self.client) == NONE_TO_SERVE
        self.client[1].write(ASK + b"Content-Length: 2\r\n\r\n{")

    async def is_answered(self) -> bool:
        reader, writer = self.client
        writer.write(b"}")
        async with asyncio.timeout(WAIT_S):
            head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return head.split()[1] == NONE_TO_SERVE


async def test_a_successor_whose_predecessor_died_meanwhile_answers_what_it_has_taken(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
    caught = Caught(monkeypatch, pool)
    async with asyncio.timeout(WAIT_S):
        reload = asyncio.create_task(pool.reload())
        await caught.there.wait()
        kill_workers(pool)
        while pool.pids:
            await asyncio.sleep(0.001)
        await caught.ask_half()
        caught.go.set()
        while not leaving(pool):
            await asyncio.sleep(0.001)
        assert await caught.is_answered()
        await reload


async def test_a_successor_that_comes_up_when_everything_stops_answers_what_it_has_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await started(folder, workers=1)
    await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
    caught = Caught(monkeypatch, pool)
    async with asyncio.timeout(WAIT_S):
        kill_workers(pool)
        await caught.there.wait()
        await caught.ask_half()
        stop = asyncio.create_task(pool.stop())
        while not leaving(pool):
            await asyncio.sleep(0.001)
        assert await caught.is_answered()
        await stop


async def test_each_place_has_a_successor_though_all_workers_drain_at_once(folder: Path) -> None:
    pool = await started(folder, workers=2)
    async with asyncio.timeout(WAIT_S):
        await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
        old = set(pool.pids)
        # Enough of them that each worker has one.
        clients = [await asyncio.open_connection("127.0.0.1", pool._port) for _ in range(20)]
        for client in clients:
            assert await status(*client) == NONE_TO_SERVE
            client[1].write(ASK + b"Content-Length: 2\r\n\r\n{")
        for pid in old:
            os.kill(pid, signal.SIGTERM)
        while len(pool.pids) < 2 or old & set(pool.pids):
            await asyncio.sleep(0.01)
        assert all(is_running(pid) for pid in old), "they owe answers"
        for _, writer in clients:
            writer.close()
        await pool.stop()


async def test_a_worker_that_drains_while_a_reload_drains_another_has_a_successor(
    pool: WorkerPool,
) -> None:
    async with asyncio.timeout(WAIT_S):
        await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
        clients = [await half_asked(pool)]
        reload = asyncio.create_task(pool.reload())
        while not leaving(pool):
            await asyncio.sleep(0.001)
        (second,) = pool.pids
        while not (await leaving(pool)[0].ping(WAIT_S)).is_stopping:
            pass
        # Enough of them that it has one, should the first still take in a connection.
        clients += [await half_asked(pool) for _ in range(10)]
        os.kill(second, signal.SIGTERM)
        while second in pool.pids or not pool.pids:
            await asyncio.sleep(0.001)
        assert len(leaving(pool)) == 2, "both owe answers"
        assert not reload.done()
        clients.append(await half_asked(pool))
        for writer in clients:
            writer.close()
        await reload


async def test_who_leaves_a_place_where_no_other_comes_up_is_told_of_changes(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
    client = await half_asked(pool)
    monkeypatch.setattr(worker_process, "WORKER_MODULE", "no.such.module")
    (old,) = pool._slots[0]._told
    os.kill(old.process.pid, signal.SIGTERM)
    async with asyncio.timeout(WAIT_S):
        while pool.pids:
            await asyncio.sleep(0.001)
        change = asyncio.create_task(pool.apply(Routing(generation=2)))
        while old.generation < 2:
            await asyncio.sleep(0.001)
        assert leaving(pool) == [old]
        assert not change.done(), "nobody else routes by it yet"
        monkeypatch.undo()
        await change
    client.close()


async def test_a_worker_that_hangs_in_a_drain_that_somebody_else_began_is_ended(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_slot, "SIGNAL_DRAIN_MS", 100)
    monkeypatch.setattr(worker_process, "EXIT_GRACE_MS", 100)
    pool._live.drain_timeout_ms = 100
    await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
    (old,) = pool.pids
    reader, writer = await asyncio.open_connection("127.0.0.1", pool._port)
    assert await status(reader, writer) == NONE_TO_SERVE
    writer.write(ASK + b"Content-Length: 2\r\n\r\n{")
    os.kill(old, signal.SIGTERM)
    async with asyncio.timeout(WAIT_S):
        while old in pool.pids:
            await asyncio.sleep(0.001)
        os.kill(old, signal.SIGSTOP)
        while is_running(old):
            await asyncio.sleep(0.01)
    writer.close()


async def test_a_reload_says_why_there_is_no_worker_to_be_replaced(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
    monkeypatch.setattr(worker_process, "WORKER_MODULE", "no.such.module")
    monkeypatch.setattr(worker_slot, "REPLACE_TIMEOUT_S", 0.5)
    kill_workers(pool)
    async with asyncio.timeout(WAIT_S):
        while pool.pids:
            await asyncio.sleep(0.001)
        with pytest.raises(TurnoutError, match=r"got none within .* it ended at its start"):
            await pool.reload()


async def test_who_comes_after_a_worker_that_was_killed_has_its_number_and_begins_its_counts_anew(
    pool: WorkerPool,
) -> None:
    await pool.apply(Routing(generation=1, endpoints=(ENDPOINT,)))
    async with asyncio.timeout(WAIT_S):
        # From now on it is not the lowest that is free.
        await pool.reload()
        before = list(await pool.statistics_by_worker())
        kill_workers(pool)
        await pool.apply(Routing(generation=2, endpoints=(ENDPOINT,)))
        assert list(await pool.statistics_by_worker()) == before
