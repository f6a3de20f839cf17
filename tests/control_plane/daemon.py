"""A real daemon in a folder of its own, and a client of its REST API."""

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
import psutil

from tests.records import recorded_pids

WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/turnout/providers/"
    "Microsoft.MachineLearningServices/workspaces/turnout"
)
ENDPOINTS = f"{WORKSPACE}/onlineEndpoints"
LIMIT_S = 60
CONFIG = {"data_plane": {"port": 0, "workers": 2}, "control_plane": {"port": 0}}
# As `turnout serve` does, without its command line.
_RUN = """
import sys, pathlib
from router.control_plane.daemon import run
from router.yaml_files import read_daemon_config
path = pathlib.Path(sys.argv[1])
sys.exit(run(*read_daemon_config(path), path))
"""
OK = "def init(): pass\ndef run(raw): return 'ok'\n"
PID = "import os\ndef init(): pass\ndef run(raw): return os.getpid()\n"
# Azure's shortest: a second each.
PROBE = {
    "initialDelay": "PT1S",
    "period": "PT1S",
    "timeout": "PT1S",
    "successThreshold": 1,
    "failureThreshold": 1,
}
PATIENT_PROBE = {**PROBE, "failureThreshold": 1000}
# The first to see the file `flag`, while it is empty, writes its pid there and hangs until that
# is gone.
HANGS_ONE = """
import os, pathlib, time
flag, pid = pathlib.Path({flag!r}), str(os.getpid())
def said():
    try:
        return flag.read_text()
    except FileNotFoundError:
        return None
def init(): pass
def run(raw):
    if said() == "":
        flag.write_text(pid)
    while said() == pid:
        time.sleep(0.01)
    return os.getpid()
"""
_WAITS = """
import os, pathlib, time
def init():
    pathlib.Path("{folder}", f"init-{{os.getpid()}}").touch()
    while not pathlib.Path("{folder}/go").exists(): time.sleep(0.02)
def run(raw): return os.getpid()
"""


class Daemon:
    """A daemon process on free ports; its state is in ``folder``."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, object] = CONFIG,
        pass_fds: tuple[int, ...] = (),
    ) -> None:
        self.folder = folder
        self._pass_fds = pass_fds
        self.config = config
        self.ready_line = ""
        # Of its Python, before it runs.
        self.first = ""
        self.process = self._spawn()

    @property
    def state(self) -> Path:
        return self.folder / ".turnout"

    @property
    def addresses(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.state / "run/daemon.json").read_text())
        return found

    def wait_ready(self) -> "Daemon":
        assert self.process.stdout is not None
        self.ready_line = self.process.stdout.readline()
        if not self.ready_line:
            self.process.wait(LIMIT_S)
            raise AssertionError(self.log.read_text())
        return self

    @property
    def path(self) -> Path:
        return self.folder / "turnout.yml"

    @property
    def log(self) -> Path:
        return self.folder / "daemon.log"

    def stop(self) -> int:
        self.process.terminate()
        return self.wait()

    def kill(self) -> None:
        self.process.kill()
        self.wait()

    def start(self) -> None:
        self.process = self._spawn()

    def restart(self) -> None:
        self.start()
        self.wait_ready()

    def wait(self) -> int:
        code = self.process.wait(LIMIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def end(self) -> None:
        """Ends whatever still runs of it, the hard way; for the end of a test."""
        if self.process.poll() is None:
            self.process.terminate()
            self.wait()
        for pid in (self.pids("i") | self.pids("w")).values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def pids(self, kind: str) -> dict[str, int]:
        """Of workers ("w") or instances ("i"), by the name of their record."""
        return recorded_pids(self.state, kind)

    def code(self, name: str, script: str = OK) -> str:
        """A folder with a scoring script."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "score.py").write_text(script)
        return str(folder)

    def write_config(self, **changes: object) -> None:
        """Replaces its file, whole, by one with these keys changed."""
        self.config = {**self.config, **changes}
        new = self.path.with_suffix(".new")
        # JSON is YAML, too.
        new.write_bytes(msgspec.json.encode(self.config))
        new.replace(self.path)

    def _spawn(self) -> "subprocess.Popen[str]":
        self.write_config()
        with self.log.open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-c", self.first + _RUN, str(self.path)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                pass_fds=self._pass_fds,
            )


def is_running(pid: int) -> bool:
    """Whether it is; one that ended counts as gone though its parent has not reaped it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(pid: int) -> None:
    """Kills a process and returns when it has ended, whoever its parent is."""
    os.kill(pid, signal.SIGKILL)
    wait_gone(pid)


def wait_gone(pid: int) -> None:
    """Returns when a process has ended that was told to."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([pidfd], [], [], LIMIT_S)[0]
    os.close(pidfd)


