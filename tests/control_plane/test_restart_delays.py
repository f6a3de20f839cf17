"""The delays that the log announces between starts are kept: no instance starts before its time."""

import asyncio
import re
import time
from itertools import pairwise
from pathlib import Path

from router.core.backoff import DELAY_S_MIN
from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import LIMIT_S, Client, Daemon, kill

STARTS = 4
# The kernel counts starts in hundredths of a second, and the log rounds delays to them.
COUNTED_S = 0.02
# Once there is a flag, each life leaves a line: when its process was started, and when it ended.
SHORT_LIVED = """
import os, pathlib, time
def init():
    if pathlib.Path({flag!r}).exists():
        ticks = pathlib.Path('/proc/self/stat').read_text().rpartition(')')[2].split()[19]
        began_s = int(ticks) / os.sysconf('SC_CLK_TCK')
        with open({lives!r}, 'a') as file:
            print(began_s, time.clock_gettime(time.CLOCK_BOOTTIME), file=file)
        os._exit(3)
def run(raw): return 'ok'
"""
ANNOUNCED = re.compile(r"another is started in ([0-9.]+) s")


def announced_s(daemon: Daemon) -> list[float]:
    return [float(found) for found in ANNOUNCED.findall(daemon.log.read_text())]


def lives(path: Path) -> list[tuple[float, float]]:
    """Each one's beginning and end, in seconds since the machine was started."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text().rpartition("\n")
    found = (line.split() for line in whole.splitlines())
    return [(float(began), float(ended)) for began, ended in found]


async def test_each_start_of_a_crash_loop_comes_after_the_delay_that_was_announced(
    start_daemon: StartDaemon, folder: Path
) -> None:
    daemon = start_daemon().wait_ready()
    script = SHORT_LIVED.format(flag=str(folder / "flag"), lives=str(folder / "lives"))
    async with Client(daemon) as client:
        await client.serve("loop", "blue", daemon.code("code", script))
        (folder / "flag").touch()
        killed_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        kill(*daemon.pids("i").values())
        async with asyncio.timeout(LIMIT_S):
            while len(lives(folder / "lives")) <= STARTS:
                await asyncio.sleep(0.05)
        shown = await client.wait_for("loop", lambda instances: instances["state"] == "CrashLoop")
        assert shown["instances"]["restarts"] >= STARTS
    found = [(0.0, killed_s), *lives(folder / "lives")][: STARTS + 1]
    waited_s = [began - ended for (_, ended), (began, _) in pairwise(found)]
    for number, (waited, announced) in enumerate(
        zip(waited_s, announced_s(daemon)[:STARTS], strict=True)
    ):
        assert waited >= announced - COUNTED_S, f"start {number}"
        # Each is twice the one before, of which up to half is left to chance.
        longest = DELAY_S_MIN * 2**number
        assert longest / 2 - COUNTED_S <= announced <= longest + COUNTED_S
