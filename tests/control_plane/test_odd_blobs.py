"""What the blob store says to requests that no storage client would send."""

import http.client
import json
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import LIMIT_S, WORKSPACE, Daemon

BLOCK_BLOB = {"x-ms-blob-type": "BlockBlob"}
UNKNOWN_ENCODING = b'<?xml version="1.0" encoding="none"?><BlockList/>'
LONG = "a/" * 1500 + "a"


class Refused(NamedTuple):
    status: int
    code: str | None
    message: str


def call(daemon: Daemon, method: str, target: str, body: bytes, headers: dict[str, str]) -> Refused:
    """Sends a request as it is."""
    connection = http.client.HTTPConnection(
        daemon.addresses["control_base"].removeprefix("http://"), timeout=LIMIT_S
    )
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return Refused(answer.status, answer.headers["x-ms-error-code"], answer.read().decode())
    finally:
        connection.close()


@pytest.fixture
def upload(shared_daemon: Daemon) -> tuple[str, str]:
    return begin_upload(shared_daemon)


def begin_upload(daemon: Daemon) -> tuple[str, str]:
    """A container of its own: the path of its blobs, and the query that opens it."""
    path = f"{WORKSPACE}/codes/odd/versions/1/startPendingUpload"
    begun = json.loads(call(daemon, "POST", path, b"{}", {}).message)
    uri = urlsplit(begun["blobReferenceForConsumption"]["credential"]["sasUri"])
    return uri.path, uri.query


@pytest.mark.parametrize(
    ("method", "name", "query", "body", "headers", "message"),
    [
        ("PUT", LONG, "", b"x", BLOCK_BLOB, "of at most 2048 bytes, got 3001"),
        ("GET", LONG, "", b"", {}, "of at most 2048 bytes, got 3001"),
        ("PUT", "a", "&comp=block&blockid=", b"x", {}, "query parameter `blockid`, got none"),
        ("PUT", "a", "&comp=blocklist", UNKNOWN_ENCODING, {}, "got: unknown encoding: none"),
        ("PUT", "a", "&comp=blocklist", b"<a>" * 10_000, {}, "got: no element found"),
        ("PUT", "a", "", b"x", {**BLOCK_BLOB, "x-ms-meta-k": "\xff"}, "header `x-ms-meta-k`"),
        ("PUT", "a", "", b"x", {**BLOCK_BLOB, "Content-MD5": "\xff"}, "the MD5 sum '\\udcff'"),
    ],
)  # fmt: skip
def test_an_odd_request_is_refused_and_leaves_no_blob(
    shared_daemon: Daemon,
    upload: tuple[str, str],
    method: str,
    name: str,
    query: str,
    body: bytes,
    headers: dict[str, str],
    message: str,
) -> None:
    path, token = upload
    refused = call(shared_daemon, method, f"{path}/{name}?{token}{query}", body, headers)
    assert (refused.status, refused.code) in {(400, "InvalidInput"), (400, "Md5Mismatch")}
    assert message in refused.message
    assert call(shared_daemon, "GET", f"{path}/a?{token}", b"", {}).status == 404


def test_a_blob_that_is_not_in_its_encoding_is_refused(start_daemon: StartDaemon) -> None:
    # A daemon of its own: aiohttp logs a traceback beside our answer.
    daemon = start_daemon().wait_ready()
    path, token = begin_upload(daemon)
    headers = {**BLOCK_BLOB, "Content-Encoding": "gzip"}
    refused = call(daemon, "PUT", f"{path}/a?{token}", b"not gzip", headers)
    assert (refused.status, refused.code) == (400, "InvalidInput")
    assert call(daemon, "GET", f"{path}/a?{token}", b"", {}).status == 404
