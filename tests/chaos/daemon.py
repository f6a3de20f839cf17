"""The daemon under test: `turnout serve`, started again whenever it was killed.

What a service manager does for it on a real machine. Workers and instances outlive it, and are
ended here when the run is over, whatever has become of it.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.chaos.processes import end_strays, find_all
from tests.chaos.requests import SCRIPT
from tests.free_port import free_port

TURNOUT = str(Path(sys.executable).parent / "turnout")
WORKERS = 2
READY_S = 90.0
END_S = 60.0
CONFIG = """
data_plane: {{port: {port}, workers: {workers}}}
control_plane: {{port: 0, tls_port: null}}
"""


class Daemon:
    """A daemon in a folder of its own.

    Attributes:
        port: where the data plane listens; the same for every control plane.
        starts: how often it was started.
        url: of the control plane that runs now.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.starts = 0
        self.url = ""
        self.folder = folder
        self.run_folder = folder / ".turnout/run"
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self._pause_s = 0.0
        (folder / "turnout.yml").write_text(CONFIG.format(port=self.port, workers=WORKERS))
        (folder / "code").mkdir()
        (folder / "code/score.py").write_text(SCRIPT)

    @property
    def is_ready(self) -> bool:
        """Whether its API answers."""
        return self._ready.is_set()

    @property
    def pid(self) -> int | None:
        """Of the control plane; None while none runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def keep_running(self) -> None:
        """Starts it, and again each time that it was killed; to be cancelled.

        Raises:
            AssertionError: it ended by itself, or was not ready in time.
        """
        while True:
            process = await self._start()
            code = await process.wait()
            self._ready.clear()
            assert code == -signal.SIGKILL, f"the control plane ended by itself, with {code}"
            await asyncio.sleep(self._pause_s)

    async def wait_ready(self) -> None:
        """Returns when its API can be asked."""
        await self._ready.wait()

    async def kill(self, pause_s: float) -> bool:
        """Kills it; the next one comes after the pause. Whether there was one to be killed."""
        self._ready.clear()
        self._pause_s = pause_s
        process = self._process
        if process is None or not self._signal(process, signal.SIGKILL):
            return False
        await process.wait()
        return True

    async def hold(self, lasts_s: float) -> bool:
        """Lets it stand still for a while; whether there is one."""
        process = self._process
        if not self._signal(process, signal.SIGSTOP):
            return False
        await asyncio.sleep(lasts_s)
        self._signal(process, signal.SIGCONT)
        return True

    async def stop(self) -> int:
        """Ends it in order, with all its processes; returns its exit code."""
        assert self._process is not None
        self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), END_S)

    async def clean_up(self) -> None:
        """Ends whatever still runs of it. Nothing is left, in any case."""
        if self._signal(self._process, signal.SIGKILL) and self._process is not None:
            await self._process.wait()
        for found in find_all(self.run_folder, "w") + find_all(self.run_folder, "i"):
            found.signal(signal.SIGKILL)
            await found.wait_gone()
            found.close()
        end_strays(self.run_folder)

    async def _start(self) -> asyncio.subprocess.Process:
        """Returns when it is ready, or was killed before."""
        with (self.folder / "daemon.log").open("ab") as log:
            self._process = process = await asyncio.create_subprocess_exec(
                TURNOUT, "serve",
                cwd=self.folder, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                env={**os.environ, "PYTHONFAULTHANDLER": "1"},
            )  # fmt: skip
        self.starts += 1
        assert process.stdout is not None
        ready = asyncio.create_task(process.stdout.readline())
        # Not the end of its output: what it has started may hold that.
        ended = asyncio.create_task(process.wait())
        await asyncio.wait({ready, ended}, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not ready.done():
            ready.cancel()
            if process.returncode is None:
                # It writes into its log where it stands, and ends.
                process.send_signal(signal.SIGABRT)
        elif "turnout is ready" in (line := ready.result().decode()):
            self.url = line.split("control plane at ")[1].strip()
            self._ready.set()
        return process

    @staticmethod
    def _signal(process: asyncio.subprocess.Process | None, number: signal.Signals) -> bool:
        if process is None or process.returncode is not None:
            return False
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        return True
