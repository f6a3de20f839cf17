"""Clients that see what happens to each of their connections, and count it as their users would.

Some keep their connection until an answer says that it ends; others open one for each request.
Every answer is checked against the number that was sent. A request that was sent and not
answered, a connection that was refused or reset: each is a failure.
"""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.e2e.harness import WAIT_S, Daemon

KEEPERS, OPENERS = 6, 4
# Each client's, between an answer and its next request.
PAUSE_S = 0.01
SCRIPT = "def init(): pass\ndef run(raw): return {'echo': raw}\n"
DEPLOYMENT = """
name: blue
endpoint_name: my-endpoint
code_configuration: {code: code/, scoring_script: score.py}
request_settings: {max_concurrent_requests_per_instance: 100, request_timeout_ms: 30000}
instance_count: 1
"""


def declare(folder: Path) -> str:
    """An endpoint whose deployment has all traffic: a part of turnout.yml."""
    write_files(folder, "blue")
    return (
        f"endpoints: [{{endpoint: {folder}/endpoint.yml, deployments: [{folder}/blue.yml], "
        "traffic: {blue: 100}}]\n"
    )


async def create(daemon: Daemon, folder: Path, *names: str) -> None:
    """The same by commands, so that clients may change it; the first one has all traffic."""
    write_files(folder, *names)
    await daemon.run("ml", "online-endpoint", "create", "-f", f"{folder}/endpoint.yml")
    for name in names:
        traffic = ["--all-traffic"] if name == names[0] else []
        await daemon.run(
            "ml", "online-deployment", "create", "-f", f"{folder}/{name}.yml", *traffic
        )


def write_files(folder: Path, *names: str) -> None:
    """An endpoint's YAML file and its deployments'."""
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCRIPT)
    (folder / "endpoint.yml").write_text("name: my-endpoint\nauth_mode: key\n")
    for name in names:
        (folder / f"{name}.yml").write_text(DEPLOYMENT.replace("name: blue", f"name: {name}"))


async def uri_and_key(daemon: Daemon) -> tuple[str, str]:
    """Where its endpoint is called, and with what."""
    on = ("-n", "my-endpoint")
    shown = json.loads(await daemon.run("ml", "online-endpoint", "show", *on))
    keys = json.loads(await daemon.run("ml", "online-endpoint", "get-credentials", *on))
    return shown["scoring_uri"], keys["primaryKey"]


class RawLoad:
    """KEEPERS clients that keep their connections, and OPENERS that don't.

    Attributes:
        answered: rightly, with 200.
        failed: what went wrong, but for what ``excuse`` allows.
        excused: how many requests went wrong as allowed.
        slowest_s: of connections that were new, from opening to the answer.
    """

    def __init__(self, uri: str, key: str) -> None:
        parts = urlsplit(uri)
        self._address = parts.hostname, parts.port
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        ).encode()
        self._numbers = itertools.count()
        self._stop = asyncio.Event()
        self._excused_ports: set[int] = set()
        self._progress = asyncio.Condition()
        # Who was given all traffic, and how many of those updates have returned.
        self._given: list[str] = []
        self._returned = 0
        self.answered = self.opened = self.excused = 0
        self.slowest_s = 0.0
        self.failed: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load while the block runs; on leaving, every request has its answer."""
        async with asyncio.TaskGroup() as group:
            for _ in range(KEEPERS):
                group.create_task(self._client(keeps=True))
            for _ in range(OPENERS):
                group.create_task(self._client(keeps=False))
            try:
                yield
            finally:
                self._stop.set()

    def stop(self) -> None:
        """Lets each client end after its answer."""
        self._stop.set()

    async def some_more(self, count: int) -> None:
        """Returns when so many more requests are answered, or one has failed."""
        until = self.answered + count
        async with asyncio.timeout(WAIT_S), self._progress:
            await self._progress.wait_for(lambda: self.answered >= until or self.failed)

    def begin_update(self, deployment: str) -> None:
        """All traffic is to go there."""
        self._given.append(deployment)

    def update_returned(self) -> None:
        """From now on no request that is sent may be routed by what was in force before."""
        self._returned = len(self._given)

    def excuse_connections_of(self, pid: int) -> None:
        """What fails on the connections that this process has now is no failure."""
        found = psutil.Process(pid).connections(kind="tcp")
        self._excused_ports |= {c.raddr.port for c in found if c.raddr}

    async def _client(self, *, keeps: bool) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            port = 0
            try:
                reader, writer = await asyncio.open_connection(*self._address)
                port = writer.get_extra_info("sockname")[1]
                self.opened += 1
                try:
                    goes_on = await self._ask(reader, writer, keeps=keeps)
                    self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                    while goes_on and not self._stop.is_set():
                        await asyncio.sleep(PAUSE_S)
                        goes_on = not reader.at_eof() and await self._ask(
                            reader, writer, keeps=True
                        )
                finally:
                    writer.close()
            except (OSError, EOFError, ValueError) as error:
                if port in self._excused_ports:
                    self.excused += 1
                elif not self._stop.is_set() or port:
                    await self._fail(f"{type(error).__name__}: {error} on port {port}")
            await asyncio.sleep(PAUSE_S)

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keeps: bool
    ) -> bool:
        """One request; whether the connection goes on."""
        number = str(next(self._numbers)).encode()
        in_force = max(self._returned - 1, 0)
        close = b"" if keeps else b"Connection: close\r\n"
        writer.write(self._head + b"%sContent-Length: %d\r\n\r\n%s" % (close, len(number), number))
        async with asyncio.timeout(WAIT_S):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
        if not head.startswith(b"http/1.1 200 ") or json.loads(body) != {"echo": number.decode()}:
            raise ValueError(f"asked {number!r}, got {head!r} {body!r}")
        served = head.partition(b"azureml-model-deployment: ")[2].partition(b"\r\n")[0].decode()
        if self._given and served not in self._given[in_force:]:
            raise ValueError(f"{served} answered by older rules than those of {self._given[-1]}")
        async with self._progress:
            self.answered += 1
            self._progress.notify_all()
        return b"connection: close" not in head

    async def _fail(self, what: str) -> None:
        async with self._progress:
            self.failed.append(what)
            self._progress.notify_all()
