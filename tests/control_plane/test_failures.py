"""What the machine refuses is contained, counted and said: a full disk, too many files."""

import asyncio
import contextlib
import json
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import LIMIT_S, Client, Daemon, kill

TALKS = "def init(): pass\ndef run(raw): print('said', flush=True); return 'ok'\n"
CONFIG = {
    "data_plane": {"port": 0, "workers": 1, "traffic_log": True},
    "control_plane": {"port": 0},
}
Full = Callable[[Daemon], AbstractContextManager[None]]


@contextlib.contextmanager
def full_disk(daemon: Daemon) -> Iterator[None]:
    """The state folder's own file system, filled to its last byte."""
    filler = daemon.state / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    yield
    filler.unlink()


@contextlib.contextmanager
def no_byte_more(daemon: Daemon) -> Iterator[None]:
    """No process may make a file larger."""
    pids = {daemon.process.pid, *daemon.pids("w").values(), *daemon.pids("i").values()}
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    yield
    for pid in pids:
        if psutil.pid_exists(pid):
            most = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, most)


@pytest.fixture(params=["a full file system", "a limit of file sizes"])
def fill(request: pytest.FixtureRequest, folder: Path) -> Iterator[Full]:
    if request.param == "a limit of file sizes":
        yield no_byte_more
        return
    state = folder / ".turnout"
    state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "turnout-test", str(state)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only who may mount has a file system to fill")
    yield full_disk
    subprocess.run(["umount", "--lazy", str(state)], check=True)


async def metric(daemon: Daemon, name: str) -> float:
    url = f"{daemon.addresses['control_base']}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        lines = (await answer.text()).splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith((name + "{", name + " "))
    )


async def reaches(daemon: Daemon, name: str, least: float) -> None:
    async with asyncio.timeout(LIMIT_S):
        while await metric(daemon, name) < least:
            await asyncio.sleep(0.05)


async def test_a_full_disk_refuses_changes_loses_no_request_and_is_got_over(
    fill: Full, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(**CONFIG).wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("c", TALKS))
        key = (await client.call("POST", "my-endpoint/listKeys")).body["primaryKey"]
        assert (await client.score("my-endpoint", key)).status == 200
        traffic_log = daemon.state / "logs/traffic-w0.jsonl"
        async with asyncio.timeout(LIMIT_S):
            while not (traffic_log.exists() and traffic_log.stat().st_size):
                await asyncio.sleep(0.05)
        with fill(daemon):
            for refused in (
                await client.call("PUT", "my-endpoint", {"properties": {"traffic": {"blue": 0}}}),
                await client.call("PUT", "other", {"properties": {}}),
                await client.put_deployment("my-endpoint", "green", daemon.code("d", "#" * 10**5)),
            ):
                assert refused.status == 507
                assert refused.body["error"]["code"] == "InsufficientStorage"
                assert "Make room on its disk, and try again" in refused.message
            shown = await client.call("GET", "my-endpoint")
            assert shown.body["properties"]["traffic"] == {"blue": 100}
            assert (await client.call("GET", "other")).status == 404
            assert {(await client.score("my-endpoint", key)).status for _ in range(20)} == {200}
            assert await metric(daemon, "turnout_store_failures_total") >= 2
            await reaches(daemon, "turnout_lost_log_lines_total", 20)
            (instance,) = daemon.pids("i").values()
            failures = await metric(daemon, "turnout_store_failures_total")
            kill(instance)
            # The numbers of instances to be started.
            await reaches(daemon, "turnout_store_failures_total", failures + 2)
        # What could not be started for want of a number comes up now, and gets requests.
        async with asyncio.timeout(LIMIT_S):
            while (await client.score("my-endpoint", key)).status != 200:
                await asyncio.sleep(0.05)
        await client.set_traffic("my-endpoint", blue=0)
    assert daemon.stop() == 0
    lines = traffic_log.read_text().splitlines()
    assert lines
    assert all(json.loads(line)["EndpointName"] == "my-endpoint" for line in lines)


