"""Slow clients, and too many: what they cost is bounded; over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from router.core.listener_limits import ListenerLimits
from router.core.routing import EndpointQuota
from tests.data_plane.scripted import KEY, Worker, echo, running
from tests.data_plane.test_throttle import answer, lines_of, request
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer, ScoreRequest

WAIT_S = 20
# Of one look; a listener looks once a second.
SHORT_MS = 50
HEAD = f"POST /my-endpoint/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n".encode()


@asynccontextmanager
async def limited(folder: Path, limits: ListenerLimits) -> AsyncIterator[Worker]:
    async with running(folder, limits) as worker:
        await worker.add_instance("blue-1")
        await worker.route({"blue": ["blue-1"]}, {"blue": 100})
        yield worker


async def connect(worker: Worker) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", worker.port)


@pytest.mark.parametrize(
    ("limits", "sends", "words"),
    [
        (ListenerLimits(header_timeout_ms=SHORT_MS), b"POST /my-endpoint/sc", b"the headers of"),
        (ListenerLimits(header_timeout_ms=SHORT_MS), HEAD + b"X: ", b"the headers of"),
        (
            ListenerLimits(body_timeout_ms=SHORT_MS),
            HEAD + b"Content-Length: 5\r\n\r\n12",
            b"the body of",
        ),
        (
            ListenerLimits(body_timeout_ms=SHORT_MS),
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n12\r\n",
            b"the body of",
        ),
    ],
    ids=["first line", "headers", "body", "chunks"],
)
async def test_who_begins_a_request_and_does_not_go_on_gets_408_and_is_closed(
    folder: Path, limits: ListenerLimits, sends: bytes, words: bytes
) -> None:
    async with limited(folder, limits) as worker:
        reader, writer = await connect(worker)
        writer.write(sends)
        async with asyncio.timeout(WAIT_S):
            assert await reader.readuntil(b"\r\n") == b"HTTP/1.1 408 Request timeout\r\n"
            rest = await reader.read()
        assert b"connection: close\r\n" in rest
        assert words in rest
        writer.close()


async def test_a_body_that_keeps_coming_may_take_its_time(folder: Path) -> None:
    """Slower than several looks, each part in time."""
    limits = ListenerLimits(body_timeout_ms=500, header_timeout_ms=SHORT_MS)
    async with limited(folder, limits) as worker:
        reader, writer = await connect(worker)
        writer.write(HEAD + b"Content-Length: 2500\r\n\r\n")
        for _ in range(25):
            writer.write(b"x" * 100)
            await asyncio.sleep(0.1)
        async with asyncio.timeout(WAIT_S):
            assert (await answer(reader))[1] == b"x" * 2500
        writer.close()


async def test_a_byte_now_and_then_is_no_body_that_keeps_coming(folder: Path) -> None:
    async with limited(folder, ListenerLimits(body_timeout_ms=500)) as worker:
        reader, writer = await connect(worker)
        writer.write(HEAD + b"Content-Length: 2500\r\n\r\n")
        async with asyncio.timeout(WAIT_S):
            refused = asyncio.create_task(reader.readuntil(b"\r\n"))
            while not refused.done():
                writer.write(b"x")
                await asyncio.sleep(0.1)
        assert refused.result() == b"HTTP/1.1 408 Request timeout\r\n"
        writer.close()


async def test_time_that_the_throttle_takes_does_not_count(folder: Path) -> None:
    limits = ListenerLimits(body_timeout_ms=SHORT_MS, header_timeout_ms=SHORT_MS)
    async with limited(folder, limits) as worker:
        await worker.route(
            {"blue": ["blue-1"]},
            {"blue": 100},
            quota=EndpointQuota(bandwidth_bytes_per_s=1_000_000),
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port, limit=2**22)
        body = bytes(2_500_000)
        writer.write(request(body, headers=""))
        async with asyncio.timeout(WAIT_S):
            assert (await answer(reader))[1] == body
        writer.close()


@pytest.mark.parametrize("asks_first", [False, True], ids=["new", "kept alive"])
async def test_a_connection_that_is_not_used_is_closed_without_a_word(
    folder: Path, *, asks_first: bool
) -> None:
    limits = ListenerLimits(header_timeout_ms=SHORT_MS, keep_alive_timeout_ms=SHORT_MS)
    async with limited(folder, limits) as worker:
        reader, writer = await connect(worker)
        if asks_first:
            writer.write(request(b"{}"))
            assert (await answer(reader))[1] == b"{}"
        async with asyncio.timeout(WAIT_S):
            assert await reader.read() == b""
        writer.close()


async def test_who_waits_for_an_answer_is_never_closed_for_being_idle(folder: Path) -> None:
    gate = asyncio.Event()

    async def waits(asked: ScoreRequest) -> ScoreAnswer:
        await gate.wait()
        return await echo(asked)

    limits = ListenerLimits(header_timeout_ms=1, body_timeout_ms=1, keep_alive_timeout_ms=1)
    async with limited(folder, limits) as worker:
        worker.instances["blue-1"].behave = waits
        reader, writer = await connect(worker)
        writer.write(request(b"{}"))
        loop = asyncio.get_running_loop()
        # Two looks at least.
        loop.call_later(2.2, gate.set)
        async with asyncio.timeout(WAIT_S):
            assert (await answer(reader))[1] == b"{}"
        writer.close()


async def test_who_does_not_read_its_answer_is_cut(folder: Path) -> None:
    async with limited(folder, ListenerLimits(write_timeout_ms=SHORT_MS)) as worker:
        sock = socket.create_connection(("127.0.0.1", worker.port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.to_thread(sock.sendall, request(bytes(8_000_000), headers=""))
        async with asyncio.timeout(WAIT_S):
            while not worker.instances["blue-1"].requests:
                await asyncio.sleep(0.01)
            while worker.listener.connections:
                await asyncio.sleep(0.01)
        sock.close()


async def test_a_connection_too_many_is_told_503_and_closed_and_the_others_served(
    folder: Path,
) -> None:
    async with limited(folder, ListenerLimits(max_connections=2)) as worker:
        kept = [await connect(worker) for _ in range(2)]
        for reader, writer in kept:
            writer.write(request(b"{}"))
            assert (await answer(reader))[1] == b"{}"
        reader, writer = await connect(worker)
        async with asyncio.timeout(WAIT_S):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert lines_of(head)["retry-after"] == "1"
            assert b"data_plane.max_connections" in await reader.read()
        writer.close()
        for reader, writer in kept:
            writer.write(request(b"again"))
            assert (await answer(reader))[1] == b"again"
            writer.close()
