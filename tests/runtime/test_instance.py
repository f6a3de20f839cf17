"""An instance as a router sees it: readiness, answers, batches, concurrency. See test_drain.py."""

import asyncio
import json
import socket
from pathlib import Path

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.runtime.conftest import WORKER_COUNTS, Start
from tests.runtime.instance import SERVING, WAIT_S, stream
from tests.runtime.scripts import ECHO, GATED
from turnout.scoring.v1.scoring_pb2 import (
    AnswerBatch,
    RequestBatch,
    RequestColumns,
    ScoreAnswer,
    ScoreRequest,
)
from turnout.scoring.v1.scoring_pb2_grpc import ScoringStub


async def test_it_is_not_healthy_before_init_has_returned(start: Start, folder: Path) -> None:
    instance = start(GATED, HOLD_INIT="1")
    assert await instance.health() != SERVING
    (folder / "init-may-return").touch()
    await instance.wait_until_serving()


@pytest.mark.parametrize(
    ("result", "body"),
    [
        ("{'a': [1, 2.5, None]}", {"a": [1, 2.5, None]}),
        ("[0.5, 0.5]", [0.5, 0.5]),
        ("'text'", "text"),
        ("True", True),
        ("7", 7),
        ("None", {}),
    ],
)
async def test_what_run_returns_becomes_json(start: Start, result: str, body: object) -> None:
    instance = start(f"def init(): pass\ndef run(raw): return {result}")
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b"x"])
        (answer,) = await one.answers(1)
    assert (answer.status, answer.outcome) == (200, ScoreAnswer.OUTCOME_RETURNED)
    assert answer.content_type == "application/json"
    assert json.loads(answer.payload) == body
    assert answer.run_ns > 0


@WORKER_COUNTS
async def test_it_asks_for_columns_and_answers_what_comes_in_them(
    start: Start, worker_count: str
) -> None:
    instance = start(
        "def init(): pass\ndef run(raw): return 7 / int(raw)", WORKER_COUNT=worker_count
    )
    await instance.wait_until_serving()
    bodies = {1: b"2", 2: b"0", 3: b"7"}
    asked = RequestColumns(ids=bodies, timeouts_ns=[0] * len(bodies), payloads=bodies.values())
    async with stream(instance) as one:
        assert ("turnout-columns", "1") in tuple(await one.call.initial_metadata())
        await one.call.write(RequestBatch(columns=asked))
        got: dict[int, bytes] = {}
        async with asyncio.timeout(WAIT_S):
            while len(got) < len(bodies):
                batch = await one.call.read()
                assert isinstance(batch, AnswerBatch)
                got.update(zip(batch.columns.ids, batch.columns.payloads, strict=True))
                got.update({answer.id: answer.payload for answer in batch.answers})
                assert all(answer.id == 2 for answer in batch.answers) or worker_count != "1"
    assert (got.pop(1), got.pop(3)) == (b"3.5", b"1.0")
    assert b"unexpected error" in got.pop(2)
    assert got == {}


async def test_failures_of_run_are_answers_and_the_instance_lives(start: Start) -> None:
    instance = start("""
import sys
def init(): pass
def run(raw):
    if raw == "raise": raise ValueError("no such row")
    if raw == "exit": sys.exit(1)
    if raw == "bytes": return b"raw bytes"
    return raw
""")
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b"raise", b"exit", b"bytes", b"\xff\xfe", b"fine"])
        raised, left, unserialisable, not_text, fine = await one.answers(5)
    failed = "An unexpected error occurred in scoring script. Check the logs for more info."
    for answer in (raised, left):
        assert (answer.status, answer.outcome) == (500, ScoreAnswer.OUTCOME_RAISED)
        assert json.loads(answer.payload) == {"message": failed}
    assert raised.error == "ValueError: no such row"
    assert unserialisable.status == 500
    assert "internal error" in json.loads(unserialisable.payload)["message"]
    assert (not_text.status, not_text.outcome) == (400, ScoreAnswer.OUTCOME_BAD_INPUT)
    assert "Input cannot be decoded as UTF-8" in json.loads(not_text.payload)["message"]
    assert fine.payload == b'"fine"'
    log = instance.log.read_text()
    assert "Traceback" in log
    assert "no such row" in log


async def test_answers_of_a_fast_run_are_gathered(start: Start) -> None:
    instance = start(ECHO)
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b"%d" % n for n in range(200)])
        batches = await one.batches(200)
    flat = sorted((answer.id, answer.payload) for batch in batches for answer in batch)
    assert flat == [(n + 1, b"%d" % n) for n in range(200)]
    # Gathered by the millisecond; a noisy machine may take dozens for what needs one.
    assert len(batches) < 100


