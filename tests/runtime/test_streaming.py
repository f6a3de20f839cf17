"""Streamed answers of a real instance: parts, credit, and what ends them."""

import asyncio
import json
from pathlib import Path

import grpc

from runtime.credit import INITIAL_BYTES
from tests.runtime.conftest import WORKER_COUNTS, Start
from tests.runtime.instance import WAIT_S, Stream, stream
from turnout.scoring.v1.scoring_pb2 import (
    AnswerBatch,
    Flow,
    RequestBatch,
    ScoreAnswer,
    ScoreRequest,
)
from turnout.scoring.v1.scoring_pb2_grpc import ScoringStub

# Says in a file how many parts it has made, and whether it was closed.
STREAMING = """
import json, os, time
from flask import Response
here = os.path.dirname(os.environ["AML_APP_ROOT"])
def init(): pass
def parts(count, size):
    try:
        for n in range(count):
            yield b"x" * size
    finally:
        open(os.path.join(here, f"closed-after-{n + 1}"), "w").close()
def run(raw):
    if raw == "plain": return "plain"
    asked = json.loads(raw)
    if asked.pop("wait", False):
        open(os.path.join(here, "waits"), "w").close()
        while not os.path.exists(os.path.join(here, "go")): time.sleep(0.001)
    return Response(parts(**asked), mimetype="text/plain")
"""
PART_BYTES = 65_536


async def next_parts(one: Stream, count_bytes: int) -> list[ScoreAnswer]:
    """Parts until they hold so much, or until the last."""
    parts: list[ScoreAnswer] = []
    async with asyncio.timeout(WAIT_S):
        while sum(len(part.payload) for part in parts) < count_bytes:
            batch = await one.call.read()
            assert isinstance(batch, AnswerBatch)
            parts += batch.answers
            if not parts[-1].more:
                break
    return parts


async def steer(one: Stream, flow: Flow) -> None:
    await one.call.write(RequestBatch(flows=[flow]))


async def appears(path: Path) -> None:
    async with asyncio.timeout(WAIT_S):
        while not path.exists():  # noqa: ASYNC240 - a look, no more
            await asyncio.sleep(0)


def was_closed(folder: Path) -> bool:
    return any(folder.glob("closed-after-*"))


def body(count: int, size: int = PART_BYTES) -> bytes:
    return json.dumps({"count": count, "size": size}).encode()


@WORKER_COUNTS
async def test_parts_come_in_order_and_the_last_has_the_whole_time(
    start: Start, worker_count: str
) -> None:
    instance = start(STREAMING, WORKER_COUNT=worker_count)
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([body(3, 10)])
        parts = await next_parts(one, 31)
    assert [part.more for part in parts] == [True, True, True, False]
    assert (parts[0].status, parts[0].content_type) == (200, "text/plain; charset=utf-8")
    assert b"".join(part.payload for part in parts) == b"x" * 30
    assert parts[-1].run_ns >= parts[0].run_ns > 0


@WORKER_COUNTS
async def test_no_more_is_made_than_was_granted(
    start: Start, folder: Path, worker_count: str
) -> None:
    instance = start(STREAMING, WORKER_COUNT=worker_count)
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([body(100)])
        got = await next_parts(one, INITIAL_BYTES)
        assert sum(len(part.payload) for part in got) == INITIAL_BYTES
        await steer(one, Flow(id=1, granted_bytes=2 * PART_BYTES))
        assert len(await next_parts(one, 2 * PART_BYTES)) == 2
        await steer(one, Flow(id=1, cancelled=True))
        (last,) = await next_parts(one, 1)
        assert (last.more, last.payload) == (False, b"")
    # Six were sent, and one waited for credit.
    await appears(folder / "closed-after-7")


@WORKER_COUNTS
async def test_a_stream_that_breaks_ends_the_scripts_generator(
    start: Start, folder: Path, worker_count: str
) -> None:
    instance = start(STREAMING, WORKER_COUNT=worker_count)
    await instance.wait_until_serving()
    async with stream(instance) as other:
        async with stream(instance) as one:
            await one.send([body(100)])
            await next_parts(one, INITIAL_BYTES)
        await other.send([b"plain"])
        (answer,) = await other.answers(1)
    assert answer.payload == b'"plain"'
    await appears(folder / "closed-after-5")


@WORKER_COUNTS
async def test_an_answer_whose_stream_broke_before_it_began_holds_up_no_process(
    start: Start, folder: Path, worker_count: str
) -> None:
    instance = start(STREAMING, WORKER_COUNT=worker_count)
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([json.dumps({"count": 100, "size": PART_BYTES, "wait": True}).encode()])
        await appears(folder / "waits")
    async with stream(instance) as other:
        # Its end was seen before this is answered, at the latest.
        if worker_count != "1":
            await other.send([b"plain"])
            await other.answers(1)
        (folder / "go").touch()
        await other.send([b"plain"] * 4)
        assert {answer.payload for answer in await other.answers(4)} == {b'"plain"'}
    async with asyncio.timeout(WAIT_S):
        while not was_closed(folder):
            await asyncio.sleep(0)


async def test_a_single_call_gets_a_streamed_answer_whole(start: Start) -> None:
    instance = start(STREAMING)
    await instance.wait_until_serving()
    async with grpc.aio.insecure_channel(instance.target) as channel:
        answer = await ScoringStub(channel).Score(ScoreRequest(id=5, payload=body(20)))
    assert (answer.id, answer.status, answer.more) == (5, 200, False)
    assert answer.payload == b"x" * 20 * PART_BYTES


async def test_a_drain_lets_a_streamed_answer_end(start: Start, folder: Path) -> None:
    instance = start(STREAMING)
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([body(8)])
        await next_parts(one, INITIAL_BYTES)
        instance.terminate()
        await steer(one, Flow(id=1, granted_bytes=8 * PART_BYTES))
        parts = await next_parts(one, 8 * PART_BYTES)
        assert not parts[-1].more
    assert await instance.exit_status() == 0
    assert (folder / "closed-after-8").exists()
