"""A control plane that is started again serves at once beside instances that run.

What is missing of a deployment is started meanwhile: init() may take minutes, and until the
control plane is ready nobody replaces a worker or takes a call.
"""

import asyncio
from pathlib import Path

from tests.control_plane.daemon import LIMIT_S, Client, Daemon, kill

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


def count_begun(folder: Path) -> int:
    return len(list(folder.glob("init-*")))


async def until_begun(folder: Path, count: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while count_begun(folder) < count:
            await asyncio.sleep(0.02)
