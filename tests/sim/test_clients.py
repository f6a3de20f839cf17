"""Who asks and when, what a request costs besides run(), and what clients measured before."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from router.core.parse import parse
from sim.scenario import Scenario
from sim.summary import DeploymentSummary, Summary, summarize
from sim.world import World

ENDPOINTS: list[dict[str, Any]] = [
    {
        "name": "my-endpoint",
        "traffic": {"blue": 100},
        "deployments": [
            {
                "name": "blue",
                "latency": {"constant_ms": 10},
                "request_settings": {"max_concurrent_requests_per_instance": 100},
            }
        ],
    }
]


def summary_of(clients: Mapping[str, object], folder: Path = Path(), **more: Any) -> Summary:
    """What one kind of client comes to, with messages that take no time."""
    raw = {
        "name": "clients", "for_s": 100, "message_us": 0, "endpoints": ENDPOINTS,
        "quotas": {"bandwidth_bytes_per_s": "unlimited"},
        "clients": [{"name": "users", **clients}], **more,
    }  # fmt: skip
    scenario = parse(Scenario, raw, "scenario")
    world = World(scenario, folder)
    world.run()
    return summarize(scenario, world.record, world.measured_ns)


def blue(summary: Summary) -> DeploymentSummary:
    (found,) = summary.whole.deployments
    return found


@pytest.mark.parametrize(
    ("arrivals", "least", "most"),
    [
        # Exactly what was asked for, but for the last instant.
        ({"kind": "constant", "per_s": 10}, 999, 999),
        ({"kind": "periodic", "per_s": 2, "group": 5}, 995, 995),
        # 1,000 on average: Poisson's standard deviation is the root of the mean, 31.6, and six of
        # them to either side is 810 to 1190, which chance leaves once in 500 million seeds. The
        # two others are Poisson as well, with a mean that is their rate over time: 9 s at 5 and
        # 1 s at 55 of each 10; half of a day's 1 and 19 together.
        ({"kind": "poisson", "per_s": 10}, 810, 1190),
        ({"kind": "bursts", "per_s": 5, "peak_per_s": 55, "every_s": 10, "for_s": 1}, 810, 1190),
        ({"kind": "diurnal", "per_s": 1, "peak_per_s": 19, "every_s": 100}, 810, 1190),
    ],
)
def test_open_loops_ask_as_often_as_they_say(
    arrivals: dict[str, object], least: int, most: int
) -> None:
    assert least <= summary_of({"arrivals": arrivals}).whole.requests <= most


def test_a_closed_loop_asks_again_when_it_has_thought_about_the_answer() -> None:
    # 10 ms of run() and 90 ms of thinking: ten requests a second for each client.
    summary = summary_of({"loop": {"clients": 1, "think_ms": 90}})
    assert summary.whole.requests == 1000
    assert blue(summary).p99_ms == 10


def test_a_closed_loop_that_thinks_less_than_one_instance_runs_waits_in_the_queue() -> None:
    # Three clients of one instance, without thinking: each waits for the two others.
    summary = summary_of({"loop": {"clients": 3}, "requests": 300})
    assert summary.whole.requests == 300
    assert blue(summary).p50_ms == 30
    assert blue(summary).errors == 0


def test_overhead_is_added_to_each_request_and_taken_in_the_order_of_its_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "overhead.txt").write_text("1\n2\n4\n")
    summary = summary_of(
        {"arrivals": {"kind": "constant", "per_s": 1}, "requests": 4},
        tmp_path,
        overhead={"measured": "overhead.txt", "in_order": True},
    )
    found = blue(summary)
    # 11, 12, 14 and 11 ms.
    assert (found.p50_ms, found.max_ms) == (12, 14)


def test_what_is_work_waits_for_a_core_and_the_rest_of_the_overhead_does_not() -> None:
    at_once = {"arrivals": {"kind": "periodic", "per_s": 1, "group": 2}, "requests": 2}
    overhead = {"constant_ms": 40}

    def slower_ms(**more: Any) -> float | None:
        return blue(summary_of(at_once, overhead=overhead, **more)).max_ms

    # Two at once: the second waits for the run() of the first, on the one instance.
    assert slower_ms() == 60
    assert slower_ms(cores=2) == 60
    assert slower_ms(cores=1, overhead_work_ms=0) == 60
    # One core: 20 there, 20 there, 10, then run() and the way back of the first in turns.
    alone = slower_ms(cores=1)
    assert alone is not None
    assert alone > 80


@pytest.mark.parametrize("whose", ["client_work_ms", "router_work_ms"])
def test_what_an_event_loop_works_waits_for_what_it_has_begun(whose: str) -> None:
    at_once = {"arrivals": {"kind": "periodic", "per_s": 1, "group": 2}, "requests": 2}
    more: dict[str, Any] = {whose: 40}
    found = blue(summary_of(at_once, overhead={"constant_ms": 40}, **more))
    # There at 20 and 40; the first's run() ends at 30 and waits for the second's way there, and
    # the second's way back for the first's, from 40 to 60.
    assert found.max_ms == 80
    assert found.outcomes == {"ok": 2}


def test_what_is_more_than_the_overhead_is_not_worked() -> None:
    one = {"arrivals": {"kind": "constant", "per_s": 1}, "requests": 1}
    more: dict[str, Any] = {"client_work_ms": 30, "router_work_ms": 30, "overhead_work_ms": 30}
    assert blue(summary_of(one, overhead={"constant_ms": 40}, **more)).max_ms == 50


def test_what_clients_measured_stands_beside_what_was_simulated(tmp_path: Path) -> None:
    (tmp_path / "latency.txt").write_text("".join(f"{ms}\n" for ms in (10, 10, 10, 20)))
    deployment = {**ENDPOINTS[0]["deployments"][0], "measured_latencies": "latency.txt"}
    expect = ["p50 of blue as measured ± 0 %", "p99 of blue as measured ± 20 %"]
    summary = summary_of(
        {"arrivals": {"kind": "constant", "per_s": 1}},
        tmp_path,
        endpoints=[{**ENDPOINTS[0], "deployments": [deployment]}],
        expect=expect,
    )
    rows = [(one.percentile, one.measured_ms, one.off_percent) for one in summary.compared]
    assert rows == [("p50", 10, 0), ("p95", 20, -50), ("p99", 20, -50)]
    assert [(one.held, one.found) for one in summary.whole.expected] == [
        (True, "10 ms, measured 10 ms (+0 %)"),
        (False, "10 ms, measured 20 ms (-50 %)"),
    ]


def test_what_was_not_measured_can_not_be_as_measured() -> None:
    summary = summary_of({"arrivals": {"per_s": 1}}, expect=["p50 of blue as measured ± 20 %"])
    (expected,) = summary.whole.expected
    assert (expected.held, expected.found) == (False, "nothing to compare")
    assert msgspec.to_builtins(summary)["compared"] == []
