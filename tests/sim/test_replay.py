"""`turnout simulate --replay`: the same decisions from the same calls, and what else it says."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from router.core.budgets import BANDWIDTH, Budgets
from router.core.errors import BadRequest
from router.core.journal import events
from router.core.journal.events import FORMAT, Authorized, Began, Event, Sent, Swapped
from router.core.lane import Lane
from router.core.request import NO_HEAD, Refusal
from router.core.routing import EndpointQuota, EndpointRoute, Routing
from router.data_plane.budgets import SharedBudgets
from sim.replay.player import Differs, Player
from sim.replay.report import replay
from tests.recorded import RecordedShell, as_file
from tests.shell import KEY, Shell, deployment, endpoint

TURNOUT = str(Path(sys.executable).parent / "turnout")
NS_PER_S = 10**9


def rollout(shell: Shell) -> None:
    """Some requests, mirrored, refused, resent and late."""
    routes = deployment("blue", instances=2, concurrency=2), deployment("green")
    shell.swap(endpoint(*routes, traffic={"blue": 100}, mirror_traffic={"green": 50}))
    for _ in range(30):
        shell.ask()
        shell.pump()
    shell.lose("blue-1")
    shell.ask("green")
    shell.ask("red")
    shell.ask(endpoint="not-there")
    shell.pass_time(6 * NS_PER_S)
    shell.dispatcher.on_instance_found("blue-1")
    shell.serve_all()
    shell.swap(endpoint(*routes, traffic={"blue": 90, "green": 10}))
    for _ in range(20):
        # Several at a time: they share messages.
        for _ in range(5):
            shell.ask()
        shell.serve_all()


def recorded(budgets: Budgets | None = None) -> RecordedShell:
    shell = RecordedShell(7, budgets)
    rollout(shell)
    return shell


def file_of(found: list[Event], folder: Path) -> Path:
    path = folder / "w0.journal"
    path.write_bytes(as_file(found))
    return path


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TURNOUT, "simulate", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_a_journal_is_decided_as_it_was_and_says_who_was_served(tmp_path: Path) -> None:
    path = file_of(recorded().events(), tmp_path)
    run = simulate("--replay", str(path), "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["difference"] is None
    assert report["generations"] == 2
    by_name = {one["deployment"]: one for one in report["served"]}
    assert by_name["green"]["live"] == 10
    assert by_name["green"]["direct"] == 1
    assert report["refusals"]["unknown_deployment"] == 1
    assert "decided everything as it did then" in simulate("--replay", str(path)).stdout


def test_a_decision_that_was_another_is_shown_with_the_events_before_it(tmp_path: Path) -> None:
    found = recorded().events()
    at = next(n for n, event in enumerate(found) if isinstance(event, Sent))
    true = found[at]
    assert isinstance(true, Sent)
    found[at] = Sent("green-0", true.requests)
    run = simulate("--replay", str(file_of(found, tmp_path)))
    assert run.returncode == 1
    words = " ".join(run.stdout.split())
    assert f"event {at + 1} differs. Recorded: Sent(instance='green-0'" in words
    assert f"decided now: Sent(instance='{true.instance}'" in words
    assert "Woke(" in words, "the events before"


@pytest.mark.parametrize("changed", ["least_loaded", "take_batch"])
def test_a_core_that_decides_otherwise_is_found_out(
    changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = recorded().events()
    right: Callable[..., object] = getattr(Lane, changed)
    wrong = {
        "least_loaded": lambda lane, _: next(reversed(lane.instances.values()), None),
        "take_batch": lambda lane, room: right(lane, min(room, 1)),
    }
    monkeypatch.setattr(Lane, changed, wrong[changed])
    with pytest.raises(Differs):
        Player(iter(found)).play()


def test_a_journal_of_one_of_several_workers_holds_what_they_shared(tmp_path: Path) -> None:
    budgets, others = (SharedBudgets(tmp_path / "budgets", worker, 2) for worker in (0, 1))
    shell = RecordedShell(7, budgets)
    quota = EndpointQuota(bandwidth_bytes_per_s=100_000, requests_per_s=1000, connections=1)
    route = EndpointRoute(
        name="my-endpoint", keys=(KEY,), deployments=(deployment("blue"),),
        traffic={"blue": 100}, quota=quota,
    )  # fmt: skip
    shell.swap(route)
    of_other = others.bucket("my-endpoint", BANDWIDTH, 100_000, 100_000)
    waits, would_wait = [], set()
    for number in range(40):
        of_other.draw(2000, shell.now_ns)
        snapshot = shell.dispatcher.snapshot.endpoints["my-endpoint"]
        throttle = snapshot.quota.throttle
        assert throttle is not None
        waits.append(throttle.charge(1000 + number, shell.now_ns))
        would_wait.add(throttle.would_wait(50_000, shell.now_ns))
        shell.ask()
        shell.serve_all()
    assert 0 in waits
    assert any(waits), "some waited, because of the other worker"
    assert would_wait == {True, False}
    refusals = [shell.dispatcher.open_connection(snapshot, shell.now_ns) for _ in range(2)]
    assert refusals[0] is None
    assert isinstance(refusals[1], Refusal)
    snapshot.quota.close_connection()
    assert shell.dispatcher.open_connection(snapshot, shell.now_ns) is None
    # Other limits, for the quota that goes on.
    lowered = replace(route, quota=EndpointQuota(bandwidth_bytes_per_s=50_000, connections=2))
    shell.dispatcher.swap(Routing(generation=9, endpoints=(lowered,)))
    snapshot = shell.dispatcher.snapshot.endpoints["my-endpoint"]
    assert snapshot.quota.throttle is not None
    snapshot.quota.throttle.charge(60_000, shell.now_ns)
    refusals = [shell.dispatcher.open_connection(snapshot, shell.now_ns) for _ in range(2)]
    assert [type(refusal) for refusal in refusals] == [type(None), Refusal]
    assert shell.replayed().began.workers == 2


def test_tokens_are_replayed_without_being_known() -> None:
    class Verifying(RecordedShell):
        def verify_token(self, token: bytes, secret: str) -> int:
            return NS_PER_S if token == b"a good token" and secret == "a secret" else 0

    shell = Verifying(7)
    route = EndpointRoute(
        name="my-endpoint", keys=(), token_secret="a secret",
        deployments=(deployment("blue"),), traffic={"blue": 100},
    )  # fmt: skip
    shell.swap(route)
    for shown, opens in ((b"a good token", True), (b"a bad token", False), (b"", False)):
        found = shell.dispatcher.authorize("my-endpoint", b"Bearer " + shown, shell.now_ns)
        assert isinstance(found, Refusal) is not opens
    shell.replayed()
    written = shell.journal.getvalue()
    for secret in (b"a good token", b"a bad token", b"a secret"):
        assert secret not in written


def test_a_journal_has_neither_keys_nor_bodies_nor_headers_and_pseudonyms_of_its_own() -> None:
    shell = recorded()
    shell.dispatcher.authorize("my-endpoint", b"an-odd-header-with-a-secret", shell.now_ns)
    found = shell.events()
    for secret in (b"\xa6" + KEY.encode(), b"request 3", b"odd-header"):
        assert secret not in shell.journal.getvalue()
    swapped = next(event for event in found if isinstance(event, Swapped))
    shown = {event.authorization for event in found if isinstance(event, Authorized)}
    assert f"bearer {swapped.routing.endpoints[0].keys[0]}".encode() in shown


def test_a_worker_that_was_killed_leaves_a_journal_up_to_there(tmp_path: Path) -> None:
    shell = recorded()
    whole = file_of(shell.events(), tmp_path)
    written = shell.journal.getvalue()
    path = tmp_path / "cut.journal"
    path.write_bytes(written[: len(written) - 7])
    cut = replay(path)
    assert cut.difference is None
    assert cut.events < replay(whole).events


def test_a_journal_that_ends_inside_a_call_says_so(tmp_path: Path) -> None:
    found = recorded().events()
    at = max(n for n, event in enumerate(found) if isinstance(event, Sent))
    path = file_of(found[: at + 1], tmp_path)
    assert not replay(path).is_whole
    assert "ends in the middle of a call" in simulate("--replay", str(path)).stdout


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"", "expected a journal, which begins with Began, got None"),
        (b"\x00\x00\x00\x02{}", "expected a journal's events, got"),
        (b"name: my-endpoint\n", "expected a journal's chunk of at most"),
        (as_file([events.Closed()]), "which begins with Began, got Closed()"),
        (
            as_file([Began(99, "9.9.9", 1, 0, 1, 5)]),
            f"expected a journal of format {FORMAT}, got 99: it was written by Turnout 9.9.9",
        ),
        (
            as_file([Began(FORMAT, "", 1, 0, 1, 5), Sent("blue-0", (1,))]),
            None,
        ),
    ],
)
def test_what_is_no_journal_is_refused_with_its_path(
    written: bytes, expected: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "odd.journal"
    path.write_bytes(written)
    if expected is None:
        assert replay(path).difference is not None
        return
    with pytest.raises(BadRequest) as caught:
        replay(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert expected in caught.value.message


def test_a_missing_journal_and_a_scenario_beside_one_are_wrong_calls() -> None:
    missing = simulate("--replay", "not-there.journal")
    assert missing.returncode == 1
    assert "expected a worker's journal, got No such file" in missing.stderr
    both = simulate("blue-green", "--replay", "not-there.journal")
    assert both.returncode == 2
    assert "expected no more with --replay, got a scenario: the journal has it all" in both.stderr


def test_swagger_and_health_pages_are_replayed_too() -> None:
    shell = RecordedShell(7)
    shell.swap(endpoint(deployment("blue"), traffic={"blue": 100}))
    found = shell.dispatcher.snapshot.endpoints["my-endpoint"]
    asked = shell.ask()
    taken = shell.dispatcher.arrive_aside(found, None, NO_HEAD, asked, shell.now_ns)
    assert not isinstance(taken, Refusal)
    assert shell.replayed().tally.direct["my-endpoint", "blue"] == 1
