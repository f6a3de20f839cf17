"""A control plane that is started again serves at once, whatever is still missing.

What is missing of a deployment is started meanwhile, or awaited if it was starting already:
init() may take minutes, and until the control plane is ready nobody replaces a worker or takes a
call.
"""

import asyncio
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

from router.control_plane.instances import STARTS_MAX
from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import (
    LIMIT_S,
    PID,
    Client,
    Daemon,
    begun_pids,
    is_running,
    kill,
    reboot,
    until_begun,
    waiting_code,
)

STARTING = {"state": "Degraded", "wanted": 1, "ready": 0, "restarts": 0, "lastError": None}

IMPATIENT = """
from router.control_plane import instances
instances.ADOPT_TIMEOUT_S = 0.01
"""


async def test_a_restarted_control_plane_does_not_wait_for_an_instance_that_starts(
    tmp_path: Path,
) -> None:
    (tmp_path / "go").touch()
    daemon = Daemon(tmp_path).wait_ready()
    try:
        async with Client(daemon) as client:
            code = daemon.code("blue", waiting_code(tmp_path))
            await client.serve("my-endpoint", "blue", code, count=2)
        daemon.kill()
        (tmp_path / "go").unlink()
        kill(next(iter(daemon.pids("i").values())))
        begun = len(begun_pids(tmp_path))
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
        await client.serve("a-slow", "blue", daemon.code("slow", waiting_code(folder)))
        await client.serve("fine", "blue", daemon.code("fine"))
    reboot(daemon)
    (folder / "go").unlink()
    begun = len(begun_pids(folder))
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
        slow = await client.wait_for("a-slow", lambda instances: instances["ready"] == 1)
        assert slow["instances"]["restarts"] == 0
    assert len(daemon.pids("i")) == 2
    assert len(begun_pids(folder)) == begun + 1
    assert daemon.stop() == 0


async def test_an_update_after_a_reboot_waits_for_the_instance_that_starts_and_starts_no_other(
    folder: Path, start_daemon: StartDaemon
) -> None:
    (folder / "go").touch()
    daemon = start_daemon().wait_ready()
    code = daemon.code("slow", waiting_code(folder))
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", code)
    reboot(daemon)
    (folder / "go").unlink()
    begun = len(begun_pids(folder))
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
    assert len(begun_pids(folder)) == begun + 2


async def test_an_update_that_mends_a_start_that_hangs_does_not_wait_for_it(
    folder: Path, start_daemon: StartDaemon
) -> None:
    (folder / "go").touch()
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        code = daemon.code("slow", waiting_code(folder))
        await client.serve("my-endpoint", "blue", code, count=STARTS_MAX)
    reboot(daemon)
    (folder / "go").unlink()
    begun = len(begun_pids(folder))
    daemon.restart()
    async with Client(daemon) as client, asyncio.timeout(LIMIT_S):
        await until_begun(folder, begun + STARTS_MAX)
        mended = daemon.code("mended")
        accepted = await client.put_deployment("my-endpoint", "blue", mended, count=1)
        assert (await client.finish(accepted)).body["status"] == "Succeeded"
        assert (await client.score("my-endpoint")).status == 200


async def test_an_instance_that_was_in_its_start_is_waited_for_by_the_next_control_plane(
    folder: Path, start_daemon: StartDaemon
) -> None:
    (folder / "go").touch()
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("slow", waiting_code(folder)))
    reboot(daemon)
    (folder / "go").unlink()
    daemon.restart()
    await until_begun(folder, 2)
    (pid,) = daemon.pids("i").values()
    daemon.kill()
    daemon.restart()
    async with Client(daemon) as client:
        shown = await client.call("GET", "my-endpoint/deployments/blue")
        assert shown.body["properties"]["instances"] == STARTING
        (folder / "go").touch()
        await client.wait_for("my-endpoint", lambda instances: instances["ready"] == 1)
        assert (await client.score("my-endpoint")).body == pid
    assert len(begun_pids(folder)) == 2
    assert daemon.stop() == 0
    assert not is_running(pid)


async def test_an_operation_that_is_gone_on_with_after_a_reboot_starts_no_instance_twice(
    folder: Path, start_daemon: StartDaemon
) -> None:
    (folder / "go").touch()
    daemon = start_daemon().wait_ready()
    code = daemon.code("slow", waiting_code(folder))
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", code)
        (folder / "go").unlink()
        accepted = await client.put_deployment("my-endpoint", "blue", code, count=2)
        await until_begun(folder, 2)
    reboot(daemon)
    daemon.restart()
    # The one that served, and the one that is to be added.
    await until_begun(folder, 4)
    (folder / "go").touch()
    async with Client(daemon) as client:
        path = urlsplit(accepted.headers["Azure-AsyncOperation"]).path
        assert (await client.call("GET", path)).body["status"] == "Succeeded"
        await client.wait_for("my-endpoint", lambda instances: instances["ready"] == 2)
    assert len(daemon.pids("i")) == 2
    assert len(begun_pids(folder)) == 4


async def test_an_instance_that_is_busy_while_the_control_plane_is_restarted_serves_on(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("code", PID))
        key = (await client.call("POST", "my-endpoint/listKeys")).body["primaryKey"]
        (busy,) = daemon.pids("i").values()
        os.kill(busy, signal.SIGSTOP)
        score = asyncio.create_task(client.score("my-endpoint", key))
        daemon.kill()
        daemon.first = IMPATIENT
        daemon.restart()
        async with Client(daemon) as next_client:
            # As long as it took to lose patience.
            await next_client.set_traffic("my-endpoint", blue=100)
            os.kill(busy, signal.SIGCONT)
            assert (await score).body == busy
            shown = await next_client.call("GET", "my-endpoint/deployments/blue")
        assert shown.body["properties"]["instances"]["restarts"] == 0
        assert list(daemon.pids("i").values()) == [busy]
