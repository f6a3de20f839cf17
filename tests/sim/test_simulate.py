"""`turnout simulate` as its users run it, and what must hold of any run."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from router.core.errors import BadRequest
from sim.checkers.broken import Broken
from sim.expectations import expectation
from sim.files import read_scenario, scenario_names
from sim.scenario import Latency, Scenario
from sim.summary import Summary, summarize
from sim.swarm import drawn, swarm
from sim.world import World

TURNOUT = str(Path(sys.executable).parent / "turnout")
# The article at a million requests takes half a minute; here each of its steps is shorter.
FASTER = {"blue-green": 20}
# In parts, each with a time limit of its own.
WORLDS, PARTS = 50, 6


def run(scenario: Scenario, folder: Path = Path()) -> tuple[Summary, bytes]:
    """What it comes to, and every event."""
    log = io.BytesIO()
    world = World(scenario, folder, log)
    world.run()
    return summarize(scenario, world.record), log.getvalue()


def simulate(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TURNOUT, "simulate", *arguments],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip


def faster(scenario: Scenario, times: int) -> Scenario:
    """The same in so much less time, with as much less asked."""
    replace = msgspec.structs.replace
    return replace(
        scenario,
        for_s=scenario.for_s / times,
        endpoints=[
            replace(
                endpoint,
                deployments=[
                    replace(one, cold_start_s=one.cold_start_s / times)
                    for one in endpoint.deployments
                ],
            )
            for endpoint in scenario.endpoints
        ],
        timeline=[replace(step, at_s=step.at_s / times) for step in scenario.timeline],
        clients=[
            replace(
                client,
                from_s=client.from_s / times,
                until_s=None if client.until_s is None else client.until_s / times,
            )
            for client in scenario.clients
        ],
    )


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_that_comes_with_turnout_holds(name: str) -> None:
    scenario, folder = read_scenario(Path(name))
    summary, _ = run(faster(scenario, FASTER.get(name, 1)), folder)
    judged = [one for part in (*summary.steps, summary.whole) for one in part.expected]
    assert len(judged) == len(scenario.expect) + sum(len(s.expect) for s in scenario.timeline)
    assert [one for one in judged if not one.held] == []


def test_12_the_same_seed_gives_the_same_bytes_in_every_process() -> None:
    first, again, other = (
        simulate("two-operators", "--json", "--seed", seed, hash_seed=hash_seed)
        for seed, hash_seed in (("7", "1"), ("7", "2"), ("8", "1"))
    )
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    assert first.stdout != other.stdout
    assert json.loads(first.stdout)["held"] is True


def test_12_the_same_seed_gives_the_same_events_byte_for_byte_and_another_does_not() -> None:
    scenario = drawn(3)
    assert run(scenario) == run(scenario)
    assert run(scenario)[1] != run(msgspec.structs.replace(scenario, seed=4))[1]


@pytest.mark.parametrize("part", range(PARTS))
def test_no_invariant_is_broken_in_random_worlds_and_all_are_well_in_the_end(part: int) -> None:
    worlds, requests, unlucky = swarm(1 + part * WORLDS, lambda count: count < WORLDS)
    assert unlucky is None, (unlucky.seed, unlucky.why) if unlucky else None
    assert worlds == WORLDS
    assert requests > 100 * WORLDS


def test_5_whatever_the_shadow_does_live_requests_are_answered_alike_and_as_fast() -> None:
    scenario, folder = read_scenario(Path("dead-shadow"))
    healthy = msgspec.structs.replace(scenario, timeline=[])
    (blue, green), traffic = scenario.endpoints[0].deployments, scenario.endpoints[0]
    slow = msgspec.structs.replace(green, latency=Latency(constant_ms=4000), error_percent=50)
    refusing = msgspec.structs.replace(
        healthy, endpoints=[msgspec.structs.replace(traffic, deployments=[blue, slow])]
    )
    live = [
        [one for one in run(world, folder)[0].whole.deployments if one.name == "blue"]
        for world in (healthy, scenario, refusing)
    ]
    assert live[0] == live[1] == live[2]


def test_a_broken_expectation_ends_with_1_and_says_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yml"
    path.write_text(
        "name: wrong\nfor_s: 10\nexpect: [share blue 50 % ± 1]\n"
        "endpoints: [{name: my-endpoint, traffic: {blue: 100}, deployments: [{name: blue}]}]\n"
        "clients: [{name: users, arrivals: {per_s: 10}}]\n"
    )
    page = tmp_path / "report.html"
    done = simulate(str(path), "--html", str(page))
    assert done.returncode == 1
    assert "BROKEN  the whole run: share blue 50 % ± 1, got 100 %" in done.stdout
    assert "wrong" in page.read_text()
    assert "<script src=" not in page.read_text(), "it loads nothing"


def test_a_core_that_breaks_an_invariant_is_found_with_its_last_events_and_how_to_see_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("router.core.schedule.Schedule.pick", lambda _: 0)
    scenario, folder = read_scenario(Path("bad-green-errors"))
    world = World(scenario, folder)
    with pytest.raises(Broken, match=r"invariant 3: .* at (90|10) %"):
        world.run()
    assert len(world.auditor.recent) == 50


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("share green ten %", "expected words like `share green 10 % ± 0`"),
        ("p98 < 5 ms", "got 'p98 < 5 ms'"),
    ],
)
def test_wrong_expectations_are_refused_with_examples(words: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        expectation(words)


def test_an_unknown_scenario_is_refused_with_the_names_of_the_known_ones() -> None:
    done = simulate("no-such-scenario")
    assert done.returncode == 1
    assert "expected a scenario's file, or one of bad-green-crash-loop" in done.stderr
