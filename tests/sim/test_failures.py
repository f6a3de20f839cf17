"""What goes wrong in a run is found, and shown so that it can be seen again.

The bugs are planted one line each, one or more for each invariant that a fault of the core breaks
in a run; tests/mutants.py plants more, for all tests.
"""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.core.dispatcher import Dispatcher
from router.core.lane import Lane
from router.core.ledger import Ledger
from router.core.membership import Membership
from router.core.schedule import Schedule
from router.core.token_bucket import TokenBucket
from sim.command import command
from sim.failure import wall_limit
from sim.plane import Plane

EVENTS_SHOWN = 50
# The generation before the one that the change of the traffic makes.
TRAFFIC_CHANGES = 2
Plant = Callable[[pytest.MonkeyPatch], None]

SCENARIO = """
name: planted
for_s: 12
quotas: {bandwidth_bytes_per_s: 300000}
endpoints:
  - name: my-endpoint
    traffic: {blue: 90, red: 10}
    mirror_traffic: {green: 20}
    deployments:
      - {name: blue, instance_count: 3, latency: {constant_ms: 60}, request_settings: &room
          {max_concurrent_requests_per_instance: 50}}
      - {name: red, latency: {constant_ms: 1}, request_settings: *room}
      - {name: green, latency: {constant_ms: 200}, request_settings: *room}
clients:
  - {name: users, arrivals: {per_s: 80}, body_bytes: 8000}
  - {name: direct, deployment: green, arrivals: {per_s: 2}}
timeline:
  - {at_s: 3, instance_count: blue=1}
  - {at_s: 6, traffic: blue=60 red=60}
  - {at_s: 7, traffic: blue=0 red=100}
  - {at_s: 9, restart: control-plane}
"""


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def stale_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    swap = Dispatcher.swap

    def keep_old(self: Dispatcher, routing: object, unreachable: object = ()) -> None:
        old = self.snapshot
        swap(self, routing, unreachable)  # type: ignore[arg-type]
        if routing.generation > TRAFFIC_CHANGES:  # type: ignore[attr-defined]
            self.snapshot = old

    monkeypatch.setattr(Dispatcher, "swap", keep_old)


def swap_that_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    update = Membership.update

    def send(self: Membership, *arguments: object) -> list[Lane]:
        lanes = update(self, *arguments)  # type: ignore[arg-type]
        for instance in self.instances.values():
            monkeypatch.port.send(instance.id, [], 0)  # type: ignore[attr-defined]
        return lanes

    init = Dispatcher.__init__

    def keep_port(self: Dispatcher, port: object, *arguments: object) -> None:
        monkeypatch.port = port  # type: ignore[attr-defined]
        init(self, port, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Dispatcher, "__init__", keep_port)
    monkeypatch.setattr(Membership, "update", send)


def first_share_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Schedule, "pick", lambda _: 0)


def weight_off_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    init = Schedule.__init__

    def off(self: Schedule, percents: tuple[int, ...], random: Callable[[], float]) -> None:
        first, *rest = percents
        init(self, (first - 1, *rest[:-1], rest[-1] + 1) if rest else percents, random)

    monkeypatch.setattr(Schedule, "__init__", off)


def copies_take_places(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Ledger.take

    def with_place(self: Ledger, kind: object, deployment: object, *rest: object) -> object:
        deployment.lane.places.add(10**9)  # type: ignore[attr-defined]
        return take(self, kind, deployment, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Ledger, "take", with_place)


def any_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.plane.check_traffic", lambda *_: None)


def half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    set_traffic = Plane._set_traffic

    def store_first(self: Plane, endpoint: str, doing: object, begun: object) -> None:
        self._deployments[endpoint]["blue"].spec.tags["tried"] = "yes"
        set_traffic(self, endpoint, doing, begun)  # type: ignore[arg-type]

    monkeypatch.setattr(Plane, "_set_traffic", store_first)


def direct_is_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    take_direct = Dispatcher._take_direct

    def and_copy(self: Dispatcher, *arguments: object) -> object:
        request = take_direct(self, *arguments)  # type: ignore[arg-type]
        if arguments[0].mirror is not None:  # type: ignore[attr-defined]
            self._copy(arguments[0], request, arguments[-1])  # type: ignore[arg-type]
        return request

    monkeypatch.setattr(Dispatcher, "_take_direct", and_copy)


def bucket_overflows(monkeypatch: pytest.MonkeyPatch) -> None:
    init = TokenBucket.__init__
    monkeypatch.setattr(
        TokenBucket, "__init__", lambda self, per_s, burst: init(self, per_s, 2 * burst)
    )


def answers_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    on_answers = Dispatcher.on_answers
    kept: list[int] = []

    def swapped(self: Dispatcher, instance_id: str, answers: list[object], now_ns: int) -> None:
        for answer in answers:
            kept.append(answer.asked)  # type: ignore[attr-defined]
            answer.asked = kept[max(len(kept) - 2, 0)]  # type: ignore[attr-defined]
        on_answers(self, instance_id, answers, now_ns)  # type: ignore[arg-type]

    monkeypatch.setattr(Dispatcher, "on_answers", swapped)


def deadline_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.core.lane.Lane.take_batch", lambda *_: [])
    monkeypatch.setattr(Dispatcher, "on_time", lambda *_: None)


def let_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def settle(self: Membership, lane: Lane) -> None:
        for instance in [one for one in lane.instances.values() if one.removed]:
            self.remove(instance.id)
            self._on_drained(instance.id)

    monkeypatch.setattr(Membership, "settle", settle)


def never_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Membership, "settle", lambda *_: None)


def forgets_at_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Plane, "_restart", lambda self, begun: (
            self._record.auditor.restarted(self._stored(), b""), begun.end("done")
        )
    )  # fmt: skip


PLANTED: list[tuple[Plant, str]] = [
    (stale_snapshot, r"broken invariant 1: worker 0 sent request \d+ to blue, which no rules"),
    (swap_that_sends, "broken invariant 2: worker 0 sent 0 requests to .* while it swapped"),
    (weight_off_by_one, r"broken invariant 3: .* blue has \d+ of \d+ at 90 %, with request \d+"),
    (first_share_only, r"broken invariant [34]: .* with request \d+"),
    (copies_take_places, r"broken invariant 5: request \d+ was refused with \d+ of \d+ in flight"),
    (any_sum, "broken invariant 6: traffic of my-endpoint is {'blue': 60, 'red': 60}"),
    (half_done, "broken invariant 6: a refused operation changed"),
    (direct_is_mirrored, r"broken invariant 7: the direct request \d+ was mirrored"),
    (bucket_overflows, "broken invariant 8: my-endpoint passed .* bytes more than rate x t"),
    (answers_swapped, r"broken invariant 9: request \d+ got the answer to \d+"),
    (deadline_ignored, r"broken invariant 9: \d+ requests without an answer: \["),
    (let_go_at_once, r"broken invariant 10: instance \S+ was let go with \d+ requests"),
    (never_let_go, r"broken invariant 10: worker 0 never lets go of instance \S+"),
    (forgets_at_restart, "broken invariant 11: a restart of the control plane changed"),
]


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
    assert re.match(r"broken liveness: \w+ is healed and answers \{'model_error': ", done.stderr)
