"""A daemon of one's own: started for a demo or a test, and ended with all that it started."""

import asyncio
import contextlib
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from router.testing import keeper
from router.testing.failure import HarnessError

# One worker, so that the schedule's blocks of 100 are the endpoint's; any free ports.
USUAL: Mapping[str, Mapping[str, Any]] = {
    "data_plane": {"port": 0, "workers": 1},
    "control_plane": {"port": 0},
}
READY = re.compile(r"ready\b.*control plane at (?P<url>http://\S+)")
ENDED = re.compile(r"^ended: ", re.MULTILINE)
READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = sum(keeper.STOP_TIMEOUTS_S) + 2 * keeper.KILL_TIMEOUT_S
LOG_TAIL_CHARS = 4000
ACCESS = " aiohttp.access: "


class Daemon:
    """A running daemon; ``running_daemon`` makes one.

    Attributes:
        folder: its state, settings and log; it goes with the daemon.
        url: its control plane's address.
    """

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.folder = folder
        self.url = ""
        self._process = process

    @property
    def log(self) -> str:
        """The end of what it has logged, without a line for each call of its API."""
        lines = (self.folder / "daemon.log").read_text(errors="replace").splitlines(keepends=True)
        return "".join(line for line in lines if ACCESS not in line)[-LOG_TAIL_CHARS:]

    async def wait_ready(self) -> None:
        """Returns when it serves.

        Raises:
            HarnessError: it does not, in time; the message ends with what it wrote.
        """
        assert self._process.stdout is not None
        said = ""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                async for line in self._process.stdout:
                    said += line.decode(errors="replace")
                    if found := READY.search(said):
                        self.url = found["url"]
                        return
                    if ENDED.search(said):
                        break
        except TimeoutError:
            said += f"(not ready after {READY_TIMEOUT_S} s)\n"
        raise HarnessError(
            f"expected a daemon that gets ready, got one that did not:\n{said}{self.log}"
        )

    async def kill_control_plane(self) -> None:
        """Kills the control plane, as kill -9 does; returns when another has taken over.

        Workers and instances go on meanwhile. The new one listens elsewhere: see ``url``.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(b"restart\n")
        await self.wait_ready()

    async def end(self) -> None:
        """Ends it and all that it started, and removes its folder."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@contextlib.asynccontextmanager
async def running_daemon(settings: Mapping[str, Any] | None = None) -> AsyncIterator[Daemon]:
    """A daemon in a temporary folder, while the block runs.

    Args:
        settings: as in turnout.yml; what it does not say is USUAL's.

    Raises:
        HarnessError: it does not get ready.
    """
    # Socket paths are limited to 107 bytes: a folder right below the system's one for these.
    folder = Path(tempfile.mkdtemp(prefix="turnout-"))
    (folder / "turnout.yml").write_text(yaml.safe_dump(_merged(settings or {})))
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-P", "-m", keeper.__name__, str(folder)],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # In a session of its own: Ctrl-C must reach us alone.
        start_new_session=True,
    )
    daemon = Daemon(folder, process)
    try:
        await daemon.wait_ready()
        yield daemon
    finally:
        await daemon.end()


def _merged(settings: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**settings}
    for section, usual in USUAL.items():
        given = settings.get(section, {})
        # Anything else is the daemon's to refuse.
        if isinstance(given, Mapping):
            merged[section] = {**usual, **given}
    return merged