async def test_the_answer_of_a_slow_run_does_not_wait_for_the_next(
    start: Start, folder: Path
) -> None:
    instance = start(GATED)
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b'"first"', b'"second"'])
        (folder / "first").touch()
        ((answer,),) = await one.batches(1)
        assert answer.id == 1
        (folder / "second").touch()
        await one.batches(1)


@pytest.mark.parametrize(("worker_count", "at_once"), [("1", 1), ("3", 3)])
async def test_as_many_run_at_once_as_the_deployment_allows_and_no_more(
    start: Start, folder: Path, worker_count: str, at_once: int
) -> None:
    instance = start(GATED, WORKER_COUNT=worker_count)
    await instance.wait_until_serving()
    async with stream(instance) as one, stream(instance) as other:
        await one.send([b'"go"'] * 4)
        await other.send([b'"go"'] * 4)
        async with asyncio.timeout(WAIT_S):
            while not (folder / f"running-{at_once}").exists():
                await asyncio.sleep(0)
        (folder / "go").touch()
        answers = await one.answers(4) + await other.answers(4)
    seen = {int(answer.payload) for answer in answers}
    assert max(seen) == at_once


async def test_a_request_whose_time_is_over_is_not_run(start: Start, folder: Path) -> None:
    instance = start(GATED)
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b'"gate"'])
        await one.send([b'"never"'], first=2, timeout_ns=1)
        (folder / "gate").touch()
        ran, expired = await one.answers(2)
    assert ran.outcome == ScoreAnswer.OUTCOME_RETURNED
    assert (expired.outcome, expired.run_ns) == (ScoreAnswer.OUTCOME_EXPIRED, 0)


async def test_streams_with_the_same_ids_get_each_their_own_answers(start: Start) -> None:
    instance = start(ECHO, WORKER_COUNT="2")
    await instance.wait_until_serving()
    async with stream(instance) as one, stream(instance) as other:
        for first in range(1, 100, 10):
            await one.send([b'"one"'] * 10, first=first)
            await other.send([b'"other"'] * 10, first=first)
        answers = [await each.answers(100) for each in (one, other)]
    for got, payload in zip(answers, (b'"one"', b'"other"'), strict=True):
        assert [(a.id, a.payload) for a in got] == [(n, payload) for n in range(1, 101)]


async def test_a_broken_stream_harms_no_other(start: Start, folder: Path) -> None:
    instance = start(GATED)
    await instance.wait_until_serving()
    async with stream(instance) as other:
        async with stream(instance) as broken:
            await broken.send([b'"gate"'] * 3)
            broken.call.cancel()
        await other.send([b'"gate"'])
        (folder / "gate").touch()
        (answer,) = await other.answers(1)
    assert answer.status == 200


async def test_a_person_can_ask_one_thing_and_see_what_is_offered(start: Start) -> None:
    instance = start(ECHO)
    await instance.wait_until_serving()
    async with grpc.aio.insecure_channel(instance.target) as channel:
        answer = await ScoringStub(channel).Score(ScoreRequest(id=5, payload=b"[1]"))
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
        call = stub.ServerReflectionInfo(iter([asked]))  # type: ignore[operator] # not in its stubs
        async with asyncio.timeout(WAIT_S):
            replies = [reply async for reply in call]
    assert (answer.id, answer.payload) == (5, b"[1]")
    names = {service.name for service in replies[0].list_services_response.service}
    assert {"turnout.scoring.v1.Scoring", "grpc.health.v1.Health"} <= names


async def test_whatever_a_script_raises_or_returns_there_is_an_answer_and_it_lives(
    start: Start,
) -> None:
    instance = start(r"""
import json
class Odd(Exception):
    def __str__(self): raise RuntimeError("no words")
class Growing(dict):
    def items(self): raise RuntimeError("dictionary changed size during iteration")
def init(): pass
def run(raw):
    if raw == "surrogate": raise ValueError(json.loads('"\\ud800"'))
    if raw == "odd": raise Odd()
    if raw == "growing": return Growing(a=1)
    return raw
""")
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b"surrogate", b"odd", b"growing", b"fine"])
        surrogate, odd, growing, fine = await one.answers(4)
    assert [answer.status for answer in (surrogate, odd, growing, fine)] == [500, 500, 500, 200]
    assert surrogate.error == r"ValueError: \ud800"
    assert odd.error == "Odd"


async def test_an_address_that_cannot_be_had_is_one_clear_line(start: Start, folder: Path) -> None:
    instance = start(ECHO, TARGET=f"unix:{folder}/missing/i.sock")
    assert await instance.exit_status() == 4
    assert "expected an address to listen on, got --target unix:" in instance.log.read_text()


async def test_a_port_in_use_is_refused_not_shared(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        instance = start(ECHO, TARGET=f"127.0.0.1:{taken.getsockname()[1]}")
        assert await instance.exit_status() == 4
    assert "expected an address to listen on" in instance.log.read_text()
