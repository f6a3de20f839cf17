"""Every answer that the router gives itself, from a real daemon, over a real socket.

README.md has the same table; the last test compares the two.
"""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from tests.e2e.harness import WAIT_S, Daemon

README = Path(__file__).parents[2] / "README.md"
SETTINGS = """
quotas:
  endpoints:
    rated-endpoint: {requests_per_s: 1}
    crowded-endpoint: {connections: 1}
"""
LIMITS = ", max_payload_bytes: 1000, header_timeout_ms: 300, max_connections: 20"
SCRIPT = """
import os, time
def init(): pass
def run(raw):
    if "sleep" in raw: time.sleep(1)
    if "die" in raw: os._exit(1)
    if "raise" in raw: raise ValueError("no")
    return "fine"
"""
DEPLOYMENT = """
name: blue
endpoint_name: {name}
code_configuration: {{code: code/, scoring_script: score.py}}
request_settings: {{max_concurrent_requests_per_instance: 1, request_timeout_ms: 500}}
"""
ENDPOINTS = {"my-endpoint": 100, "rated-endpoint": 100, "crowded-endpoint": 100, "idle-endpoint": 0}


class Answer(NamedTuple):
    """What the router says of itself."""

    line: str
    headers: dict[str, str]
    code: str


class Served(NamedTuple):
    port: int
    keys: dict[str, str]

    def request(
        self, body: bytes = b"{}", *, to: str = "my-endpoint", key: str = "", more: str = ""
    ) -> bytes:
        return (
            f"POST /{to}/score HTTP/1.1\r\nHost: x\r\n{more}"
            f"Authorization: Bearer {key or self.keys[to]}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    async def ask(self, data: bytes) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            return await answer(reader)
        finally:
            writer.close()


async def answer(reader: asyncio.StreamReader) -> Answer:
    async with asyncio.timeout(WAIT_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.split("\r\n")[:-2]
        headers = dict(one.split(": ", 1) for one in lines)
        body = b"" if " 405 " in line else await reader.readexactly(int(headers["content-length"]))
    error = msgspec.json.decode(body)["error"] if body.startswith(b'{"error"') else {"code": ""}
    return Answer(line.removeprefix("HTTP/1.1 "), headers, error["code"])


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    folder = Path(tempfile.mkdtemp(prefix="t-"))
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCRIPT)
    declared = []
    for name, percent in ENDPOINTS.items():
        (folder / f"{name}.yml").write_text(f"name: {name}\nauth_mode: key\n")
        (folder / f"{name}-blue.yml").write_text(DEPLOYMENT.format(name=name))
        declared.append(
            f"  - {{endpoint: {name}.yml, deployments: [{name}-blue.yml], "
            f"traffic: {{blue: {percent}}}}}\n"
        )
    made = Daemon(folder, SETTINGS + "endpoints:\n" + "".join(declared), data_plane=LIMITS)
    yield made
    made.end()
    shutil.rmtree(folder)


@pytest.fixture
async def served(daemon: Daemon) -> Served:
    keys = {}
    for name in ENDPOINTS:
        shown = ("-n", name, "-o", "tsv", "--query", "primaryKey")
        keys[name] = await daemon.run("ml", "online-endpoint", "get-credentials", *shown)
    uri = await daemon.run(
        "ml", "online-endpoint", "show", "-n", "my-endpoint", "-o", "tsv", "--query", "scoring_uri"
    )
    return Served(int(uri.split(":")[2].split("/")[0]), keys)


async def test_what_a_client_did_wrong(served: Served) -> None:
    good = served.request()
    line, end = good.split(b"\r\n", 1)
    for data, expected in (
        (good, ("200 OK", "")),
        (b"nonsense\r\n\r\n", ("400 Bad Request", "BadRequest")),
        (served.request(key="wrong"), ("401 Unauthorized", "Unauthorized")),
        (served.request(key="x", to="no-endpoint"), ("401 Unauthorized", "Unauthorized")),
        (good.replace(b"/score", b"/nothing"), ("404 Not found", "NotFound")),
        (served.request(to="idle-endpoint"), ("404 Not found", "NotFound")),
        (
            served.request(more="azureml-model-deployment: no\r\n"),
            ("404 Not found", "NotFound"),
        ),
        (good.replace(b"POST", b"HEAD"), ("405 Method Not Allowed", "")),
        (line + b"\r\nHost: x\r\n", ("408 Request timeout", "RequestTimeout")),
        (served.request(bytes(1001)), ("413 Payload Too Large", "PayloadTooLarge")),
        (good.replace(b"/my", b"/" + b"x" * 9000), ("414 URI Too Long", "UriTooLong")),
        (served.request(more="Expect: no\r\n"), ("417 Expectation Failed", "ExpectationFailed")),
        (
            served.request(more="X: y\r\n" * 101),
            ("431 Request Header Fields Too Large", "HeadersTooLarge"),
        ),
        (
            good.replace(b"Content-Length: 2", b"Transfer-Encoding: gzip"),
            ("501 Not Implemented", "NotImplemented"),
        ),
        (
            line.replace(b"1.1", b"2.0") + b"\r\n" + end,
            ("505 HTTP Version Not Supported", "HttpVersionNotSupported"),
        ),
    ):
        got = await served.ask(data)
        assert (got.line, got.code) == expected, data[:80]


async def test_what_the_model_did_wrong(served: Served) -> None:
    got = await served.ask(served.request(b"raise"))
    assert got.line == "424 Model error"
    assert got.headers["ms-azureml-model-error-statuscode"] == "500"
    assert got.headers["ms-azureml-model-error-reason"] == "model_error"
    got = await served.ask(served.request(b"sleep"))
    assert (got.line, got.code) == ("408 Request timeout", "RequestTimeout")
    # Sent to another instance once: the only one ends both times.
    got = await served.ask(served.request(b"die"))
    assert got.line == "424 Model error"
    assert (got.code, got.headers["ms-azureml-model-error-reason"]) in {
        ("ModelError", "instance_lost"),
        ("ModelNotReady", "model_not_ready"),
    }


async def test_what_there_is_too_much_of(served: Served) -> None:
    async def over(to: str, body: bytes = b"{}") -> Answer:
        """The answer to one of four at once that was not taken."""
        asked = [served.ask(served.request(body, to=to)) for _ in range(4)]
        refused = [one for one in await asyncio.gather(*asked) if one.line.startswith("429")]
        return refused[0]

    # One runs and one waits.
    got = await over("crowded-endpoint")
    assert (got.line, got.code) == ("429 Too many connections", "TooManyConnections")
    assert got.headers["retry-after"] == "1"
    got = await over("rated-endpoint")
    assert (got.line, got.code) == ("429 Rate-limited", "RateLimited")
    assert got.headers["retry-after"] == "1"
    got = await over("my-endpoint", b"sleep")
    assert (got.line, got.code) == ("429 Too many pending requests", "TooManyPendingRequests")
    assert got.headers["ms-azureml-model-error-reason"] == "too_many_pending_request"
    assert got.headers["retry-after"] == "1"


async def test_a_connection_too_many(served: Served) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(21)]
    reader, _ = opened[-1]
    got = await answer(reader)
    assert (got.line, got.code) == ("503 Service Unavailable", "Overloaded")
    assert got.headers["retry-after"] == "1"
    for _, writer in opened:
        writer.close()


def test_the_readme_lists_every_status_that_the_data_plane_knows() -> None:
    source = Path(__file__).parents[2] / "router" / "data_plane" / "statuses.py"
    known = set(re.findall(r'b"(\d{3}) [A-Z]', source.read_text()))
    table = README.read_text().split("## What clients get")[1].split("\n\n")
    listed = set(re.findall(r"^\| (\d{3}) \|", "\n".join(table), re.MULTILINE))
    assert listed == known | {"200"}
