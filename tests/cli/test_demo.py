"""What the demo counts, and that it complains of everything that is not exact."""

from collections import Counter

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
    to_whole_block,
)
from router.cli.demo.client import DEPLOYMENT_HEADER, ScoringClient, Tally, Timing
from router.cli.demo.load import CONNECTIONS, Load

SPLIT = Expected({"blue": 90, "green": 10}, {})
MIRROR = Expected({"blue": 100}, {"green": 10})


def sample(shares: dict[str, int], copies: int = 0, scored: int = 0) -> Sample:
    return Sample(Tally(Counter(shares)), {"blue": 0, "green": copies}, {"green": scored})


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
    tally = Tally(Counter({"blue": 1000}))
    tally.fail("503 no")
    assert problems_of_sample(Expected({"blue": 100}, {}), Sample(tally, {}, {})) == [
        "a request failed: 503 no"
    ]
    assert problems_of_load(tally) == ["a request failed while a step changed: 503 no"]


def test_many_failures_are_shortened_but_counted() -> None:
    tally = Tally()
    for number in range(9):
        tally.fail(f"{number}")
    assert problems_of_load(tally)[-1] == "and 4 more"


def test_a_load_that_sent_nothing_is_a_problem() -> None:
    assert problems_of_load(Tally()) == ["expected load while the steps changed, got none"]


def test_direct_calls_must_reach_their_deployment_and_count_in_no_schedule() -> None:
    assert problems_of_direct_calls("green", Tally(Counter(green=100)), 0) == []
    assert problems_of_direct_calls("green", Tally(Counter(green=99, blue=1)), 2) == [
        "expected all direct calls at green, got 1 at blue",
        "expected direct calls to count in no schedule, got 2 that did",
    ]


def test_fillers_complete_a_block_and_none_are_sent_at_its_end() -> None:
    assert [to_whole_block(position) for position in (0, 1, 99, 100, 250)] == [0, 99, 1, 0, 50]


def test_percentiles_are_latencies_that_were_seen() -> None:
    tally = Tally(timings=[Timing("blue", float(n), 0.5) for n in range(100, 0, -1)])
    assert (tally.percentile_ms(50), tally.percentile_ms(99)) == (50.0, 99.0)
    assert Tally().percentile_ms(99) == 0.0


async def serve(answers: list[web.Response]) -> TestServer:
    async def answer(_: web.Request) -> web.Response:
        return answers.pop(0)

    app = web.Application()
    app.router.add_post("/score", answer)
    server = TestServer(app)
    await server.start_server()
    return server


async def test_only_a_200_that_names_its_deployment_counts_as_answered() -> None:
    named = {DEPLOYMENT_HEADER: "blue"}
    answers = [
        web.Response(headers=named),
        web.Response(),
        web.Response(status=429, headers=named, text="full"),
    ]
    server, tally = await serve(answers), Tally()
    async with aiohttp.ClientSession() as session:
        client = ScoringClient(session, str(server.make_url("/score")), "key", b"{}")
        for _ in range(3):
            await client.send(tally)
        await server.close()
        await client.send(tally)
    assert tally.shares == {"blue": 1}
    assert tally.failed == 3
    assert tally.failures[:2] == ["200 OK: ", "429 Too Many Requests: full"]
    assert tally.failures[2].startswith("ClientConnectorError")


async def test_a_held_load_has_nothing_in_flight_and_goes_on_afterwards() -> None:
    arrived = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal arrived
        arrived += 1
        return web.Response(headers={DEPLOYMENT_HEADER: "blue"})

    app = web.Application()
    app.router.add_post("/score", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        load = Load(ScoringClient(session, str(server.make_url("/score")), "key", b"{}"))
        async with load.running():
            async with load.held():
                before = arrived
                assert load.tally.sent == before
                exact = await load.send_exactly(250)
                assert arrived - before == exact.sent == 250
            sent_when_released = load.tally.sent
            # 16 clients, each of which may be between two requests.
            await load.send_exactly(CONNECTIONS)
        assert load.tally.sent >= sent_when_released
        assert arrived == load.tally.sent + 250 + CONNECTIONS
        assert load.tally.failed == 0
