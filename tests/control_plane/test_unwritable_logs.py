"""Where a log can't be written, whoever would write it serves all the same, and it is said."""

from collections.abc import Callable
from pathlib import Path

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import Client, Daemon, kill_and_await_replacement
from tests.control_plane.test_failures import CONFIG, TALKS, reaches

PRINTED = ("worker-0.log", "my-endpoint/blue/i1.log")
COUNTED = "traffic-w0.jsonl"
# As libraries do that show their progress.
SHOUTS = """
import logging, sys
def init(): pass
def run(raw):
    print('said', flush=True)
    logging.warning('logged')
    for file in (sys.stdout, sys.stderr):
        print('said', file=file, flush=True)
        file.write('said\\n')
        file.flush()
    return 'ok'
"""
ENDPOINT, DEPLOYMENT = "my-endpoint", "my-endpoint/deployments/blue"


def spoil(folder: Path, put_there: Callable[[Path], None]) -> Path:
    """Puts something in the place of each log of a daemon's first processes."""
    logs = folder / ".turnout/logs"
    for name in (*PRINTED, COUNTED):
        (logs / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        put_there(logs / name)
    return logs


async def serves(daemon: Daemon, client: Client) -> None:
    """Though its script prints, and each request would have a line in the traffic log."""
    answers = [await client.score(ENDPOINT) for _ in range(5)]
    assert [(answer.status, answer.body) for answer in answers] == [(200, "ok")] * 5
    await reaches(daemon, "turnout_lost_log_lines_total", 5)


async def test_processes_whose_logs_can_not_be_opened_serve_and_it_is_said(
    start_daemon: StartDaemon, folder: Path
) -> None:
    logs = spoil(folder, Path.mkdir)
    daemon = start_daemon(**CONFIG).wait_ready()
    async with Client(daemon) as client:
        await client.serve(ENDPOINT, "blue", daemon.code("code", TALKS))
        await serves(daemon, client)
        said = daemon.log.read_text()
        for name in PRINTED:
            assert said.count(f"expected to write the log {logs / name}, got: [Errno 21]") == 1
        asked = await client.call("POST", f"{DEPLOYMENT}/getLogs", {"tail": 5})
        assert asked.status == 200
        assert (
            f"can't be read: [Errno 21] Is a directory: '{logs / PRINTED[1]}'"
            in (asked.body["content"])
        )
        # Those that come later have logs of their own.
        await kill_and_await_replacement(daemon, "i")
        assert (await client.score(ENDPOINT)).body == "ok"
        asked = await client.call("POST", f"{DEPLOYMENT}/getLogs", {"tail": 5})
        assert "said" in asked.body["content"]
    assert daemon.stop() == 0


async def test_processes_whose_logs_take_no_byte_serve(
    start_daemon: StartDaemon, folder: Path
) -> None:
    spoil(folder, lambda path: path.symlink_to("/dev/full"))
    daemon = start_daemon(**CONFIG).wait_ready()
    async with Client(daemon) as client:
        await client.serve(ENDPOINT, "blue", daemon.code("code", SHOUTS))
        await serves(daemon, client)
    assert daemon.stop() == 0
