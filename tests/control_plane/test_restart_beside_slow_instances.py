"""A control plane that is started again serves at once, whatever is still missing.

What is missing of a deployment is started meanwhile, or awaited if it was starting already:
init() may take minutes, and until the control plane is ready nobody replaces a worker or takes a
call.
"""

import asyncio
from pathlib import Path

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import LIMIT_S, Client, Daemon, kill

STARTING = {"state": "Degraded", "wanted": 1, "ready": 0, "restarts": 0, "lastError": None}
WAITS = """
import os, pathlib, time
def init():
    pathlib.Path("{folder}", f"init-{{os.getpid()}}").touch()
    while not pathlib.Path("{folder}/go").exists(): time.sleep(0.02)
def run(raw): return "ok"
"""


async def test_a_restarted_control_plane_does_not_wait_for_an_instance_that_starts(
    tmp_path: Path,
) -> None:
    (tmp_path / "go").touch()
    daemon = Daemon(tmp_path).wait_ready()
    try:
        async with Client(daemon) as client:
            code = daemon.code("blue", WAITS.format(folder=tmp_path))
            await client.serve("my-endpoint", "blue", code, count=2)
        daemon.kill()
        (tmp_path / "go").unlink()
        kill(next(iter(daemon.pids("i").values())))
        begun = count_begun(tmp_path)
        # Returns when it is ready: with the one instance that runs.
        daemon.restart()
        async with Client(daemon) as client:
            assert (await client.score("my-endpoint")).status == 200
            await until_begun(tmp_path, begun + 1)
            assert (await client.call("GET", "my-endpoint")).status == 200
            (tmp_path / "go").touch()
            async with asyncio.timeout(LIMIT_S):
                while "is warm" not in daemon.log.read_text().rpartition("run already")[2]:
                    await asyncio.sleep(0.02)
        assert len(daemon.pids("i")) == 2
    finally:
        (tmp_path / "go").touch()
        daemon.end()


async def test_after_a_reboot_a_deployment_that_hangs_in_its_start_holds_up_no_other(
    folder: Path, start_daemon: StartDaemon
) -> None:
    (folder / "go").touch()
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        # The first one by name, and by number.
        await client.serve("a-slow", "blue", daemon.code("slow", WAITS.format(folder=folder)))
        await client.serve("fine", "blue", daemon.code("fine"))
    reboot(daemon)
    (folder / "go").unlink()
    begun = count_begun(folder)
    daemon.restart()
    async with Client(daemon) as client:
        await client.wait_for("fine", lambda instances: instances["ready"] == 1)
        assert (await client.score("fine")).status == 200
        await until_begun(folder, begun + 1)
        shown = await client.call("GET", "a-slow/deployments/blue")
        assert shown.body["properties"]["provisioningState"] == "Succeeded"
        assert shown.body["properties"]["instances"] == STARTING
        held = asyncio.create_task(client.score("a-slow"))
        (folder / "go").touch()
        assert (await held).status == 200
        shown = await client.wait_for("a-slow", lambda instances: instances["ready"] == 1)
        assert shown["instances"]["restarts"] == 0
    assert len(daemon.pids("i")) == 2
    assert count_begun(folder) == begun + 1
    assert daemon.stop() == 0


async def test_an_update_after_a_reboot_waits_for_the_instance_that_starts_and_starts_no_other(
    folder: Path, start_daemon: StartDaemon
) -> None:
    (folder / "go").touch()
    daemon = start_daemon().wait_ready()
    code = daemon.code("slow", WAITS.format(folder=folder))
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", code)
    reboot(daemon)
    (folder / "go").unlink()
    begun = count_begun(folder)
    daemon.restart()
    async with Client(daemon) as client:
        await until_begun(folder, begun + 1)
        accepted = await client.put_deployment("my-endpoint", "blue", code, count=2)
        await until_begun(folder, begun + 2)
        (folder / "go").touch()
        assert (await client.finish(accepted)).body["status"] == "Succeeded"
        shown = await client.wait_for("my-endpoint", lambda instances: instances["ready"] == 2)
        assert (shown["instances"]["wanted"], shown["instances"]["restarts"]) == (2, 0)
    assert len(daemon.pids("i")) == 2
    assert count_begun(folder) == begun + 2


def reboot(daemon: Daemon) -> None:
    """Nothing runs any more: no time for any process to end in order."""
    daemon.kill()
    for pid in (daemon.pids("i") | daemon.pids("w")).values():
        kill(pid)


def count_begun(folder: Path) -> int:
    return len(list(folder.glob("init-*")))


async def until_begun(folder: Path, count: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while count_begun(folder) < count:
            await asyncio.sleep(0.02)
