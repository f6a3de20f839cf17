"""A daemon that is told to end while it starts, or while instances do, ends then and there."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import (
    LIMIT_S,
    Client,
    Daemon,
    begun_pids,
    is_running,
    reboot,
    until_begun,
    wait_gone,
    waiting_code,
)

ONE_WORKER = {"data_plane": {"port": 0, "workers": 1}, "control_plane": {"port": 0}}
STUCK = {
    "data_plane": {"port": 0, "workers": 1, "drain_timeout_ms": 60_000},
    "control_plane": {"port": 0},
}


def declare(folder: Path) -> dict[str, object]:
    """A configuration that declares an endpoint whose instances wait in their init()."""
    (folder / "endpoint.yml").write_text("name: declared\nauth_mode: key\n")
    (folder / "blue.yml").write_text(
        "name: blue\nendpoint_name: declared\n"
        "code_configuration: {code: slow, scoring_script: score.py}\n"
    )
    (folder / "slow").mkdir()
    (folder / "slow/score.py").write_text(waiting_code(folder))
    one = {"endpoint": "endpoint.yml", "deployments": ["blue.yml"], "traffic": {"blue": 100}}
    return {**ONE_WORKER, "endpoints": [one]}


def assert_ended_in_order(daemon: Daemon) -> None:
    assert daemon.wait() == 0, daemon.log.read_text()
    assert "Traceback" not in daemon.log.read_text()
    assert list((daemon.state / "run").glob("*.json")) == [], "a process is not watched any more"


async def test_sigterm_ends_a_daemon_whose_file_declares_what_hangs_in_its_start(
    folder: Path, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(**declare(folder))
    await until_begun(folder, 1)
    daemon.process.terminate()
    assert_ended_in_order(daemon)
    assert not any(is_running(pid) for pid in begun_pids(folder))


@pytest.mark.parametrize("milestone", ["lock", "run/w0.json", "run/w0.sock", "run/i2.json", "init"])
async def test_sigterm_at_any_moment_of_a_start_after_a_reboot_ends_the_daemon(
    milestone: str, folder: Path, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(**ONE_WORKER).wait_ready()
    (folder / "go").touch()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("slow", waiting_code(folder)))
    reboot(daemon)
    (folder / "go").unlink()
    (daemon.state / "lock").unlink()
    for left in (daemon.state / "run").iterdir():
        left.unlink()
    daemon.start()
    if milestone == "init":
        await until_begun(folder, 2)
    else:
        async with asyncio.timeout(LIMIT_S):
            while not (daemon.state / milestone).exists():
                await asyncio.sleep(0.001)
    daemon.process.terminate()
    assert_ended_in_order(daemon)
    assert not any(is_running(pid) for pid in begun_pids(folder))


async def test_a_second_signal_ends_instances_too_that_are_still_starting(
    folder: Path, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(**STUCK).wait_ready()
    code = daemon.code("slow", waiting_code(folder))
    (folder / "go").touch()
    async with Client(daemon) as client:
        await client.serve("old", "blue", code)
    reboot(daemon)
    (folder / "go").unlink()
    daemon.restart()
    async with Client(daemon) as client:
        await until_begun(folder, 2)
        assert (await client.call("PUT", "new", {"properties": {}})).status == 201
        await client.put_deployment("new", "blue", code)
        await until_begun(folder, 3)
    instances, (worker,) = daemon.pids("i").values(), daemon.pids("w").values()
    assert len(instances) == 2
    # A stopped worker can't drain, so that the daemon waits for it.
    os.kill(worker, signal.SIGSTOP)
    daemon.process.terminate()
    with daemon.log.open() as log:
        while "stopping" not in log.read():
            assert daemon.process.poll() is None
    daemon.process.terminate()
    assert daemon.wait() == 1
    for pid in (worker, *instances):
        wait_gone(pid)
