"""Invariants 1, 2, 9 and 10 under arbitrary interleavings, and small scenarios of each.

Conservation (9) is checked by the shell after every step; see tests/shell.py.
"""

import inspect
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from router.core import (
    admission,
    dispatcher,
    lane,
    membership,
    quota,
    schedule,
    snapshot,
    throttle,
    token_bucket,
)
from router.core.lane import LARGE_BYTES_MIN
from router.core.request import Answer, Reason, Request
from tests.shell import TICK_NS, Asked, Shell, deployment, endpoint

NAMES = ["blue", "green"]
# Small, so that a script of some fifty steps meets the limits.
CONCURRENCY, INSTANCES_MAX = 1, 4


WHERE_NOTHING_WAITS = (
    admission,
    dispatcher,
    lane,
    membership,
    quota,
    schedule,
    snapshot,
    throttle,
    token_bucket,
)


class RolloutMachine(RuleBasedStateMachine):
    """Arrivals, answers, losses, time, swaps and scaling, in any order.

    The model is the last configuration: where each live request may go, and who exists.
    """

    shell_type = Shell

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.shell = self.shell_type(seed)
        self.instances = {"blue": [0], "green": [0]}
        self.next_number = 1
        self.traffic = {"blue": 100}
        self.mirror: dict[str, int] = {}
        self.deployments = list(NAMES)
        self.publish()

    def publish(self) -> None:
        routes = []
        for name in self.deployments:
            numbers = self.instances[name]
            route = deployment(name, instances=0, concurrency=CONCURRENCY)
            for number in numbers:
                extra = deployment(name, instances=1, concurrency=CONCURRENCY, first=number)
                route = type(route)(
                    name=name,
                    request_timeout_ms=5000,
                    max_concurrent_requests_per_instance=CONCURRENCY,
                    instance_count=len(numbers),
                    instances=(*route.instances, *extra.instances),
                )
            routes.append(route)
        self.shell.swap(endpoint(*routes, traffic=self.traffic, mirror_traffic=self.mirror))

    @rule(pinned=st.sampled_from([None, None, "blue", "green"]))
    def ask(self, pinned: str | None) -> None:
        asked = self.shell.ask(pinned)
        served = self.shell.served_by(asked)
        if served is None:
            return
        # Invariant 1: by the configuration in force at arrival, and by no other.
        if pinned is None:
            assert self.traffic.get(served, 0) > 0
        else:
            assert served == pinned
        assert served in self.deployments

    @rule()
    def pump(self) -> None:
        self.shell.pump()

    @rule(data=st.data(), count=st.integers(1, 5), status=st.sampled_from([200, 500]))
    def answer(self, data: st.DataObject, count: int, status: int) -> None:
        holders = sorted(name for name, held in self.shell.at.items() if held)
        if holders:
            self.shell.answer(data.draw(st.sampled_from(holders)), count, status)

    @rule(data=st.data(), count=st.integers(1, 3))
    def answer_part(self, data: st.DataObject, count: int) -> None:
        holders = sorted(name for name, held in self.shell.at.items() if held)
        if holders:
            self.shell.answer_part(data.draw(st.sampled_from(holders)), count)

    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        known = sorted(self.shell.dispatcher._membership.instances)
        if known:
            self.shell.lose(data.draw(st.sampled_from(known)))

    @rule(name=st.sampled_from(NAMES))
    def find(self, name: str) -> None:
        for number in self.instances[name]:
            self.shell.dispatcher.on_instance_found(f"{name}-{number}")

    @rule(run_ns=st.sampled_from([20_000, 5_000_000, 60_000_000]))
    def change_speed(self, run_ns: int) -> None:
        self.shell.run_ns = run_ns

    @rule(ns=st.sampled_from([1_000_000, 4_000_000, 400_000_000, 2_600_000_000]))
    def pass_time(self, ns: int) -> None:
        self.shell.pass_time(ns)

    @rule(percent=st.integers(0, 100), mirror=st.integers(0, 50))
    def set_traffic(self, percent: int, mirror: int) -> None:
        if len(self.deployments) < 2:
            return
        self.traffic = {"blue": 100 - percent, "green": percent}
        self.mirror = {"green": mirror} if percent == 0 and mirror else {}
        self.publish()

    @rule(name=st.sampled_from(NAMES), keep=st.integers(0, 2), add=st.integers(0, 2))
    def replace_instances(self, name: str, keep: int, add: int) -> None:
        """Scale up, scale down and rolling update are all this."""
        kept = self.instances[name][:keep]
        added = list(range(self.next_number, self.next_number + add))
        if kept or added:
            self.next_number += add
            self.instances[name] = kept + added
            self.publish()

    @rule()
    def delete_green(self) -> None:
        if not self.traffic.get("green") and not self.mirror:
            self.traffic = {"blue": 100}
            self.deployments = ["blue"]
            self.publish()

    @rule()
    def create_green(self) -> None:
        if "green" not in self.deployments:
            self.deployments = list(NAMES)
            self.instances["green"] = [self.next_number]
            self.next_number += 1
            self.publish()

    @invariant()
    def nothing_grows_without_bound(self) -> None:
        if not hasattr(self, "shell"):
            return
        for found in self.shell.dispatcher.snapshot.endpoints.values():
            for taken in found.deployments.values():
                # Limits of before a change of instance_count may still be in the books.
                limit = max(taken.pending_max, 2 * CONCURRENCY * INSTANCES_MAX)
                assert taken.lane.places.now <= limit
                assert taken.lane.copies_pending <= limit
                assert len(taken.lane.queue) <= 2 * limit

    def teardown(self) -> None:
        """Liveness: heal everything, and every request is answered, every leaver let go."""
        if not hasattr(self, "shell"):
            return
        for name in self.deployments:
            self.find(name)
        self.shell.serve_all()
        # What was queued for deployments whose instances all died waits for its deadline.
        self.shell.pass_time(6_000_000_000)
        self.shell.serve_all()
        assert all(asked.told == 1 for asked in self.shell.asked)
        assert self.shell.dispatcher.ledger.in_flight == 0
        present = {f"{n}-{i}" for n in self.deployments for i in self.instances[n]}
        assert set(self.shell.dispatcher._membership.instances) == present