@pytest.mark.parametrize("fill", ["a full file system"], indirect=True)
async def test_a_control_plane_that_starts_on_a_full_disk_takes_up_what_serves(
    fill: Full, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(**CONFIG).wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("c"))
        key = (await client.call("POST", "my-endpoint/listKeys")).body["primaryKey"]
        before = daemon.pids("w"), daemon.pids("i")
        daemon.kill()
        with fill(daemon):
            daemon.restart()
            assert (await client.score("my-endpoint", key)).status == 200
        assert (daemon.pids("w"), daemon.pids("i")) == before
        daemon.kill()
        daemon.restart()
        async with Client(daemon) as next_client:
            await next_client.set_traffic("my-endpoint", blue=0)
            # By the new rules, of the same worker.
            assert (await client.score("my-endpoint", key)).status == 404
        assert (daemon.pids("w"), daemon.pids("i")) == before
    assert daemon.stop() == 0


async def test_a_file_that_a_full_disk_refuses_is_said_to_be_and_taken_when_there_is_room(
    fill: Full, folder: Path, start_daemon: StartDaemon
) -> None:
    (folder / "endpoint.yml").write_text("name: declared\nauth_mode: key\n")
    daemon = start_daemon(**CONFIG, endpoints=[{"endpoint": "endpoint.yml"}]).wait_ready()
    async with Client(daemon) as client:
        assert await declared(client, error="") == ["declared"]
        with fill(daemon):
            daemon.path.write_text(json.dumps(CONFIG))
            daemon.process.send_signal(signal.SIGHUP)
            assert await declared(client, error="Make room on its disk") == ["declared"]
            refused = await client.call("PUT", "declared", {"properties": {}})
            assert refused.status == 409, "it is the file's still"
        assert await declared(client, error="") == []
        assert (await client.call("PUT", "declared", {"properties": {}})).status == 200


async def declared(client: Client, error: str) -> list[str]:
    """The endpoints of the file, once these words are why it is refused; empty: it is not."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            state = (await client.call("GET", "/status")).body["configuration"]
            found = state["error"] or ""
            if error in found and bool(error) == bool(found):
                return list(state["endpoints"])
            await asyncio.sleep(0.05)


async def test_with_few_files_changes_are_refused_and_a_connection_too_many_is_answered(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon(**CONFIG).wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("c"))
        control_plane = daemon.process.pid
        limits = resource.prlimit(control_plane, resource.RLIMIT_NOFILE)
        count = psutil.Process(control_plane).num_fds()
        resource.prlimit(control_plane, resource.RLIMIT_NOFILE, (count, limits[1]))
        refused = await client.put_deployment("my-endpoint", "green", daemon.code("d"))
        assert (refused.status, refused.body["error"]["code"]) == (503, "TooManyOpenFiles")
        assert "raise the limit of open files (`ulimit -n`, LimitNOFILE)" in refused.message
        resource.prlimit(control_plane, resource.RLIMIT_NOFILE, limits)
        listed = await client.call("GET", "my-endpoint/deployments")
        assert [one["name"] for one in listed.body["value"]] == ["blue"]
    # A worker has the limits of who starts it.
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (300, 300))
    (worker,) = daemon.pids("w").values()
    kill(worker)
    async with asyncio.timeout(LIMIT_S):
        while not daemon.pids("w") or worker in daemon.pids("w").values():
            await asyncio.sleep(0.05)
    host, _, port = daemon.addresses["scoring_base"].removeprefix("http://").partition(":")
    async with contextlib.AsyncExitStack() as stack:
        kept = [await _connect(stack, host, int(port)) for _ in range(150)]
        reader, _ = await _connect(stack, host, int(port))
        answer = await asyncio.wait_for(reader.read(), LIMIT_S)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"data_plane.max_connections" in answer
        reader, writer = kept[-1]
        writer.write(b"GET /my-endpoint/ HTTP/1.1\r\nhost: x\r\n\r\n")
        line = await asyncio.wait_for(reader.readline(), LIMIT_S)
        assert line == b"HTTP/1.1 401 Unauthorized\r\n"
    log = (daemon.state / "logs/worker-0.log").read_text()
    assert "expected a limit of at least 10256 open files" in log
    assert "150 connections are taken. Raise it" in log


async def _connect(
    stack: contextlib.AsyncExitStack, host: str, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(LIMIT_S):
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                reader, writer = await asyncio.open_connection(host, port)
                stack.callback(writer.close)
                return reader, writer
            await asyncio.sleep(0.05)
