"""A real daemon with its command line, and load from real HTTP clients."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

EXAMPLES = Path(__file__).parents[2] / "examples"
TURNOUT = str(Path(sys.executable).parent / "turnout")
CLIENTS = 8
WAIT_S = 60
CONFIG = "data_plane: {{port: 0{data_plane}}}\ncontrol_plane: {{port: 0{control_plane}}}\n"


class Daemon:
    """`turnout serve` in a folder of its own, on free ports.

    Args:
        settings: what its file says besides.
        data_plane, control_plane: further keys of that section, each behind a comma.
    """

    def __init__(
        self, folder: Path, settings: str = "", data_plane: str = "", control_plane: str = ""
    ) -> None:
        self.folder = folder
        (folder / "turnout.yml").write_text(
            CONFIG.format(data_plane=data_plane, control_plane=control_plane) + settings
        )
        self._start()

    def restart(self) -> None:
        """Starts it anew after it was killed; it listens elsewhere."""
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._start()

    async def debugged(self, *arguments: str) -> str:
        """As ``run`` in its folder with --debug; returns what it said besides its output."""
        process = await asyncio.create_subprocess_exec(
            TURNOUT, *arguments, "--control-plane", self.url, "--debug",
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        _, err = await asyncio.wait_for(process.communicate(), WAIT_S)
        assert process.returncode == 0, f"{arguments}: {err.decode()}"
        return err.decode()

    async def run(self, *arguments: str, cwd: Path = EXAMPLES) -> str:
        """A `turnout` command, as a user types it in ``cwd``; it must succeed."""
        process = await asyncio.create_subprocess_exec(
            TURNOUT, *arguments, "--control-plane", self.url,
            cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), WAIT_S)
        assert process.returncode == 0, f"{arguments}: {err.decode()}"
        return out.decode().strip()

    def _start(self) -> None:
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                [TURNOUT, "serve"], cwd=self.folder, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        # Ends with an empty line if the daemon does.
        ready = self.process.stdout.readline()
        assert "turnout is ready" in ready, (self.folder / "daemon.log").read_text()
        self.url = ready.split("control plane at ")[1].strip()

    async def exit_code(self) -> int:
        """How it ends, that was told to."""
        return await asyncio.wait_for(asyncio.to_thread(self.process.wait), WAIT_S)

    def end(self) -> int:
        self.process.terminate()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(WAIT_S)


class Load:
    """CLIENTS real HTTP clients that send one request after the other."""

    def __init__(self, session: aiohttp.ClientSession, uri: str, key: str, body: bytes) -> None:
        self._session = session
        self._uri = uri
        self._headers = {"Authorization": f"Bearer {key}"}
        self._body = body
        self.served: Counter[str] = Counter()
        self.failed: list[str] = []

    async def send(self, deployment: str | None = None) -> str:
        headers = dict(self._headers)
        if deployment is not None:
            headers["azureml-model-deployment"] = deployment
        async with self._session.post(self._uri, data=self._body, headers=headers) as response:
            text = await response.text()
            if response.status != 200:
                self.failed.append(f"{response.status} {text}")
                return "failed"
            served = response.headers["azureml-model-deployment"]
        self.served[served] += 1
        return served

    async def sample(self, count: int, deployment: str | None = None) -> Counter[str]:
        """Exactly ``count`` requests, CLIENTS at a time."""
        numbers = iter(range(count))

        async def client() -> list[str]:
            return [await self.send(deployment) for _ in numbers]

        async with asyncio.timeout(WAIT_S):
            lists = await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return Counter(served for one in lists for served in one)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load while the block runs; on leaving, every request has its answer."""
        stop = asyncio.Event()

        async def client() -> None:
            while not stop.is_set():
                await self.send()

        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(client())
            yield
            stop.set()