TestRollout = RolloutMachine.TestCase


def test_1_no_request_that_arrives_after_a_swap_is_routed_by_older_rules() -> None:
    shell = Shell()
    routes = deployment("blue"), deployment("green")
    for index in range(20):
        to = ("blue", "green")[index % 2]
        shell.swap(endpoint(*routes, traffic={to: 100}))
        assert {shell.served_by(shell.ask()) for _ in range(7)} == {to}


def test_1_a_request_keeps_the_rules_of_its_arrival_though_a_swap_comes_before_it_is_sent() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", timeout_ms=1000), traffic={"blue": 100}))
    asked = shell.ask()
    shell.swap(
        endpoint(
            deployment("blue", timeout_ms=9000), deployment("green"), traffic={"green": 100}
        )
    )  # fmt: skip
    assert [sent.payload for sent in shell.at["blue-0"]] == [asked.payload]
    shell.pass_time(1_020_000_000)
    assert [refusal.reason for refusal in asked.refusals] == [Reason.TIMED_OUT]


def test_9_an_answer_with_an_unknown_or_anothers_number_answers_nobody() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", instances=2, concurrency=1), traffic={"blue": 100}))
    first, second = shell.ask(), shell.ask()
    shell.pump()
    (held_0,), (held_1,) = shell.at["blue-0"], shell.at["blue-1"]
    shell.at["blue-0"], shell.at["blue-1"] = [held_1], [held_0]
    shell.answer("blue-0")
    shell.answer("blue-1")
    assert first.told == second.told == 0
    assert shell.dispatcher.unexpected == 2


def test_9_a_late_answer_is_dropped_and_frees_its_place() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", concurrency=1), traffic={"blue": 100}))
    late, next_ = shell.ask(), shell.ask()
    shell.pump()
    shell.pass_time(5_100_000_000)
    assert [refusal.reason for refusal in late.refusals] == [Reason.TIMED_OUT]
    third = shell.ask()
    shell.pump()
    assert len(shell.at["blue-0"]) == 1, "the instance is still busy with the late one"
    shell.serve_all()
    assert (late.told, next_.told, len(third.answers)) == (1, 1, 1)


def test_9_the_request_past_the_limit_is_refused_and_its_place_comes_back() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", instances=2, concurrency=1), traffic={"blue": 100}))
    taken = [shell.ask() for _ in range(4)]
    refused = shell.ask()
    assert [refusal.reason for refusal in refused.refusals] == [Reason.TOO_MANY_PENDING]
    shell.serve_all()
    assert all(asked.answers for asked in taken)
    assert shell.ask().told == 0


def test_10_scaling_down_lets_an_instance_go_only_when_it_has_answered_what_it_holds() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", instances=2, concurrency=1), traffic={"blue": 100}))
    asked = [shell.ask() for _ in range(4)]
    shell.pump()
    shell.swap(endpoint(deployment("blue", instances=1, concurrency=1), traffic={"blue": 100}))
    assert shell.drained == []
    shell.answer("blue-1")
    assert shell.drained == ["blue-1"]
    shell.serve_all()
    assert all(one.answers for one in asked)


def test_10_a_deleted_deployment_still_serves_what_waits_in_its_queue() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", concurrency=1), traffic={"blue": 100}))
    asked: list[Asked] = [shell.ask(), shell.ask()]
    shell.pump()
    shell.swap(endpoint(deployment("green"), traffic={"green": 100}))
    assert shell.drained == []
    shell.answer("blue-0")
    shell.pump()
    assert shell.drained == []
    shell.answer("blue-0")
    assert shell.drained == ["blue-0"]
    assert all(one.answers for one in asked)


