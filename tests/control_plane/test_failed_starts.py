"""A control plane that can't start, or not whole: what served before serves on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from router.control_plane.layout import StateFolder
from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import LIMIT_S, Client, Daemon, is_running, kill

NO_WORKER_COMES_UP = """
from router.control_plane import worker_process, worker_slot
worker_process.WORKER_MODULE, worker_slot.REPLACE_TIMEOUT_S = "no.such.module", 0.5
"""
IT_FAILS = """
from router.control_plane.service import ControlPlane
from router.core.errors import TurnoutError
async def start(self):
    raise TurnoutError("nothing works today")
ControlPlane.start = start
"""
ITS_FILE_IS_REFUSED = """
from router.control_plane.config_file import ConfigFile
from router.core.errors import TurnoutError
def check(self):
    raise TurnoutError("what is stored forbids it")
ConfigFile.check = check
"""


@asynccontextmanager
async def killed_while_it_served(
    start_daemon: StartDaemon,
) -> AsyncIterator[tuple[Daemon, Client, str]]:
    """A daemon whose control plane is dead; its workers serve. And the key of its endpoint."""
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("code"))
        key = (await client.call("POST", "my-endpoint/listKeys")).body["primaryKey"]
        daemon.kill()
        yield daemon, client, key


async def test_a_place_that_gets_no_worker_at_a_restart_ends_no_other(
    start_daemon: StartDaemon,
) -> None:
    async with killed_while_it_served(start_daemon) as (daemon, _, _):
        workers, instances = daemon.pids("w"), daemon.pids("i")
    kill(workers["w1"])
    daemon.first = NO_WORKER_COMES_UP
    daemon.restart()
    assert is_running(workers["w0"])
    assert daemon.pids("i") == instances
    daemon.kill()
    daemon.first = ""
    daemon.restart()
    async with Client(daemon) as client, asyncio.timeout(LIMIT_S):
        assert (await client.score("my-endpoint")).status == 200
        while daemon.pids("w").keys() != workers.keys():
            await client.call("GET", "/status")
    assert daemon.pids("w")["w0"] == workers["w0"]
    assert daemon.pids("i") == instances


async def test_a_start_that_fails_lets_go_of_what_it_found(start_daemon: StartDaemon) -> None:
    async with killed_while_it_served(start_daemon) as (daemon, client, key):
        before = daemon.pids("w"), daemon.pids("i")
        daemon.first = IT_FAILS
        daemon.start()
        assert daemon.wait() == 1
        assert "nothing works today" in daemon.log.read_text()
        assert (await client.score("my-endpoint", key)).status == 200
    daemon.first = ""
    daemon.restart()
    assert (daemon.pids("w"), daemon.pids("i")) == before
    async with Client(daemon) as client:
        assert (await client.score("my-endpoint")).status == 200


async def test_a_first_start_that_fails_leaves_nothing_behind(start_daemon: StartDaemon) -> None:
    daemon = start_daemon().wait_ready()
    assert daemon.stop() == 0
    daemon.first = IT_FAILS
    daemon.start()
    assert daemon.wait() == 1
    assert (daemon.pids("w"), daemon.pids("i")) == ({}, {})


async def test_a_start_on_a_port_that_somebody_has_leaves_the_workers_of_the_former_port(
    start_daemon: StartDaemon,
) -> None:
    async with killed_while_it_served(start_daemon) as (daemon, client, key):
        before = daemon.pids("w"), daemon.pids("i")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            daemon.config = {**daemon.config, "data_plane": {"port": taken.getsockname()[1]}}
            daemon.start()
            assert daemon.wait() == 1
        assert (daemon.pids("w"), daemon.pids("i")) == before
        assert (await client.score("my-endpoint", key)).status == 200


async def test_a_start_that_is_refused_leaves_running_workers_what_they_share(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    budgets = StateFolder(daemon.state).budgets
    before = budgets.stat().st_ino
    daemon.kill()
    daemon.first = ITS_FILE_IS_REFUSED
    daemon.start()
    assert daemon.wait() == 1
    assert budgets.stat().st_ino == before
