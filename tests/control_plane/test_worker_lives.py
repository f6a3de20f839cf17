"""Workers of a daemon: replaced when they die, hang, are to be reloaded or have other settings."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import aiohttp
from yarl import URL

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import (
    LIMIT_S,
    Answer,
    Client,
    Daemon,
    is_running,
    kill_and_await_replacement,
)

# One may be an accident; chaos for ten minutes kills two that follow each other.
SUCCESSORS_KILLED = 3
GATED_RUN = """
import pathlib, time
def init(): pass
def run(raw):
    pathlib.Path({reached!r}).touch()
    deadline = time.monotonic() + 30
    while not pathlib.Path({gate!r}).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return 'ok'
"""


async def held_score(client: Client, daemon: Daemon) -> tuple[Path, str, asyncio.Task[Answer]]:
    """A request that runs until the file is there, the key it came with, and its answer."""
    gate, reached = daemon.folder / "gate", daemon.folder / "reached"
    script = GATED_RUN.format(gate=str(gate), reached=str(reached))
    await client.serve("my-endpoint", "blue", daemon.code("code", script))
    key = (await client.call("POST", "my-endpoint/listKeys")).body["primaryKey"]
    score = asyncio.create_task(client.score("my-endpoint", key))
    while not reached.exists():
        await client.call("GET", "/status")
    return gate, key, score


async def stopped_successor(client: Client, daemon: Daemon, before: int) -> int:
    """The worker that is started in place of the one before it, stopped at its start."""
    while (successor := daemon.pids("w").get("w0", before)) == before:
        await client.call("GET", "/status")
    os.kill(successor, signal.SIGSTOP)
    return successor


async def test_a_worker_that_dies_is_replaced_and_gets_the_routing(
    start_daemon: StartDaemon,
) -> None:
    config = {"data_plane": {"port": 0, "workers": 1}, "control_plane": {"port": 0}}
    daemon = start_daemon(**config).wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("code"))
        await kill_and_await_replacement(daemon, "w")
        # An update returns once each worker has it: so the new one serves.
        await client.set_traffic("my-endpoint", blue=100)
        assert (await client.score("my-endpoint")).status == 200


async def test_who_waits_for_a_worker_is_answered_though_its_first_successors_die(
    start_daemon: StartDaemon,
) -> None:
    config = {"data_plane": {"port": 0, "workers": 1}, "control_plane": {"port": 0}}
    daemon = start_daemon(**config).wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("code"))
        key = (await client.call("POST", "my-endpoint/listKeys")).body["primaryKey"]
        worker = daemon.pids("w")["w0"]
        os.kill(worker, signal.SIGKILL)
        # So that it does not come up before the client waits.
        worker = await stopped_successor(client, daemon, worker)
        port = URL(daemon.addresses["scoring_base"]).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /my-endpoint/score HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n"
            b"authorization: Bearer " + key.encode() + b"\r\n\r\n{}"
        )
        for _ in range(SUCCESSORS_KILLED - 1):
            os.kill(worker, signal.SIGKILL)
            worker = await stopped_successor(client, daemon, worker)
        os.kill(worker, signal.SIGKILL)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.close()


async def test_a_worker_that_hangs_is_replaced_and_no_update_waits_for_it_for_ever(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("code"))
        hung = daemon.pids("w")["w0"]
        os.kill(hung, signal.SIGSTOP)
        await client.set_traffic("my-endpoint", blue=100)
        assert not is_running(hung), "else it would route by older rules when it goes on"
        assert len(daemon.pids("w")) == 2
        for _ in range(4):
            assert (await client.score("my-endpoint")).status == 200


async def test_a_worker_that_somebody_else_lets_drain_has_its_successor_at_once(
    start_daemon: StartDaemon,
) -> None:
    one = {"data_plane": {"port": 0, "workers": 1}, "control_plane": {"port": 0}}
    daemon = start_daemon(**one).wait_ready()
    async with Client(daemon) as client, asyncio.timeout(LIMIT_S):
        gate, _key, score = await held_score(client, daemon)
        before = daemon.pids("w")
        os.kill(before["w0"], signal.SIGTERM)
        while daemon.pids("w").keys() == before.keys():
            await client.call("GET", "/status")
        async with Client(daemon) as newcomer:
            assert (await newcomer.score("my-endpoint", "not the key")).status == 401
        assert is_running(before["w0"]), "it still owes an answer"
        gate.touch()
        assert (await score).status == 200


async def test_a_reload_cut_off_by_kill_9_loses_no_request_and_leaves_one_worker(
    start_daemon: StartDaemon,
) -> None:
    one = {"data_plane": {"port": 0, "workers": 1}, "control_plane": {"port": 0}}
    daemon = start_daemon(**one).wait_ready()
    async with Client(daemon) as client:
        gate, key, score = await held_score(client, daemon)
        before = daemon.pids("w")
        reload = asyncio.create_task(client.call("POST", "/reload"))
        while daemon.pids("w").keys() == before.keys():
            await client.call("GET", "/status")
        daemon.kill()
        with suppress(aiohttp.ClientError):
            await reload
        daemon.restart()
        gate.touch()
        assert (await score).status == 200
        async with Client(daemon) as next_client:
            while len(daemon.pids("w")) > 1:
                await next_client.call("GET", "/status")
            assert (await next_client.score("my-endpoint", key)).status == 200


async def test_workers_with_other_settings_than_the_next_daemons_are_replaced_one_by_one(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("code"))
    before = set(daemon.pids("w").values())
    scoring_base = daemon.addresses["scoring_base"]
    daemon.kill()
    daemon.config = {"data_plane": {"port": 0, "workers": 2, "traffic_log": True}} | {
        "control_plane": {"port": 0}
    }
    daemon.restart()
    assert daemon.addresses["scoring_base"] == scoring_base
    async with Client(daemon) as client:
        while set(daemon.pids("w").values()) & before:
            assert (await client.score("my-endpoint")).status == 200
        assert len(daemon.pids("w")) == 2
