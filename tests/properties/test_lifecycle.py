"""Invariants 1, 9 and 10 in small scenarios; test_rollout.py has arbitrary ones.

Conservation (9) is checked by the shell after every step; see tests/shell.py.
"""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from router.core.lane import LARGE_BYTES_MIN
from router.core.request import Answer, Reason, Request
from tests.shell import TICK_NS, Asked, Shell, deployment, endpoint


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
