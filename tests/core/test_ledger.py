"""What a ledger remembers of requests, and for how long."""

import tracemalloc

from router.core.ledger import SWEEP_MIN, Ledger
from router.core.request import NO_HEAD, Client, Head, Kind, Request
from tests.shell import Asked, Shell, deployment, endpoint

NS_PER_S = 10**9
# About as many come with each tick of a busy worker.
TICK = SWEEP_MIN // 10
BYTES_PER_NUMBER_MIN = 40


def slow_deployment_ledger() -> tuple[Ledger, Shell]:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", timeout_ms=180_000), traffic={"blue": 100}))
    return shell.dispatcher.ledger, shell


def take(ledger: Ledger, shell: Shell, client: Client) -> Request:
    blue = shell.dispatcher.snapshot.endpoints["my-endpoint"].deployments["blue"]
    request = ledger.take(Kind.LIVE, blue, b"", NO_HEAD, client, shell.now_ns)
    blue.lane.queue.clear()
    return request


def test_a_request_in_a_log_shows_neither_its_clients_key_nor_the_body() -> None:
    ledger, shell = slow_deployment_ledger()
    request = take(ledger, shell, Asked(b""))
    request.head = Head(headers=[(b"authorization", b"Bearer secret")])
    request.payload = b"personal"
    assert repr(request) == f"Request({request.id}, live)"


def answer_many(ledger: Ledger, shell: Shell, client: Client, count: int) -> None:
    for number in range(count):
        ledger.finish(take(ledger, shell, client))
        if number % TICK == 0:
            assert not list(ledger.overdue(shell.now_ns))


def test_answered_requests_are_forgotten_long_before_their_deadlines() -> None:
    ledger, shell = slow_deployment_ledger()
    client = Asked(b"")
    tracemalloc.start()
    try:
        answer_many(ledger, shell, client, 5 * SWEEP_MIN)
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes < 2 * SWEEP_MIN * BYTES_PER_NUMBER_MIN


def test_those_that_wait_are_still_due_after_many_others_were_forgotten() -> None:
    ledger, shell = slow_deployment_ledger()
    client = Asked(b"")
    waiting = [take(ledger, shell, client) for _ in range(3)]
    answer_many(ledger, shell, client, 3 * SWEEP_MIN)
    assert not list(ledger.overdue(shell.now_ns + 179 * NS_PER_S))
    assert list(ledger.overdue(shell.now_ns + 181 * NS_PER_S)) == waiting