def test_10_what_a_lost_instance_held_is_answered_by_another_once_more_and_no_more() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", instances=2, concurrency=4), traffic={"blue": 100}))
    asked = shell.ask()
    shell.pump()
    (holder,) = [name for name, held in shell.at.items() if held]
    shell.lose(holder)
    shell.pump()
    (second,) = [name for name, held in shell.at.items() if held]
    assert second != holder
    shell.lose(second)
    assert [refusal.reason for refusal in asked.refusals] == [Reason.INSTANCE_LOST]


def test_2_picking_and_swapping_await_nothing_and_take_no_lock() -> None:
    """The core has no coroutine and imports neither threading nor asyncio."""
    for module in WHERE_NOTHING_WAITS:
        source = inspect.getsource(module)
        for word in ("async def", "await ", "threading", "asyncio", "Lock("):
            assert word not in source, f"{word!r} in {module.__name__}"


def test_5_a_shadow_full_of_copies_still_takes_every_client_when_traffic_moves_to_it() -> None:
    shell = Shell()
    routes = deployment("blue"), deployment("green", concurrency=2)
    shell.swap(endpoint(*routes, traffic={"blue": 100}, mirror_traffic={"green": 50}))
    for _ in range(40):
        shell.ask()
        shell.pump()
        shell.answer("blue-0")
        shell.pass_time(TICK_NS)
    direct = shell.ask("green")
    assert direct.told == 0
    shell.swap(endpoint(*routes, traffic={"green": 100}))
    live = [shell.ask() for _ in range(3)]
    assert [asked.told for asked in live] == [0, 0, 0], "copies take no client's place"
    shell.answer("green-0")
    shell.pump()
    assert [sent.payload for sent in shell.at["green-0"]][:1] == [direct.payload], "copies are gone"
    shell.serve_all()
    assert all(asked.answers for asked in [direct, *live])


def test_10_an_update_to_instances_that_are_lost_at_once_leaves_the_old_ones_serving() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", concurrency=1), traffic={"blue": 100}))
    first = shell.ask()
    shell.pump()
    shell.swap(endpoint(deployment("blue", first=1, concurrency=1), traffic={"blue": 100}))
    shell.lose("blue-1")
    second = shell.ask()
    shell.serve_all()
    assert first.answers
    assert second.answers
    assert shell.drained == []
    shell.dispatcher.on_instance_found("blue-1")
    shell.serve_all()
    shell.ask()
    shell.serve_all()
    assert shell.drained == ["blue-0"]


def test_a_large_request_under_way_keeps_no_small_one_waiting() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue"), traffic={"blue": 100}))
    shell.ask()
    shell.serve_all()
    large = shell.ask(payload=bytes(LARGE_BYTES_MIN))
    shell.pump()
    small = [shell.ask() for _ in range(3)]
    shell.pump()
    assert len(shell.at["blue-0"][0].payload) == LARGE_BYTES_MIN
    assert len(shell.at["blue-0"]) == 4, "a window of small ones beside the large one"
    late = shell.ask()
    shell.pump()
    assert len(shell.at["blue-0"]) == 4, "small ones gather behind small ones"
    shell.serve_all()
    assert all(asked.answers for asked in [large, *small, late])
    assert (
        shell.dispatcher.snapshot.endpoints["my-endpoint"]
        .live_deployments[0]
        .lane.instances["blue-0"]
        .large
        == set()
    )


@given(st.lists(st.booleans(), min_size=20, max_size=40), st.integers(1, 5))
def test_an_instance_never_holds_more_than_its_maximum_large_or_small(
    larges: list[bool], concurrency: int
) -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", concurrency=concurrency), traffic={"blue": 100}))
    shell.ask()
    shell.serve_all()
    for is_large in larges:
        shell.ask(payload=bytes(LARGE_BYTES_MIN) if is_large else b"small")
        shell.pump()
        assert len(shell.at["blue-0"]) <= concurrency
    shell.serve_all()
    assert all(asked.told for asked in shell.asked)


def test_an_instance_has_what_gathered_before_anybody_is_told_its_answers() -> None:
    class Noting(Shell):
        held_when_told: list[int] = []

        def tell(self, answered: Sequence[tuple[Request, Answer]]) -> None:
            self.held_when_told.append(len(self.at["blue-0"]))
            super().tell(answered)

    shell = Noting()
    shell.swap(endpoint(deployment("blue"), traffic={"blue": 100}))
    for _ in range(3):
        shell.ask()
        shell.pump()
    assert len(shell.at["blue-0"]) == 1
    shell.answer("blue-0")
    assert shell.held_when_told == [2]
