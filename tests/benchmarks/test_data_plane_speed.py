"""What a request costs a worker around the core, in nanoseconds, with a budget beside each.

The worker's own parts without sockets and gRPC: bytes in, a message out, answers in, bytes
out. As in test_core_speed.py, nothing fails for being slow.
"""

import asyncio
import itertools
import random
from collections.abc import Callable, Sequence
from typing import cast

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from router.core.dispatcher import Dispatcher
from router.core.lane import Lane
from router.core.listener_limits import ListenerLimits
from router.core.request import Answer, Request
from router.core.routing import Routing
from router.data_plane.columns import answers_of
from router.data_plane.connection import Connection
from router.data_plane.engine import now_ns
from router.data_plane.forwarding import COLUMNS_WISH, Forwarding
from router.data_plane.listener import Listener
from router.data_plane.request_ids import RequestIds
from runtime import columns
from runtime.request import Request as RuntimesRequest
from tests.shell import ENDPOINT, KEY, deployment, endpoint
from turnout.scoring.v1.scoring_pb2 import AnswerBatch, RequestBatch

CONNECTIONS = 64
BODY = b'{"data": [[0.038, 0.051, 0.062, 0.022, -0.044, -0.035]]}'
HEAD = (
    f"POST /{ENDPOINT}/score HTTP/1.1\r\nHost: localhost:8080\r\nAuthorization: Bearer {KEY}\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
).encode()


class Transport(asyncio.Transport):
    """Counts what is written."""

    writes = 0

    def write(self, data: object) -> None:
        self.writes += 1


class Loopback:
    """A dispatcher whose instances answer when they are told to."""

    def __init__(self) -> None:
        ids = RequestIds()
        self.forwarding = Forwarding(ids)
        self.forwarding.read_wishes([COLUMNS_WISH])
        self.dispatcher = Dispatcher(self, random.Random(0), now_ns())
        traffic = {"blue": 90, "green": 10}
        route = endpoint(
            *(deployment(name, concurrency=10_000) for name in ("blue", "green")), traffic=traffic
        )
        self.dispatcher.swap(Routing(generation=1, endpoints=(route,)))
        self.listener = Listener(self.dispatcher, ids, ListenerLimits())
        self.transport = Transport()
        self.connections = [Connection(self.listener) for _ in range(CONNECTIONS)]
        for connection in self.connections:
            connection.connection_made(self.transport)
        self.woken: list[Lane] = []
        self.sent: list[tuple[str, bytes]] = []

    def verify_token(self, token: bytes, secret: str) -> int:
        raise AssertionError("the endpoint has keys")

    def wake_at(self, lane: Lane, due_ns: int) -> None:
        raise AssertionError("run() is fast")

    def on_drained(self, instance_id: str) -> None:
        raise AssertionError("nothing is removed")

    def grant(self, instance_id: str, request_id: int, count_bytes: int) -> None:
        raise AssertionError("nothing is streamed")

    def cancel(self, instance_id: str, request_id: int) -> None:
        raise AssertionError("nothing is streamed")

    def wake(self, lane: Lane) -> None:
        self.woken.append(lane)

    def send(self, instance_id: str, batch: Sequence[Request], sent_ns: int) -> None:
        self.sent.append((instance_id, self.forwarding.to_message(batch, sent_ns)))

    def tell(self, answered: Sequence[tuple[Request, Answer]]) -> None:
        for request, answer in answered:
            cast("Connection", request.client).on_answer(request, answer)

    def feed(self, messages: Sequence[bytes]) -> None:
        for connection, message in zip(self.connections, messages, strict=True):
            connection.data_received(message)

    def pump(self) -> None:
        while self.woken:
            self.dispatcher.pump(self.woken.pop(), now_ns())

    def answers(self) -> list[tuple[str, bytes]]:
        """What the instances would send for what they got."""
        got, self.sent = self.sent, []
        return [(instance_id, _answer(message)) for instance_id, message in got]

    def take(self, answers: Sequence[tuple[str, bytes]]) -> None:
        for instance_id, message in answers:
            batch = AnswerBatch.FromString(message)
            self.dispatcher.on_answers(instance_id, answers_of(batch), now_ns())

    def serve(self) -> None:
        """Until nothing moves."""
        self.pump()
        while self.sent:
            self.take(self.answers())
            self.pump()


def _answer(message: bytes) -> bytes:
    batch = RequestBatch.FromString(message)
    requests: list[RuntimesRequest] = [*columns.requests_of(batch.columns), *batch.requests]
    answers = [columns.ColumnAnswer(one.id, b"[151.7, 97.2]", 1000) for one in requests]
    return columns.batch_of(answers).SerializeToString()


@pytest.fixture
async def loopback() -> Loopback:
    made = Loopback()
    # Windows open with the first answers.
    for _ in range(3):
        made.feed([HEAD + b"\r\n" + BODY] * CONNECTIONS)
        made.serve()
    return made


def measure(
    benchmark: BenchmarkFixture,
    budget_ns: int,
    round_: Callable[[object], object],
    setup: Callable[[], object],
    teardown: Callable[[], object],
) -> None:
    benchmark.extra_info["budget_ns_per_request"] = budget_ns
    benchmark.extra_info["requests_per_round"] = CONNECTIONS
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        round_,
        setup=lambda: ((setup(),), {}),
        teardown=lambda _: teardown(),
        rounds=300,
        warmup_rounds=20,
    )


def test_a_request_with_a_known_head_in_5_us(
    benchmark: BenchmarkFixture, loopback: Loopback
) -> None:
    messages = [HEAD + b"\r\n" + BODY] * CONNECTIONS
    measure(benchmark, 5000, lambda _: loopback.feed(messages), lambda: None, loopback.serve)


def test_a_request_with_a_head_of_its_own_in_18_us(
    benchmark: BenchmarkFixture, loopback: Loopback
) -> None:
    numbers = itertools.count()

    def setup() -> list[bytes]:
        own = (b"x-ms-client-request-id: %012d\r\n" % next(numbers) for _ in range(CONNECTIONS))
        return [HEAD + line + b"\r\n" + BODY for line in own]

    measure(benchmark, 18_000, loopback.feed, setup, loopback.serve)  # type: ignore[arg-type]


def test_a_request_into_a_message_in_3_us(benchmark: BenchmarkFixture, loopback: Loopback) -> None:
    messages = [HEAD + b"\r\n" + BODY] * CONNECTIONS
    measure(
        benchmark, 3000, lambda _: loopback.pump(), lambda: loopback.feed(messages), loopback.serve
    )


def test_an_answer_out_of_a_message_in_6_us(
    benchmark: BenchmarkFixture, loopback: Loopback
) -> None:
    messages = [HEAD + b"\r\n" + BODY] * CONNECTIONS

    def setup() -> list[tuple[str, bytes]]:
        loopback.feed(messages)
        loopback.pump()
        return loopback.answers()

    measure(benchmark, 6000, loopback.take, setup, loopback.serve)  # type: ignore[arg-type]
    assert loopback.transport.writes % CONNECTIONS == 0
