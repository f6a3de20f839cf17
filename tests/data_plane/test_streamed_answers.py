"""Streamed answers on real connections: chunks, slow readers, and every way to break off."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from router.core.lane import LARGE_BYTES_MIN
from router.core.listener_limits import ListenerLimits
from tests.data_plane.scripted import ScriptedInstance, Worker, echo, running
from tests.data_plane.test_listener import Client, request
from turnout.scoring.v1.scoring_pb2 import AnswerBatch, RequestBatch, ScoreAnswer

WAIT_S = 10
SHORT_MS = 50
CREDIT_BYTES = 262_144
PART = b"x" * 10_000


class StreamingInstance(ScriptedInstance):
    """Answers as a test says part by part, and spends only what it is granted.

    Attributes:
        starved: set while the credit is spent.
        cancelled: set when nobody wants the rest.
    """

    def __init__(self, target: str) -> None:
        super().__init__(target, echo)
        self.starved = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.sent_bytes = 0
        self.numbers: list[int] = []
        self._arrived = asyncio.Event()
        self._credit_bytes = CREDIT_BYTES
        self._granted = asyncio.Event()

    async def Stream(  # type: ignore[override]  # noqa: N802 - the protocol's name
        self,
        request_iterator: AsyncIterator[RequestBatch],
        context: "grpc.aio.ServicerContext[RequestBatch, AnswerBatch]",
    ) -> None:
        await context.send_initial_metadata(())
        async for batch in request_iterator:
            if batch.requests:
                # What is said of an answer comes by the request's stream, and goes there.
                self.context = context
                self.numbers += [one.id for one in batch.requests if not one.more]
            if self.numbers:
                self._arrived.set()
            for flow in batch.flows:
                assert context is self.context
                self._credit_bytes += flow.granted_bytes
                self._granted.set()
                if flow.cancelled:
                    self.cancelled.set()

    async def send(self, payload: bytes, *, more: bool = True, index: int = 0) -> None:
        async with asyncio.timeout(WAIT_S):
            await self._arrived.wait()
        answer = ScoreAnswer(
            id=self.numbers[index],
            outcome=ScoreAnswer.OUTCOME_RETURNED,
            status=200,
            payload=payload,
            more=more,
            run_ns=1000,
        )
        answer.content_type = "text/plain"
        await self.context.write(AnswerBatch(answers=[answer]))

    async def fail(self) -> None:
        answer = ScoreAnswer(id=self.numbers[0], outcome=ScoreAnswer.OUTCOME_RAISED, status=500)
        await self.context.write(AnswerBatch(answers=[answer]))

    async def send_as_granted(self, count: int) -> None:
        """That many parts."""
        for _ in range(count):
            while self._credit_bytes <= 0 and not self.cancelled.is_set():
                self._granted.clear()
                self.starved.set()
                await self._granted.wait()
            if self.cancelled.is_set():
                break
            self.starved.clear()
            self._credit_bytes -= len(PART)
            self.sent_bytes += len(PART)
            await self.send(PART)
        await self.send(b"", more=False)


@pytest.fixture
async def instance(worker: Worker) -> StreamingInstance:
    streaming = StreamingInstance(f"unix:{worker._folder}/blue-0.sock")
    await streaming.start()
    worker.instances["blue-0"] = streaming
    await worker.route({"blue": ["blue-0"]}, {"blue": 100}, timeout_ms=2000)
    return streaming


async def read(client: Client, until: bytes) -> bytes:
    async with asyncio.timeout(WAIT_S):
        return await client._reader.readuntil(until)


async def test_parts_are_chunks_and_each_is_written_when_it_comes(
    worker: Worker, instance: StreamingInstance
) -> None:
    client = await Client.connect(worker)
    client.send(request())
    await instance.send(b"first")
    head = await read(client, b"\r\n\r\n")
    assert b"HTTP/1.1 200 OK" in head
    assert b"transfer-encoding: chunked" in head
    assert b"content-length" not in head
    assert await read(client, b"first\r\n") == b"5\r\nfirst\r\n"
    await instance.send(b"")
    await instance.send(b"second")
    assert await read(client, b"second\r\n") == b"6\r\nsecond\r\n"
    await instance.send(b"", more=False)
    assert await read(client, b"0\r\n\r\n") == b"0\r\n\r\n"
    await client.close()


async def test_a_later_answer_waits_for_the_end_of_a_streamed_one(
    worker: Worker, instance: StreamingInstance
) -> None:
    await worker.add_instance("green-0")
    await worker.route({"blue": ["blue-0"], "green": ["green-0"]}, {"blue": 100})
    client = await Client.connect(worker)
    client.send(request())
    client.send(request(b"whole", headers="azureml-model-deployment: green\r\n"))
    await instance.send(b"a")
    await read(client, b"1\r\na\r\n")
    async with asyncio.timeout(WAIT_S):
        while worker.engine.dispatcher.ledger.in_flight > 1:
            await asyncio.sleep(0)
    await instance.send(b"b", more=False)
    assert await read(client, b"0\r\n\r\n") == b"1\r\nb\r\n0\r\n\r\n"
    assert (await client.response())[2] == b"whole"
    await client.close()


async def test_who_reads_nothing_any_more_of_an_answer_that_broke_off_is_cut(folder: Path) -> None:
    async with running(folder, ListenerLimits(write_timeout_ms=SHORT_MS)) as worker:
        streaming = StreamingInstance(f"unix:{folder}/blue-0.sock")
        await streaming.start()
        worker.instances["blue-0"] = streaming
        await worker.route({"blue": ["blue-0"]}, {"blue": 100}, timeout_ms=60_000)
        sock = socket.create_connection(("127.0.0.1", worker.port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(request())
        async with asyncio.timeout(WAIT_S):
            await streaming.send(b"x" * 8_000_000)
            await streaming.fail()
            while worker.engine.dispatcher.ledger.in_flight:
                await asyncio.sleep(0.01)
            while worker.listener.connections:
                await asyncio.sleep(0.01)
        sock.close()


async def test_a_client_of_http_1_0_gets_the_body_until_the_end_of_the_connection(
    worker: Worker, instance: StreamingInstance
) -> None:
    client = await Client.connect(worker)
    client.send(request().replace(b"HTTP/1.1", b"HTTP/1.0"))
    await instance.send(b"one ")
    await instance.send(b"two", more=False)
    async with asyncio.timeout(WAIT_S):
        text = await client._reader.read()
    head, body = text.split(b"\r\n\r\n", 1)
    assert b"connection: close" in head
    assert b"transfer-encoding" not in head
    assert body == b"one two"
    await client.close()


async def test_the_answer_to_a_large_body_is_steered_like_any_other(
    worker: Worker, instance: StreamingInstance
) -> None:
    client = await Client.connect(worker)
    client.send(request(b"x" * LARGE_BYTES_MIN, headers="connection: close\r\n"))
    parts = 4 * CREDIT_BYTES // len(PART)
    async with asyncio.timeout(WAIT_S):
        sending = asyncio.create_task(instance.send_as_granted(parts))
        await read(client, b"\r\n\r\n")
        body = await client._reader.read()
        await sending
    assert body.endswith(b"\r\n0\r\n\r\n")
    assert body.count(b"x") == parts * len(PART)
    await client.close()


async def test_a_slow_reader_holds_up_the_instance_and_nobody_else(
    worker: Worker, instance: StreamingInstance
) -> None:
    other = await worker.add_instance("green-0")
    deployments = {"blue": ["blue-0"], "green": ["green-0"]}
    await worker.route(deployments, {"blue": 100}, timeout_ms=60_000)
    slow, quick = await Client.connect(worker), await Client.connect(worker)
    slow._writer.transport.pause_reading()  # type: ignore[attr-defined] # the client's end
    slow.send(request())
    parts = 5000
    sending = asyncio.create_task(instance.send_as_granted(parts))
    async with asyncio.timeout(WAIT_S):
        await instance.starved.wait()
        for number in range(50):
            quick.send(request(b"%d" % number, headers="azureml-model-deployment: green\r\n"))
            assert (await quick.response())[2] == b"%d" % number
            if not instance.starved.is_set():
                await instance.starved.wait()
    assert len(other.requests) == 50
    # Buffers of the kernel, ours and the credit; far from all of it.
    assert instance.sent_bytes < parts * len(PART) / 2
    slow._writer.transport.resume_reading()  # type: ignore[attr-defined]
    async with asyncio.timeout(WAIT_S * 3):
        got = await slow._reader.readuntil(b"\r\n\r\n")
        count = 0
        while not got.endswith(b"0\r\n\r\n"):
            got = got[-5:] + await slow._reader.read(1 << 20)
            count += got.count(b"x") - got[:5].count(b"x")
        await sending
    assert count == parts * len(PART)
    await slow.close()
    await quick.close()


async def test_a_client_that_hangs_up_cancels_the_rest(
    worker: Worker, instance: StreamingInstance
) -> None:
    client = await Client.connect(worker)
    client.send(request())
    await instance.send(b"first")
    await read(client, b"first")
    client._writer.transport.abort()
    async with asyncio.timeout(WAIT_S):
        # Only the next write tells that nobody reads: a client may end its own side and read on.
        while not instance.cancelled.is_set():
            await instance.send(b"more")
    assert worker.engine.dispatcher.ledger.in_flight == 1
    await instance.send(b"", more=False)
    async with asyncio.timeout(WAIT_S):
        while worker.engine.dispatcher.ledger.in_flight:
            await asyncio.sleep(0)
    await client.close()


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
@pytest.mark.parametrize("how", ["fails", "dies", "takes too long"])
async def test_an_answer_that_breaks_off_is_no_whole_one_to_its_client(
    worker: Worker, instance: StreamingInstance, how: str, version: bytes
) -> None:
    client = await Client.connect(worker)
    client.send(request().replace(b"HTTP/1.1", version))
    await instance.send(b"first")
    text = await read(client, b"first")
    if how == "fails":
        await instance.fail()
    elif how == "dies":
        await instance.stop()
    try:
        async with asyncio.timeout(WAIT_S):
            text += await client._reader.read()
    except ConnectionResetError:
        assert version == b"HTTP/1.0", "an orderly end would look like the body's"
    else:
        assert version == b"HTTP/1.1"
        assert not text.endswith(b"0\r\n\r\n")
    client._writer.close()
    statistics = worker.engine.dispatcher.statistics()
    assert statistics.endpoints[0].deployments[0].failed == 1
    assert statistics.in_flight == 0