def waiting_code(folder: Path) -> str:
    """A script whose init() returns as soon as there is a file "go"; run() tells its pid."""
    return _WAITS.format(folder=folder)


def begun_pids(folder: Path) -> set[int]:
    """Of the instances of ``waiting_code`` whose init() was called."""
    return {int(path.name.removeprefix("init-")) for path in folder.glob("init-*")}


async def until_begun(folder: Path, count: int) -> None:
    """Returns when init() was called so often."""
    async with asyncio.timeout(LIMIT_S):
        while len(begun_pids(folder)) < count:
            await asyncio.sleep(0.02)


def reboot(daemon: Daemon) -> None:
    """Nothing runs any more: no time for any process to end in order."""
    daemon.kill()
    for pid in (daemon.pids("i") | daemon.pids("w")).values():
        kill(pid)


class Answer:
    """Status, headers and JSON body."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status = status
        self.headers = headers
        self.body: Any = json.loads(text) if text else None

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


class Client:
    """Talks to a daemon's API, and to the endpoints behind it."""

    def __init__(self, daemon: Daemon) -> None:
        self._addresses = daemon.addresses
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(LIMIT_S))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        raw: bytes | None = None,
        wait_s: int = LIMIT_S,
    ) -> Answer:
        """``path`` is below onlineEndpoints/, or from the root if it begins with a slash."""
        url = (
            path
            if path.startswith("http")
            else self._addresses["control_base"]
            + (path if path.startswith("/") else f"{ENDPOINTS}/{path}".rstrip("/"))
        )
        data = raw if body is None else json.dumps(body).encode()
        headers = {"Prefer": f"wait={wait_s}"}
        async with self._session.request(method, url, data=data, headers=headers) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def text(self, path: str) -> str:
        """What is not JSON; ``path`` is from the root."""
        async with self._session.get(self._addresses["control_base"] + path) as answer:
            assert answer.status == 200
            return await answer.text()

    async def finish(self, begun: Answer) -> Answer:
        """Waits for the end of the operation that an answer announced."""
        assert begun.status in {200, 201, 202}, begun.body
        return await self.call("GET", begun.headers["Azure-AsyncOperation"])

    async def poll(self, begun: Answer) -> Answer:
        """How far the operation is that an answer announced."""
        return await self.call("GET", begun.headers["Azure-AsyncOperation"], wait_s=0)

    async def put_deployment(
        self, endpoint: str, name: str, code: str, count: int = 1, **properties: object
    ) -> Answer:
        """Begins; ``finish`` what it returns."""
        return await self.call(
            "PUT", f"{endpoint}/deployments/{name}", deployment_body(code, count, **properties)
        )

    async def serve(
        self, endpoint: str, name: str, code: str, count: int = 1, **properties: object
    ) -> None:
        """Creates an endpoint with one deployment that has all traffic."""
        assert (await self.call("PUT", endpoint, {"properties": {}})).status == 201
        done = await self.finish(
            await self.put_deployment(endpoint, name, code, count, **properties)
        )
        assert done.body["status"] == "Succeeded", done.body
        await self.set_traffic(endpoint, **{name: 100})

    async def wait_for(
        self, endpoint: str, reached: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """The properties of its deployment blue, once its instances are as wanted."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                shown = await self.call("GET", f"{endpoint}/deployments/blue")
                properties: dict[str, Any] = shown.body["properties"]
                if reached(properties["instances"]):
                    return properties

    async def set_traffic(self, endpoint: str, **traffic: int) -> None:
        answer = await self.call("PUT", endpoint, {"properties": {"traffic": traffic}})
        assert answer.status == 200, answer.body

    async def score(self, endpoint: str, key: str | None = None) -> Answer:
        """One live request."""
        if key is None:
            key = (await self.call("POST", f"{endpoint}/listKeys")).body["primaryKey"]
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{self._addresses['scoring_base']}/{endpoint}/score"
        async with self._session.post(url, data=b"{}", headers=headers) as answer:
            return Answer(answer.status, answer.headers, await answer.text())


def deployment_body(code: str, count: int = 1, **properties: object) -> dict[str, object]:
    return {
        "sku": {"capacity": count},
        "properties": {
            "codeConfiguration": {"codeId": code, "scoringScript": "score.py"},
            "requestSettings": {"maxConcurrentRequestsPerInstance": 100},
            **properties,
        },
    }


async def kill_and_await_replacement(daemon: Daemon, kind: str) -> None:
    """Kills the only process of its kind and waits, with a limit, until another is recorded."""
    (old,) = daemon.pids(kind).values()
    kill(old)
    async with Client(daemon) as client:
        while set(daemon.pids(kind).values()) <= {old}:
            # Answers as fast as it can; the test's own time limit bounds this.
            await client.call("GET", "/status")
