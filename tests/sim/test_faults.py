"""What models and faults do to those who ask, in numbers that follow from the scenario."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from router.core.parse import parse
from sim.draws import generator, latencies
from sim.scenario import Latency, Scenario
from sim.summary import StepSummary, summarize
from sim.world import World

# One instance, 5 ms, a request each 100 ms: nobody waits for anybody else.
SCENARIO: dict[str, Any] = {
    "name": "faults",
    "for_s": 40,
    "message_us": 0,
    "quotas": {"bandwidth_bytes_per_s": "unlimited"},
    "endpoints": [
        {
            "name": "my-endpoint",
            "traffic": {"blue": 100},
            "deployments": [
                {
                    "name": "blue",
                    "cold_start_s": 1,
                    "latency": {"constant_ms": 5},
                    "request_settings": {
                        "max_concurrent_requests_per_instance": 100,
                        "request_timeout_ms": 1000,
                    },
                }
            ],
        }
    ],
    "clients": [{"name": "users", "arrivals": {"kind": "constant", "per_s": 10}}],
}


def steps(*timeline: dict[str, Any]) -> list[StepSummary]:
    """What the parts come to: the one before the first step, and those of the steps."""
    world = World(parse(Scenario, {**SCENARIO, "timeline": [*timeline]}, "scenario"), Path())
    world.run()
    return summarize(world.scenario, world.record).steps


def outcomes(step: StepSummary) -> Counter[str]:
    found = Counter[str]()
    for one in step.deployments:
        found.update(one.outcomes)
    return found


def test_a_model_that_hangs_answers_nobody_until_it_is_healed() -> None:
    before, hung, healed = steps({"at_s": 10, "hang": "blue"}, {"at_s": 20, "heal": "blue"})
    assert outcomes(before) == {"ok": 99}
    # It is replaced when it has owed an answer for too long, and the next one hangs as well.
    assert outcomes(hung).total() == 100
    # Those of the last second, which wait until it is healed.
    assert outcomes(hung)["ok"] <= 10
    assert outcomes(healed)["ok"] == outcomes(healed).total() - healed.errors
    # What is queued while the last instance that hangs is there is lost; then it is well.
    assert healed.errors <= 50
    assert outcomes(healed)["ok"] >= 150


def test_an_instance_that_ends_is_replaced_when_another_is_warm() -> None:
    _, crashed, later = steps({"at_s": 10.05, "crash": "blue"}, {"at_s": 15, "name": "later"})
    # A second of cold start and the first restart's delay: some wait for it past their second.
    assert outcomes(crashed).total() == 49
    assert 0 < crashed.errors < 20
    assert set(outcomes(crashed)) <= {"ok", "model_not_ready", "timed_out"}
    assert outcomes(later) == {"ok": 250}


def test_a_crash_loop_serves_nobody_until_it_is_healed() -> None:
    looping = {"at_s": 10, "crash_loop": "blue"}
    _, crashed, healed = steps(looping, {"at_s": 20, "heal": "blue"})
    assert outcomes(crashed)["ok"] == 0
    assert outcomes(healed)["ok"] > 0


def test_a_slow_model_takes_so_many_times_as_long() -> None:
    before, slow, healed = steps({"at_s": 10, "slow": "blue=8"}, {"at_s": 20, "heal": "blue"})
    times_ms = [part.deployments[0].p99_ms for part in (before, slow, healed)]
    assert times_ms == [5, 40, 5]


def test_so_many_percent_of_answers_fail() -> None:
    """Of 100 at 50 %: 50, with a standard deviation of 5; six of them to either side."""
    before, failing, all_of_them = steps(
        {"at_s": 10, "error_percent": "blue=50"}, {"at_s": 20, "error_percent": "blue=100"}
    )
    assert outcomes(before) == {"ok": 99}
    assert 20 <= outcomes(failing)["model_error"] <= 80
    assert outcomes(failing)["ok"] == 100 - outcomes(failing)["model_error"]
    assert outcomes(all_of_them) == {"model_error": 200}


def test_a_lognormal_time_has_its_median_and_its_99th_percentile() -> None:
    """Of 40,000 draws as many are below a quantile q as a binomial says.

    That is 40,000 q with a standard deviation of the root of 40,000 q (1 - q): 100 of 20,000 at the
    median, 20 of 39,600 at the 99th percentile. Six of them to either side are left once in 500
    million seeds; the seed is always the same.
    """
    draw = latencies(Latency(median_ms=5, p99_ms=20), generator(1, "test"), Path(), "$")
    drawn_ns = [draw() for _ in range(40_000)]
    assert 19_400 <= sum(ns < 5_000_000 for ns in drawn_ns) <= 20_600
    assert 39_480 <= sum(ns < 20_000_000 for ns in drawn_ns) <= 39_720


@pytest.mark.parametrize("in_order", [False, True])
def test_measured_times_are_those_of_the_file(tmp_path: Path, *, in_order: bool) -> None:
    """At random: of 4,000 draws 1,000 each, with a standard deviation of 27.4; six times that."""
    (tmp_path / "times.txt").write_text("4\n1\n3\n2\n")
    latency = Latency(measured="times.txt", in_order=in_order)
    draw = latencies(latency, generator(1, "test"), tmp_path, "$")
    drawn_ms = [draw() / 1_000_000 for _ in range(4000)]
    in_turns = [4, 1, 3, 2] * 1000
    assert (drawn_ms == in_turns) is in_order
    counts = Counter(drawn_ms)
    assert set(counts) == {1, 2, 3, 4}
    assert all(836 <= count <= 1164 for count in counts.values())


def test_an_operation_that_runs_when_the_clients_stop_is_waited_for_and_not_refused() -> None:
    world = World(
        parse(
            Scenario,
            {
                **SCENARIO,
                "timeline": [{"at_s": 39.5, "instance_count": "blue=2"}],
                "expect": ["refused operations 0"],
            },
            "scenario",
        ),
        Path(),
    )
    world.run()
    found = summarize(world.scenario, world.record)
    assert [one.outcome for one in found.operations] == ["done"]
    assert found.held


@pytest.mark.parametrize("workers", [1, 4])
def test_what_is_pending_is_that_of_all_workers(workers: int) -> None:
    raw = {**SCENARIO, "workers": workers, "timeline": [{"at_s": 10, "hang": "blue"}]}
    world = World(parse(Scenario, raw, "scenario"), Path())
    world.run()
    (blue,) = summarize(world.scenario, world.record).whole.deployments
    # A second's requests wait, until their time is over.
    assert 9 <= blue.pending_max <= 22


def test_a_loop_may_be_as_fast_as_its_model() -> None:
    fast = {"name": "fast", "loop": {"clients": 1}, "requests": 50_000}
    blue = {**SCENARIO["endpoints"][0]["deployments"][0], "latency": {"constant_ms": 0.001}}
    endpoints = [{**SCENARIO["endpoints"][0], "deployments": [blue]}]
    raw = {**SCENARIO, "for_s": 1, "clients": [fast], "endpoints": endpoints}
    world = World(parse(Scenario, raw, "scenario"), Path())
    world.run()
    assert world.record.asked == 50_000
