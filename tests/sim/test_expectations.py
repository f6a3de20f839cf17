"""What expectations hold of: of whom they are, what is within them, and of what they can't hold."""

from pathlib import Path
from typing import Any

import pytest

from router.core.parse import parse
from sim.checkers.broken import Broken
from sim.checkers.drain import DrainChecker
from sim.expectations import Numbers, expectation
from sim.scenario import Scenario
from sim.summary import Summary, summarize
from sim.world import World

BLUE, GREEN, RED = ("api", "blue"), ("api", "green"), ("api", "red")
NOTHING = Numbers(
    endpoint="api", requests=0, live={}, copies={}, errors=0, refused=0, throttled_bytes=0,
    refused_operations=0, times_ms={"p50": {}, "p95": {}, "p99": {}, "max": {}},
    measured_ms={"p50": {}, "p95": {}, "p99": {}}, workers=1,
)  # fmt: skip


def held(words: str, **numbers: Any) -> bool:
    found, _ = expectation(words)(NOTHING._replace(**numbers))
    return found


@pytest.mark.parametrize(
    ("words", "green", "holds"),
    [
        # Of 1,000: two shares are off by less than one at each end of the part.
        ("share green 10 % ± 0", 100, True),
        ("share green 10 % ± 0", 101, True),
        ("share green 10 % ± 0", 99, True),
        ("share green 10 % ± 0", 102, False),
        ("share green 10 % ± 0", 98, False),
        ("share green 10 % ± 1", 110, True),
        ("share green 10 % ± 1", 111, False),
        ("share green 0 % ± 0", 0, True),
        ("share green 0 % ± 0", 1, False),
        ("share green 100 % ± 0", 1000, True),
        ("share green 100 % ± 0", 999, False),
    ],
)  # fmt: skip
def test_a_share_is_exact_but_for_where_a_part_begins_and_ends(
    words: str, green: int, *, holds: bool
) -> None:
    assert held(words, live={BLUE: 1000 - green, GREEN: green}) is holds


def test_each_worker_and_each_more_share_may_be_off_by_as_much_again() -> None:
    words = "share green 10 % ± 0"
    assert not held(words, live={BLUE: 897, GREEN: 103}, workers=1)
    assert held(words, live={BLUE: 897, GREEN: 103}, workers=2)
    assert not held(words, live={BLUE: 896, GREEN: 104}, workers=2)
    # Three shares: less than two at each end.
    assert held(words, live={BLUE: 500, RED: 397, GREEN: 103})
    assert not held(words, live={BLUE: 500, RED: 396, GREEN: 104})


@pytest.mark.parametrize(
    "words",
    [
        "share green 0 % ± 0", "share green 10 % ± 5", "copies 0 % ± 100", "p99 < 50 ms",
        "p99 of green < 50 ms", "p50 of green as measured ± 100 %",
    ],
)  # fmt: skip
def test_nothing_holds_of_no_request(words: str) -> None:
    assert not held(words)


SAME_NAMES: dict[str, Any] = {
    "name": "two",
    "for_s": 10,
    "endpoints": [
        {"name": name, "traffic": traffic, "deployments": [
            {"name": one, "request_settings": {"max_concurrent_requests_per_instance": 100},
             "latency": {"constant_ms": latency_ms}} for one in ("blue", "green", "red")]}
        for name, traffic, latency_ms in (
            ("first", {"blue": 100}, 1), ("second", {"blue": 50, "green": 50}, 30))
    ],
    "clients": [
        {"name": name, "endpoint": name, "arrivals": {"kind": "constant", "per_s": per_s}}
        for name, per_s in (("first", 50), ("second", 20))
    ],
    "timeline": [{"at_s": 2, "endpoint": "second", "mirror_traffic": "red=50"}],
}  # fmt: skip


def summary(expect: list[str], of_step: list[str]) -> Summary:
    (step,) = SAME_NAMES["timeline"]
    timeline = [{**step, "expect": of_step}]
    world = World(
        parse(Scenario, {**SAME_NAMES, "expect": expect, "timeline": timeline}, "scenario"), Path()
    )
    world.run()
    return summarize(world.scenario, world.record)


def test_two_endpoints_with_deployments_of_the_same_names_are_told_apart() -> None:
    of_step = [
        "share green 50 % ± 0", "share first/blue 100 % ± 0", "p50 of green >= 30 ms",
        "copies 50 % ± 0", "copies of first 0 % ± 0",
    ]  # fmt: skip
    whole = [
        "share blue 100 % ± 0", "share green 0 % ± 0", "share second/green 50 % ± 0",
        "p99 of blue < 5 ms", "p50 of second/blue >= 30 ms", "copies 0 % ± 0", "errors 0",
        "requests 698",
    ]  # fmt: skip
    found = summary(whole, of_step)
    judged = [one for part in (*found.steps, found.whole) for one in part.expected]
    assert len(judged) == len(of_step) + len(whole)
    assert [one for one in judged if not one.held] == []
    of = {(one.endpoint, one.name): one.share_percent for one in found.whole.deployments}
    assert of == {("first", "blue"): 100, ("second", "blue"): 50.2513, ("second", "green"): 49.7487}


def test_a_crash_at_one_endpoint_excuses_no_loss_at_another() -> None:
    checker = DrainChecker()
    checker.on_faulty(("second", "blue"))
    checker.on_failed(1, ("second", "blue"), "instance_lost")
    with pytest.raises(Broken, match=r"request 2 was lost \(instance_lost\) by blue"):
        checker.on_failed(2, ("first", "blue"), "instance_lost")
