"""What goes wrong in a run is found, and shown so that it can be seen again."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.core.dispatcher import Dispatcher
from router.core.lane import Lane
from sim.command import command
from sim.failure import wall_limit
from tests.sim.planted import PLANTED, SCENARIO, Plant, let_go_at_once

EVENTS_SHOWN = 50


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """The scenario above, in a folder with a blank in its name."""
    path = tmp_path / "a rollout" / "planted.yml"
    path.parent.mkdir()
    path.write_text(SCENARIO)
    return path


def test_the_scenario_that_bugs_are_planted_in_breaks_nothing_by_itself(scenario: Path) -> None:
    done = simulate(str(scenario))
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(("plant", "why"), PLANTED, ids=[one.__name__ for one, _ in PLANTED])
def test_a_planted_bug_is_found_with_its_request_last_events_seed_and_command(
    monkeypatch: pytest.MonkeyPatch, scenario: Path, plant: Plant, why: str
) -> None:
    plant(monkeypatch)
    done = simulate(str(scenario), "--seed", "5")
    assert done.exit_code == 1
    first, *events, last = done.stderr.splitlines()
    assert re.match(why, first)
    assert len(events) <= EVENTS_SHOWN + 1
    assert events[0] == "the last events, times in ns:"
    again = f"turnout simulate {shlex.quote(str(scenario))} --seed 5"
    assert last == f"seed 5; to see it again: {again}"


def test_the_command_that_is_printed_shows_the_same_again(
    monkeypatch: pytest.MonkeyPatch, scenario: Path
) -> None:
    let_go_at_once(monkeypatch)
    done = simulate(str(scenario))
    _, again = done.stderr.rsplit("to see it again: turnout simulate ", 1)
    assert len(done.stderr.splitlines()) == EVENTS_SHOWN + 3
    assert simulate(*shlex.split(again)).stderr == done.stderr


def test_an_exception_in_the_core_is_shown_like_a_broken_invariant_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch, scenario: Path
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Dispatcher, "_finish_answered", fail)
    done = simulate(str(scenario))
    assert done.exit_code == 1
    assert done.stderr.startswith("unexpected Traceback (most recent call last):")
    assert "ZeroDivisionError: planted\nthe last events, times in ns:" in done.stderr
    assert f"seed 1; to see it again: turnout simulate '{scenario}' --seed 1" in done.stderr


def test_a_core_that_spins_is_ended_by_the_clock_in_a_run_and_in_a_random_world(
    monkeypatch: pytest.MonkeyPatch, scenario: Path
) -> None:
    pump = Dispatcher.pump

    def spin(self: Dispatcher, lane: Lane, now_ns: int) -> None:
        pump(self, lane, now_ns)
        self._wake(lane)

    monkeypatch.setattr(Dispatcher, "pump", spin)
    for arguments in (str(scenario),), ("--swarm", "300", "--seed", "7"):
        done = simulate(*arguments)
        assert done.exit_code == 1
        assert done.stderr.startswith("broken liveness: time does not pass: ")
        assert "of them SimWorker._pump\n" in done.stderr
    assert done.stderr.endswith("seed 7; to see it again: turnout simulate --swarm 1 --seed 7\n")


def test_a_core_that_never_returns_is_ended_by_the_wall_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(self: Dispatcher, *_: object) -> None:
        while self.snapshot is not None:
            pass

    monkeypatch.setattr(Dispatcher, "on_answers", never)
    monkeypatch.setattr("sim.command.WORLD_S_MAX", 0.5)
    done = simulate("--swarm", "300", "--seed", "9")
    assert done.exit_code == 1
    assert done.stderr.startswith("broken liveness: one world takes more than 0.5 s, at ")
    assert "seed 9; to see it again: turnout simulate --swarm 1 --seed 9" in done.stderr


def test_a_wall_limit_leaves_the_timer_that_was_set_before() -> None:
    with wall_limit(50), wall_limit(40):
        pass
    with pytest.raises(RuntimeError, match="passes through"), wall_limit(50):
        raise RuntimeError("passes through")


def test_a_deployment_that_is_not_well_again_is_broken_liveness(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sim.instance.Model.heal", lambda self: self.__dict__.update(
        factor=1.0, hangs=False, ends_at_once=False, error_share=1.0,
    ))  # fmt: skip
    done = simulate("--swarm", "1", "--seed", "1")
    assert done.exit_code == 1
    assert re.match(
        r"broken liveness: endpoint-0/\w+ is healed and answers \{'model_error': ", done.stderr
    )
