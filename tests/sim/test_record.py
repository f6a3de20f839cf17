"""What a run's record holds: each request once in its step and once in its bin."""

from pathlib import Path
from typing import Any

import pytest

from router.core.parse import parse
from sim.asked import OK
from sim.record import Part, Record
from sim.scenario import Scenario
from sim.world import World

# 200 bodies of 50 kB in each second: twice the bandwidth, after its burst.
SCENARIO: dict[str, Any] = {
    "name": "record",
    "for_s": 4,
    "endpoints": [
        {
            "name": "my-endpoint",
            "traffic": {"blue": 100},
            "mirror_traffic": {"green": 10},
            "deployments": [
                {
                    "name": name,
                    "latency": {"constant_ms": 1},
                    "request_settings": {"max_concurrent_requests_per_instance": 1000},
                }
                for name in ("blue", "green")
            ],
        }
    ],
    "clients": [
        {
            "name": "live",
            "arrivals": {"kind": "constant", "per_s": 200},
            "requests": 500,
            "body_bytes": 50_000,
        },
        {
            "name": "direct",
            "deployment": "green",
            "arrivals": {"kind": "constant", "per_s": 10},
            "requests": 30,
        },
    ],
    # The second part begins with what is asked from the second second on.
    "timeline": [{"at_s": 2, "name": "later"}],
}


@pytest.fixture(scope="module")
def record() -> Record:
    world = World(parse(Scenario, SCENARIO, "scenario"), Path())
    world.run()
    return world.record


def counted(parts: list[Part], deployment: str) -> tuple[int, int, int, int]:
    """Live and direct requests, good answers, and times."""
    place = "my-endpoint", deployment
    tallies = [part.by_place[place] for part in parts if place in part.by_place]
    return (
        sum(one.live for one in tallies),
        sum(one.direct for one in tallies),
        sum(one.outcomes[OK] for one in tallies),
        sum(len(one.took_ns) for one in tallies),
    )


@pytest.mark.parametrize("of", ["steps", "bins"])
def test_steps_and_bins_hold_each_request_once(record: Record, of: str) -> None:
    parts = getattr(record, of)()
    assert counted(parts, "blue") == (500, 0, 500, 500)
    assert counted(parts, "green") == (0, 30, 30, 30)
    assert sum(part.copies["my-endpoint"] for part in parts) == 50


def test_a_request_is_in_the_step_and_in_the_bin_in_which_it_was_asked(record: Record) -> None:
    first, later = record.steps()
    # The last of the first two seconds is asked when the second part begins.
    assert [counted([part], "green")[1] for part in (first, later)] == [19, 11]
    asked_s = [
        number * record.bin_s
        for number, part in enumerate(record.bins())
        for _ in range(counted([part], "green")[1])
    ]
    assert len(asked_s) == 30
    for number, at_s in enumerate(asked_s, 1):
        assert number / 10 - record.bin_s < at_s <= number / 10


def test_what_waits_is_told_in_steps_and_in_bins(record: Record) -> None:
    steps, bins = record.steps(), record.bins()
    assert sum(part.throttled_bytes for part in steps) > 0
    assert sum(part.throttled_bytes for part in steps) == sum(part.throttled_bytes for part in bins)
    for place in ("my-endpoint", "blue"), ("my-endpoint", "green"):
        most = max(part.pending.get(place, 0) for part in steps)
        assert most == max(part.pending.get(place, 0) for part in bins) > 0
