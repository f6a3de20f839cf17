"""What the demo counts, and that it complains of everything that is not exact."""

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from router.cli.demo.checks import (
    Expected,
    Sample,
    problems_of_direct_calls,
    problems_of_load,
    problems_of_sample,
)
from router.testing.answers import Answers, Reply
from router.testing.client import DEPLOYMENT_HEADER, ScoringClient
from router.testing.closed_loop import CLIENTS, ClosedLoop
from router.testing.counters import to_whole_block

SPLIT = Expected({"blue": 90, "green": 10}, {})
MIRROR = Expected({"blue": 100}, {"green": 10})


def answers(failed: int = 0, **shares: int) -> Answers:
    good = [Reply(status=200, deployment=name) for name, n in shares.items() for _ in range(n)]
    return Answers([*good, *(Reply(status=503, body=b"no") for _ in range(failed))])


def sample(shares: dict[str, int], copies: int = 0, scored: int = 0) -> Sample:
    return Sample(answers(**shares), {"blue": 0, "green": copies}, {"green": scored})


def test_exact_shares_and_copies_are_no_problem() -> None:
    assert problems_of_sample(SPLIT, sample({"blue": 900, "green": 100})) == []
    assert problems_of_sample(MIRROR, sample({"blue": 1000}, copies=100, scored=100)) == []


@pytest.mark.parametrize(
    ("expected", "got", "problem"),
    [
        (SPLIT, sample({"blue": 901, "green": 99}), "expected 900 requests at blue, got 901"),
        (SPLIT, sample({"blue": 900}), "expected 100 requests at green, got 0"),
        (
            SPLIT,
            sample({"blue": 900, "green": 100}, copies=1),
            "expected 0 copies at green, got 1",
        ),
        (
            SPLIT,
            sample({"blue": 900, "green": 100, "red": 1}),
            "expected 0 requests at red, got 1",
        ),
        (MIRROR, sample({"blue": 1000}, 99, 99), "expected 100 copies at green, got 99"),
        (
            MIRROR,
            sample({"blue": 1000}, 100, 99),
            "expected 100 copies scored by its log at green, got 99",
        ),
    ],
)
def test_a_share_or_copy_that_is_off_by_one_is_a_problem(
    expected: Expected, got: Sample, problem: str
) -> None:
    assert problem in problems_of_sample(expected, got)


def test_a_failed_request_is_a_problem_in_a_sample_and_beside_it() -> None:
    got = answers(blue=1000, failed=1)
    assert problems_of_sample(Expected({"blue": 100}, {}), Sample(got, {}, {})) == [
        "a request failed: 503: no"
    ]
    assert problems_of_load(got) == ["a request failed while a step changed: 503: no"]


def test_many_failures_are_shortened_but_counted() -> None:
    assert problems_of_load(answers(failed=9))[-1] == "and 4 more"


def test_a_load_that_sent_nothing_is_a_problem() -> None:
    assert problems_of_load(Answers()) == ["expected load while the steps changed, got none"]


def test_direct_calls_must_reach_their_deployment_and_count_in_no_schedule() -> None:
    assert problems_of_direct_calls("green", answers(green=100), 0) == []
    assert problems_of_direct_calls("green", answers(green=99, blue=1), 2) == [
        "expected all direct calls at green, got 1 at blue",
        "expected direct calls to count in no schedule, got 2 that did",
    ]


def test_fillers_complete_a_block_and_none_are_sent_at_its_end() -> None:
    assert [to_whole_block(position) for position in (0, 1, 99, 100, 250)] == [0, 99, 1, 0, 50]


def test_percentiles_are_latencies_that_were_seen() -> None:
    good = [Reply(status=200, deployment="blue", latency_ms=float(n)) for n in range(100, 0, -1)]
    bad = Reply(status=408, latency_ms=5000.0)
    some = Answers([*good, bad])
    assert [some.percentile_ms(percent) for percent in (1, 50, 99, 100)] == [1.0, 50.0, 99.0, 100.0]
    assert Answers().percentile_ms(99) == 0.0


async def serve(responses: list[web.Response]) -> TestServer:
    async def answer(_: web.Request) -> web.Response:
        return responses.pop(0)

    app = web.Application()
    app.router.add_post("/score", answer)
    server = TestServer(app)
    await server.start_server()
    return server


async def test_only_a_200_that_names_its_deployment_counts_as_answered() -> None:
    named = {DEPLOYMENT_HEADER: "blue"}
    responses = [
        web.Response(headers=named),
        web.Response(),
        web.Response(status=429, headers=named, text="full"),
    ]
    server, got = await serve(responses), Answers()
    async with aiohttp.ClientSession() as session:
        client = ScoringClient(session, str(server.make_url("/score")), "key", b"{}")
        for _ in range(3):
            got.replies.append(await client.send())
        await server.close()
        got.replies.append(await client.send())
    assert [reply.failed for reply in got.replies] == [False, True, True, True]
    assert [str(reply) for reply in got.failed[:2]] == ["200: ", "429 by blue: full"]
    assert str(got.failed[2]).startswith("no answer: ClientConnectorError")
    assert got.statuses == {200: 2, 429: 1, None: 1}


async def test_a_held_load_has_nothing_in_flight_and_goes_on_afterwards() -> None:
    arrived = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal arrived
        arrived += 1
        return web.Response(headers={DEPLOYMENT_HEADER: "blue"})

    app = web.Application()
    app.router.add_post("/score", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        load = ClosedLoop(ScoringClient(session, str(server.make_url("/score")), "key", b"{}"))
        async with load.running():
            async with load.held():
                before = arrived
                assert load.answers.sent == before
                exact = await load.send_exactly(250)
                assert arrived - before == exact.sent == 250
            sent_when_released = load.answers.sent
            # 16 clients, each of which may be between two requests.
            await load.send_exactly(CLIENTS)
        assert load.answers.sent >= sent_when_released
        assert arrived == load.answers.sent + 250 + CLIENTS
        assert load.answers.failed == []
