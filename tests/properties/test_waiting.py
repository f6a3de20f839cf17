"""Invariant 9 for those who wait: in time or not, and still there or gone."""

from router.core.request import Reason
from tests.shell import Shell, deployment, endpoint


def test_9_a_request_whose_deadline_has_passed_is_not_sent_any_more() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", concurrency=1, timeout_ms=1000), traffic={"blue": 100}))
    first, late = shell.ask(), shell.ask()
    shell.pump()
    assert [sent.payload for sent in shell.at["blue-0"]] == [first.payload]
    # Between two looks at the deadlines the instance becomes free.
    shell.now_ns += 1000 * 1_000_000
    shell.answer("blue-0")
    shell.pump()
    assert not shell.at["blue-0"]
    assert late.refusals[0].reason is Reason.TIMED_OUT


def test_9_what_a_client_that_has_gone_had_queued_is_dropped_and_its_place_is_free() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", concurrency=1), traffic={"blue": 100}))
    first, gone = shell.ask(), shell.ask()
    shell.pump()
    for asked in (first, gone):
        assert asked.request is not None
        shell.dispatcher.abandon(asked.request)
    lane = shell.dispatcher.snapshot.endpoints["my-endpoint"].deployments["blue"].lane
    assert (lane.places.now, list(lane.queue)) == (1, [])
    assert shell.dispatcher.ledger.in_flight == 1, "what an instance has begun is finished"
    assert len(shell.at["blue-0"]) == 1


def test_9_who_goes_after_a_refusal_that_was_not_written_yet_changes_nothing() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue", timeout_ms=1000), traffic={"blue": 100}))
    asked = [shell.ask() for _ in range(3)]
    shell.pump()
    shell.pass_time(2_000_000_000)
    before = shell.dispatcher.statistics()
    for one in asked:
        assert one.told
        assert one.request is not None
        shell.dispatcher.abandon(one.request)
    assert shell.dispatcher.statistics() == before
