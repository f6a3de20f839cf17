"""Requests with names and numbers of absurd lengths, or in another encoding: 400, never 500.

The usual wrong calls are in the tables of test_wrong_calls.py.
"""

import gzip
import http.client
import json
from urllib.parse import urlsplit

import pytest

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import ENDPOINTS, WORKSPACE, Daemon, deployment_body

LIMIT_S = 60
LONG = "x" * 5000
JSON = {"Content-Type": "application/json"}
ENDPOINT = f"{ENDPOINTS}/wrong"
DEPLOYMENT = f"{ENDPOINT}/deployments/blue"


def scripted(name: str, code: str = "/tmp") -> bytes:  # noqa: S108 - a folder that is there
    body = deployment_body(code)
    body["properties"]["codeConfiguration"]["scoringScript"] = name  # type: ignore[index]
    return json.dumps(body).encode()


def ask(
    daemon: Daemon, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[int, str, str]:
    """Status, code and message."""
    address = urlsplit(daemon.addresses["control_base"]).netloc
    connection = http.client.HTTPConnection(address, timeout=LIMIT_S)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        error = json.loads(response.read())["error"]
        return response.status, error["code"], error["message"]
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "message"),
    [
        (
            "PUT",
            ENDPOINT,
            gzip.compress(b"[]", mtime=0),
            {**JSON, "Content-Encoding": "gzip"},
            "got array",
        ),
        ("PUT", DEPLOYMENT, scripted(LONG), JSON, "expected a file in /tmp"),
        ("PUT", DEPLOYMENT, scripted("a\0b"), JSON, "expected a file in /tmp"),
        ("PUT", DEPLOYMENT, scripted("../etc/passwd"), JSON, "expected a file in /tmp"),
        ("PUT", DEPLOYMENT, scripted("s.py", "/" + LONG), JSON, "expected a folder"),
        ("PUT", DEPLOYMENT, scripted("s.py", "/a\0b"), JSON, "expected a folder"),
        ("GET", f"{WORKSPACE}/models/m/versions?$top={'9' * 5000}", None, {}, "`$top`"),
        ("GET", WORKSPACE, None, {"Host": "["}, "in the header Host"),
        ("GET", WORKSPACE, None, {"Host": "\xff"}, "in the header Host"),
    ],
)
def test_a_request_that_is_wrong_in_itself_is_a_400(
    shared_daemon: Daemon,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
    message: str,
) -> None:
    made = ask_to_make_endpoint(shared_daemon)
    assert made in {200, 201}
    status, code, said = ask(shared_daemon, method, path, body, headers)
    assert (status, code) == (400, "BadRequest"), said
    assert message in said


def ask_to_make_endpoint(daemon: Daemon) -> int:
    address = urlsplit(daemon.addresses["control_base"]).netloc
    connection = http.client.HTTPConnection(address, timeout=LIMIT_S)
    try:
        connection.request("PUT", ENDPOINT, b'{"properties": {}}', JSON)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_body_that_is_not_in_its_encoding_is_a_400(start_daemon: StartDaemon) -> None:
    # A daemon of its own: aiohttp logs a traceback beside our answer.
    daemon = start_daemon().wait_ready()
    encoded = {**JSON, "Content-Encoding": "gzip"}
    status, code, said = ask(daemon, "PUT", ENDPOINT, b"{}", encoded)
    assert (status, code) == (400, "BadRequest")
    assert "expected a body in the encoding that its headers name" in said
