"""The two streams to an instance: what one's end means for the other, and for what they hold."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import AsyncMock, Mock

import grpc
import pytest

from router.core.lane import LARGE_BYTES_MIN
from router.core.request import Request
from router.data_plane.forwarding import PART_BYTES, Forwarding
from router.data_plane.request_ids import RequestIds
from router.data_plane.upstream import Upstream
from tests.data_plane.scripted import ScriptedInstance, Worker, echo
from tests.data_plane.test_engine import answers, ask
from turnout.scoring.v1.scoring_pb2 import AnswerBatch, RequestBatch, ScoreRequest
from turnout.scoring.v1.scoring_pb2_grpc import ScoringStub

WAIT_S = 10
FOR_EVER_S = 1000
LARGE = b"x" * LARGE_BYTES_MIN
Context = grpc.aio.ServicerContext[RequestBatch, AnswerBatch]


class EndingInstance(ScriptedInstance):
    """Holds large requests; ends the stream that brings b"end", or the first b"abort".

    Attributes:
        holds: set when it has a large request.
        release: to be set for its answer.
    """

    def __init__(self, target: str) -> None:
        super().__init__(target, echo)
        self.holds = asyncio.Event()
        self.release = asyncio.Event()
        self.has_aborted = self.aborts_next_part = False
        self.parts: list[bytes] = []

    async def Stream(  # type: ignore[override]  # noqa: N802 - the protocol's name
        self, request_iterator: AsyncIterator[RequestBatch], context: Context
    ) -> None:
        await context.send_initial_metadata(())
        async for batch in request_iterator:
            for one in batch.requests:
                self.parts.append(one.payload)
                if self.aborts_next_part:
                    self.aborts_next_part = False
                    await context.abort(grpc.StatusCode.INTERNAL, "as the test says")
                if one.payload == b"abort" and not self.has_aborted:
                    self.has_aborted = True
                    await context.abort(grpc.StatusCode.INTERNAL, "as the test says")
                if one.more:
                    continue
                if len(one.payload) == PART_BYTES:
                    self.holds.set()
                    await self.release.wait()
                await self._answer(one, context)
                if one.payload == b"end":
                    return

    async def _answer(self, request: ScoreRequest, context: Context) -> None:
        answer = await echo(ScoreRequest(id=request.id, payload=b"answer"))
        await context.write(AnswerBatch(answers=[answer]))


@pytest.fixture
async def instance(worker: Worker) -> EndingInstance:
    ending = EndingInstance(f"unix:{worker._folder}/blue-0.sock")
    await ending.start()
    worker.instances["blue-0"] = ending
    await worker.route({"blue": ["blue-0"]}, {"blue": 100})
    # The first answer opens the window: run() is fast.
    await answers(ask(worker))
    return ending


def is_exchanging(stream: str) -> bool:
    return any(task.get_name() == f"{stream} stream to blue-0" for task in asyncio.all_tasks())


async def test_an_instance_that_ends_its_streams_in_order_is_heard_to_the_end(
    monkeypatch: pytest.MonkeyPatch, worker: Worker, instance: EndingInstance
) -> None:
    monkeypatch.setattr("router.data_plane.upstream.LAST_ANSWERS_S", FOR_EVER_S)
    held = ask(worker, LARGE)
    async with asyncio.timeout(WAIT_S):
        await instance.holds.wait()
        assert await answers(ask(worker, b"end")) == [b"answer"]
        while is_exchanging("small"):
            await asyncio.sleep(0)
    # Time enough for whatever would follow at once.
    async with grpc.aio.insecure_channel(instance.target) as channel:
        await ScoringStub(channel).Score(ScoreRequest(), timeout=WAIT_S)
    assert worker.engine.statistics().broken_streams == 0
    instance.release.set()
    assert await answers(held) == [b"answer"]
    (blue,) = worker.engine.statistics().endpoints[0].deployments
    assert blue.resent == 0


@pytest.mark.parametrize("how", [b"end", b"abort"])
async def test_nobody_waits_for_a_large_stream_that_owes_nothing(
    how: bytes, monkeypatch: pytest.MonkeyPatch, worker: Worker, instance: EndingInstance
) -> None:
    monkeypatch.setattr("router.data_plane.upstream.LAST_ANSWERS_S", FOR_EVER_S)
    instance.release.set()
    assert await answers(ask(worker, LARGE)) == [b"answer"]
    assert await answers(ask(worker, how)) == [b"answer"]
    async with asyncio.timeout(WAIT_S):
        while worker.engine.statistics().broken_streams == 0:
            await asyncio.sleep(0)
    assert await answers(ask(worker), ask(worker, LARGE)) == [b"answer"] * 2


async def test_a_large_body_that_was_cut_off_on_its_way_is_sent_anew_from_its_beginning(
    worker: Worker, instance: EndingInstance
) -> None:
    instance.parts.clear()
    instance.aborts_next_part = True
    # More than gRPC takes in ahead: when the stream breaks, most is unsent.
    body = b"x" * PART_BYTES + b"y" * 127 * PART_BYTES
    asked = ask(worker, body)
    async with asyncio.timeout(WAIT_S):
        await instance.holds.wait()
    instance.release.set()
    assert await answers(asked) == [b"answer"]
    # After the part that broke the stream.
    assert b"".join(instance.parts[1:]) == body


async def test_a_stream_whose_message_can_not_be_made_is_made_anew_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    worker: Worker,
    instance: EndingInstance,
) -> None:
    to_parts = Forwarding.to_parts

    def fail(self: Forwarding, request: Request, now_ns: int) -> Iterator[bytes]:
        monkeypatch.setattr(Forwarding, "to_parts", to_parts)
        return map(bytes.fromhex, ["no part of a body"])

    monkeypatch.setattr(Forwarding, "to_parts", fail)
    monkeypatch.setattr("router.data_plane.upstream.LAST_ANSWERS_S", 0.05)
    instance.release.set()
    assert await answers(ask(worker, LARGE)) == [b"answer"]
    (blue,) = worker.engine.statistics().endpoints[0].deployments
    assert blue.resent == 1
    assert "the large stream to blue-0 is given up" in caplog.text


async def test_a_stream_whose_answers_can_not_be_taken_is_made_anew_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    worker: Worker,
    instance: EndingInstance,
) -> None:
    dispatcher = worker.engine.dispatcher

    def fail(*_: object) -> None:
        monkeypatch.undo()
        raise ZeroDivisionError

    monkeypatch.setattr(dispatcher, "on_answers", fail)
    assert await answers(ask(worker)) == [b"answer"]
    (blue,) = worker.engine.statistics().endpoints[0].deployments
    assert blue.resent == 1
    assert "what comes by the small stream to blue-0 is read no more" in caplog.text


@pytest.mark.parametrize("how", [b"end", b"abort"])
async def test_where_one_stream_ends_alone_both_are_made_anew_and_nothing_is_lost(
    how: bytes, monkeypatch: pytest.MonkeyPatch, worker: Worker, instance: EndingInstance
) -> None:
    monkeypatch.setattr("router.data_plane.upstream.LAST_ANSWERS_S", 0.05)
    held = ask(worker, LARGE)
    async with asyncio.timeout(WAIT_S):
        await instance.holds.wait()
        instance.holds.clear()
        last = ask(worker, how)
        await instance.holds.wait()
    instance.release.set()
    assert await answers(held, last, ask(worker)) == [b"answer"] * 3
    (blue,) = worker.engine.statistics().endpoints[0].deployments
    assert blue.resent >= 1


async def test_one_that_is_closed_in_the_turn_in_which_its_streams_break_is_closed() -> None:
    upstream = Upstream("i1", "unix:/nowhere", Mock(), RequestIds())
    broken = asyncio.get_running_loop().create_future()
    call: Any = AsyncMock(cancel=Mock())
    call.read = lambda: broken
    exchange = asyncio.create_task(upstream._exchange(call, call))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    broken.set_result(None)
    # It waits for their writers now, which end by cancellation as well.
    await asyncio.sleep(0)
    exchange.cancel()
    with pytest.raises(asyncio.CancelledError):
        await exchange
