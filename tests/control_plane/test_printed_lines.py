"""What an instance prints is in its log, whatever becomes of the control plane meanwhile."""

import asyncio
from pathlib import Path

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import LIMIT_S, Client, Daemon

# Numbers on both streams, until it is told to stop.
PRINTS = """
import itertools, pathlib, sys, threading, time
def go_on():
    for number in itertools.count():
        print(f'number {{number}}', file=(sys.stdout, sys.stderr)[number % 2])
        if pathlib.Path({stop!r}).exists():
            break
        time.sleep(0.0005)
    print('the end')
def init(): threading.Thread(target=go_on).start()
def run(raw): return 'ok'
"""


def printed(daemon: Daemon) -> list[str]:
    """The whole lines so far of the only instance."""
    (log,) = (daemon.state / "logs").glob("**/blue/i*.log")
    whole, _, _ = log.read_text().rpartition("\n")
    return whole.splitlines()


async def some_more(daemon: Daemon, count: int = 200) -> None:
    """Returns when so many more lines are there."""
    until = len(printed(daemon)) + count
    async with asyncio.timeout(LIMIT_S):
        while len(printed(daemon)) < until:
            await asyncio.sleep(0.01)


async def test_no_line_that_is_printed_while_the_control_plane_is_killed_is_lost_or_doubled(
    start_daemon: StartDaemon, folder: Path
) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        code = daemon.code("code", PRINTS.format(stop=str(folder / "stop")))
        await client.serve("my-endpoint", "blue", code)
    instances = daemon.pids("i")
    for _ in range(3):
        await some_more(daemon)
        daemon.kill()
        await some_more(daemon)
        daemon.restart()
        assert daemon.pids("i") == instances, "it is the same that prints"
    await some_more(daemon)
    (folder / "stop").touch()
    async with asyncio.timeout(LIMIT_S):
        while not printed(daemon)[-1].endswith("the end"):
            await asyncio.sleep(0.01)
    lines = printed(daemon)
    # What goes to stdout has the time and more before it.
    numbered = [line.rpartition("number ")[2] for line in lines if "number " in line]
    assert numbered == [str(number) for number in range(len(numbered))]
    async with Client(daemon) as client:
        asked = {"containerType": "InferenceServer", "tail": len(lines)}
        shown = await client.call("POST", "my-endpoint/deployments/blue/getLogs", asked)
        assert shown.body["content"].splitlines() == lines
