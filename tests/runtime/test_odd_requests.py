"""Requests, and ends of answers, over which the runtime itself might stumble."""

from urllib.parse import quote

import pytest

from tests.runtime.conftest import WORKER_COUNTS, Start
from tests.runtime.instance import Stream, stream
from turnout.scoring.v1.scoring_pb2 import RequestBatch, ScoreAnswer, ScoreRequest

PLAIN = """
def init(): pass
def run(data): return data.count("[")
"""
WITH_SCHEMA = """
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.standard_py_parameter_type import (
    StandardPythonParameterType)
def init(): pass
@input_schema("data", StandardPythonParameterType(1))
def run(data): return data
"""
ENDS_ODDLY = """
import sys
from flask import Flask, Response
app = Flask("score")
def init(): pass
def parts():
    yield b"x"
    sys.exit(3)
def quits():
    yield b"x"
    raise GeneratorExit
class Unreadable(Response):
    def get_data(self, as_text=False): sys.exit(4)
def run(raw):
    if raw == "while it streams": return Response(parts())
    if raw == "when it is read": return Unreadable("x")
    if raw == "as if it were closed": return Response(quits())
    if raw == "around it":
        app.app_context().push()
        return Response(iter([b"x"]))
    response = Response(iter([b"x"]))
    response.call_on_close(lambda: sys.exit(5))
    return response
"""
# More than Python's parser of JSON goes into.
DEEP = "[" * 3000


async def ask(one: Stream, request: ScoreRequest) -> ScoreAnswer:
    """The last part of its answer."""
    await one.call.write(RequestBatch(requests=[request]))
    while (answer := (await one.answers(1))[-1]).more:
        pass
    return answer


@WORKER_COUNTS
async def test_a_query_that_is_nested_too_deep_for_json_is_text(
    start: Start, worker_count: str
) -> None:
    instance = start(PLAIN, WORKER_COUNT=worker_count)
    await instance.wait_until_serving()
    target = f"/score?data={quote(DEEP)}"
    async with stream(instance) as one:
        for _ in range(2):
            answer = await ask(one, ScoreRequest(id=1, method="GET", target=target))
            assert (answer.status, answer.payload) == (200, str(len(DEEP)).encode())


@pytest.mark.parametrize("body", [DEEP.encode(), '{"data": "é"}'.encode("latin-1")])
async def test_a_body_that_is_no_json_in_whatever_way_is_refused(start: Start, body: bytes) -> None:
    instance = start(WITH_SCHEMA)
    await instance.wait_until_serving()
    async with stream(instance) as one:
        for payload, status in [(body, 400), (b'{"data": 1}', 200)]:
            request = ScoreRequest(id=1, payload=payload, content_type="application/json")
            answer = await ask(one, request)
            assert answer.status == status
            assert status == 200 or b"POST body could not be decoded as JSON" in answer.payload


@WORKER_COUNTS
async def test_a_response_that_ends_the_program_ends_itself_alone(
    start: Start, worker_count: str
) -> None:
    instance = start(ENDS_ODDLY, WORKER_COUNT=worker_count)
    await instance.wait_until_serving()
    async with stream(instance) as one:
        for when, status in [
            (b"while it streams", 500),
            (b"as if it were closed", 500),
            (b"when it is read", 500),
            (b"around it", 200),
            (b"at its end", 200),
            (b"at its end", 200),
        ]:
            answer = await ask(one, ScoreRequest(id=1, payload=when))
            assert (when, answer.status) == (when, status)
            if when == b"as if it were closed":
                assert answer.outcome == ScoreAnswer.OUTCOME_RAISED, "not a whole answer"
                assert answer.payload == b""


@WORKER_COUNTS
async def test_a_body_in_parts_is_one_to_the_script_and_others_may_come_in_between(
    start: Start, worker_count: str
) -> None:
    instance = start(PLAIN, WORKER_COUNT=worker_count)
    async with stream(instance) as one:
        for request in (
            ScoreRequest(id=1, payload=b"[[[", content_type="text/plain", more=True),
            ScoreRequest(id=2, payload=b"["),
            ScoreRequest(id=1, payload=b"]", more=True),
            ScoreRequest(id=1, payload=b"[["),
        ):
            await one.call.write(RequestBatch(requests=[request]))
        assert [answer.payload for answer in await one.answers(2)] == [b"5", b"1"]
