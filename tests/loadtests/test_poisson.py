"""The open-loop generator against a server that answers by rote."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from loadtests.bench.poisson import NoAnswerError, send
from loadtests.bench.work import BODY, KEY, PATH

GOOD = b"HTTP/1.1 200 OK\r\nx-ms-run-fn-exec-ms: 2.500\r\ncontent-length: 2\r\n\r\n[]"
BAD = b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"
CUT = b""


class Server:
    """Answers its requests with these, in turn; nothing cuts the connection."""

    def __init__(self, *answers: bytes) -> None:
        self.requests: list[bytes] = []
        self._answers = answers

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            answer = self._answers[len(self.requests) % len(self._answers)]
            self.requests.append(head + await reader.readexactly(len(BODY)))
            if answer == CUT:
                return
            writer.write(answer)


@contextlib.asynccontextmanager
async def serving(server: Server) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await server.serve(reader, writer)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}{PATH}"


async def test_each_arrival_is_a_request_and_the_answers_tell_the_run_time() -> None:
    server = Server(GOOD)
    async with serving(server) as url:
        report = await send(url, KEY, [0.0, 0.0, 0.01, 0.02])
    assert (report.sent, report.failed, report.run_ms) == (4, 0, 2.5)
    assert len(server.requests) == 4
    for request in server.requests:
        assert request.startswith(f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:".encode())
        assert f"\r\nAuthorization: Bearer {KEY}\r\n".encode() in request
        assert request.endswith(BODY)


async def test_refused_and_cut_requests_have_failed() -> None:
    async with serving(Server(GOOD, BAD, CUT)) as url:
        report = await send(url, KEY, [0.01 * n for n in range(6)])
    assert (report.sent, report.failed) == (6, 4)


async def test_nothing_is_reported_where_nothing_was_answered() -> None:
    async with serving(Server(BAD)) as url:
        with pytest.raises(NoAnswerError, match="expected 3 answers of status 200, got none"):
            await send(url, KEY, [0.0, 0.0, 0.0])
