"""Workers and instances outlive the daemon: they must not hold what was only open in it.

A socket that another process holds stays in the kernel's choice for new connections, and nobody
accepts from it; a pipe that another process holds never ends.
"""

import os
from pathlib import Path

import psutil

from tests.control_plane.daemon import Client, Daemon


def listens(pid: int) -> bool:
    return psutil.CONN_LISTEN in {one.status for one in psutil.Process(pid).connections("tcp")}


async def test_an_instance_does_not_hold_the_sockets_of_workers_that_were_taken_up(
    tmp_path: Path,
) -> None:
    daemon = Daemon(tmp_path).wait_ready()
    try:
        async with Client(daemon) as client:
            await client.serve("my-endpoint", "blue", daemon.code("blue"))
        daemon.kill()
        daemon.restart()
        before = daemon.pids("i")
        async with Client(daemon) as client:
            done = await client.finish(
                await client.put_deployment("my-endpoint", "green", daemon.code("green"))
            )
            assert done.body["status"] == "Succeeded", done.body
        (started,) = daemon.pids("i").keys() - before.keys()
        assert not listens(daemon.pids("i")[started])
        assert all(listens(pid) for pid in daemon.pids("w").values())
    finally:
        daemon.end()


async def test_what_the_daemons_own_parent_left_open_is_not_passed_on(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    daemon = Daemon(tmp_path, pass_fds=(writing,)).wait_ready()
    os.close(writing)
    try:
        async with Client(daemon) as client:
            await client.serve("my-endpoint", "blue", daemon.code("blue"))
        daemon.kill()
        os.set_blocking(reading, False)
        assert os.read(reading, 1) == b"", "it has ended, with the daemon"
    finally:
        os.close(reading)
        daemon.end()
