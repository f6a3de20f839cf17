"""Starts a daemon of the demo's own, and ends it with all that it started."""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import yaml

from router.cli.demo.failure import DemoFailed

# One worker, so that the schedule's blocks of 100 are the endpoint's; any free ports.
CONFIG = {"data_plane": {"port": 0, "workers": 1}, "control_plane": {"port": 0}}
READY = re.compile(r"ready\b.*control plane at (?P<url>http://\S+)")
READY_TIMEOUT_S = 30
# SIGTERM drains; a second one ends workers and instances at once; then the hard way.
STOP_TIMEOUTS_S = (20, 5)
LOG_TAIL_CHARS = 4000


@contextlib.asynccontextmanager
async def running_daemon(folder: Path) -> AsyncIterator[str]:
    """A daemon with its state in ``folder``; gives its control plane's address.

    Raises:
        DemoFailed: it is not ready in time; the message ends with what it wrote.
    """
    config_path, log_path = folder / "turnout.yml", folder / "daemon.log"
    config_path.write_text(yaml.safe_dump(CONFIG))
    serve = [sys.executable, "-P", "-m", "router.cli", "serve", "--config", str(config_path)]
    with log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            # In a session of its own: Ctrl-C must reach the demo alone, which ends it.
            *serve, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True
        )  # fmt: skip
    try:
        yield await _ready(process, log_path)
    finally:
        await _stop(process)


async def _ready(process: asyncio.subprocess.Process, log_path: Path) -> str:
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            async for line in process.stdout:
                said += line.decode(errors="replace")
                if found := READY.search(said):
                    return found["url"]
    except TimeoutError:
        said += f"(not ready after {READY_TIMEOUT_S} s)"
    raise DemoFailed(
        f"expected a daemon that gets ready, got one that did not:\n{said}{_tail(log_path)}"
    )


def _tail(log_path: Path) -> str:
    return log_path.read_text(errors="replace")[-LOG_TAIL_CHARS:]


async def _stop(process: asyncio.subprocess.Process) -> None:
    for timeout_s in STOP_TIMEOUTS_S:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await process.wait()
                return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
