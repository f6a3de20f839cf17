"""Answers that come in parts: order, credit, and every way in which they can break off."""

import pytest

from router.core.request import NO_HEAD, Kind, Reason, Refusal, Request
from router.core.statistics import DeploymentStatistics
from tests.shell import Asked, Shell, deployment, endpoint


@pytest.fixture
def shell() -> Shell:
    shell = Shell()
    routes = (deployment("blue", instances=2, concurrency=1), deployment("green", concurrency=1))
    shell.swap(endpoint(*routes, traffic={"blue": 100}))
    return shell


def begin(shell: Shell, pinned: str | None = None) -> tuple[Asked, str, int]:
    """A request whose answer has begun, and where; with its number there."""
    asked = shell.ask(pinned)
    shell.pump()
    assert asked.request is not None
    assert asked.request.instance is not None
    instance_id = asked.request.instance.id
    shell.answer_part(instance_id)
    return asked, instance_id, asked.request.id


def counts(shell: Shell, name: str) -> DeploymentStatistics:
    (found,) = shell.dispatcher.statistics().endpoints
    return next(each for each in found.deployments if each.name == name)


def test_parts_reach_the_client_in_order_and_only_the_last_ends_the_request(shell: Shell) -> None:
    asked, instance_id, _ = begin(shell)
    shell.answer_part(instance_id)
    assert (len(asked.parts), asked.told, shell.dispatcher.ledger.in_flight) == (2, 0, 1)
    assert counts(shell, "blue").outstanding == 1
    shell.answer(instance_id)
    assert (len(asked.answers), shell.dispatcher.ledger.in_flight) == (1, 0)
    blue = counts(shell, "blue")
    assert (blue.answered, blue.failed, blue.outstanding) == (1, 0, 0)


def test_what_the_client_has_taken_is_granted_to_the_instance_that_answers(shell: Shell) -> None:
    asked, instance_id, number = begin(shell)
    assert asked.request is not None
    shell.dispatcher.grant(asked.request, 1000)
    assert shell.granted_bytes == {number: 1000}
    shell.answer(instance_id)
    shell.dispatcher.grant(asked.request, 5)
    assert shell.granted_bytes == {number: 1000}, "nothing is granted after the end"


def test_a_client_that_is_gone_cancels_and_the_last_part_frees_the_place(shell: Shell) -> None:
    asked, instance_id, number = begin(shell)
    assert asked.request is not None
    shell.dispatcher.abandon(asked.request)
    assert shell.cancelled == [(instance_id, number)]
    assert counts(shell, "blue").outstanding == 1
    shell.answer(instance_id)
    assert counts(shell, "blue").outstanding == 0


def test_an_answer_that_has_begun_is_not_asked_for_again_when_its_instance_is_lost(
    shell: Shell,
) -> None:
    asked, instance_id, _ = begin(shell)
    shell.lose(instance_id)
    shell.pump()
    assert [refusal.reason for refusal in asked.refusals] == [Reason.INSTANCE_LOST]
    assert not any(shell.at.values())


def test_an_answer_that_takes_too_long_is_ended_and_its_rest_frees_the_place(shell: Shell) -> None:
    asked, instance_id, number = begin(shell)
    shell.pass_time(5_100_000_000)
    assert [refusal.reason for refusal in asked.refusals] == [Reason.TIMED_OUT]
    assert shell.cancelled == [(instance_id, number)]
    assert counts(shell, "blue").outstanding == 1
    shell.answer(instance_id)
    assert (counts(shell, "blue").outstanding, shell.dispatcher.unexpected) == (0, 0)


def test_an_answer_that_begins_after_its_deadline_is_cancelled(shell: Shell) -> None:
    asked = shell.ask()
    shell.pump()
    shell.pass_time(5_100_000_000)
    assert asked.request is not None
    assert asked.request.instance is not None
    instance_id = asked.request.instance.id
    assert shell.cancelled == []
    shell.answer_part(instance_id)
    assert shell.cancelled == [(instance_id, asked.request.id)]
    shell.answer(instance_id)
    assert counts(shell, "blue").outstanding == 0


def test_a_copys_parts_are_granted_as_they_come_so_that_it_runs_to_its_end(shell: Shell) -> None:
    routes = (deployment("blue"), deployment("green"))
    shell.swap(endpoint(*routes, traffic={"blue": 100}, mirror_traffic={"green": 50}))
    while not shell.at.get("green-0"):
        shell.ask()
        shell.pump()
    (copy,) = shell.at["green-0"]
    shell.answer_part("green-0")
    assert shell.granted_bytes == {copy.id: len(b"answer to " + copy.payload)}
    shell.serve_all()
    assert counts(shell, "green").outstanding == 0


def ask_aside(shell: Shell, pinned: str | None = None) -> Request | Refusal:
    asked = Asked(b"")
    shell.asked.append(asked)
    found = shell.dispatcher.snapshot.endpoints["my-endpoint"]
    result = shell.dispatcher.arrive_aside(found, pinned, NO_HEAD, asked, shell.now_ns)
    if isinstance(result, Refusal):
        asked.refusals.append(result)
    else:
        asked.request = result
    return result


def test_7_what_asks_for_no_prediction_goes_where_most_traffic_goes_and_counts_nowhere() -> None:
    shell = Shell()
    routes = (deployment("blue"), deployment("green"), deployment("shadow"))
    traffic = {"blue": 30, "green": 70}
    shell.swap(endpoint(*routes, traffic=traffic, mirror_traffic={"shadow": 50}))
    for _ in range(20):
        request = ask_aside(shell)
        assert isinstance(request, Request)
        assert (request.deployment.name, request.kind) == ("green", Kind.DIRECT)
    (found,) = shell.dispatcher.statistics().endpoints
    assert (found.scheduled, found.mirror_considered) == (0, 0)
    pinned = ask_aside(shell, "shadow")
    assert isinstance(pinned, Request)
    assert pinned.deployment.name == "shadow"


def test_without_traffic_what_asks_for_no_prediction_is_refused_like_the_rest() -> None:
    shell = Shell()
    shell.swap(endpoint(deployment("blue")))
    refused = ask_aside(shell)
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.NO_TRAFFIC
