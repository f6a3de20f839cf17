"""What becomes of requests whose instance is lost or hangs, and what workers say of it."""

from msgspec.structs import replace

from router.core.request import Outcome, Reason
from tests.shell import ScriptedAnswer, Shell, deployment, endpoint

MS = 1_000_000
TIMEOUT_MS = 5000


def shell_with(retries: int = 1, instances: int = 2, **mirror: int) -> Shell:
    shell = Shell()
    routes = [deployment("blue", instances=instances, timeout_ms=TIMEOUT_MS)]
    if mirror:
        routes.append(deployment("green"))
    routes[0] = replace(routes[0], retries=retries)
    shell.swap(endpoint(*routes, traffic={"blue": 100}, mirror_traffic=mirror))
    return shell


def resent(shell: Shell) -> int:
    (found,) = shell.dispatcher.statistics().endpoints
    return sum(one.resent for one in found.deployments)


def test_a_deployment_that_forbids_it_has_nothing_sent_again() -> None:
    shell = shell_with(retries=0)
    asked = shell.ask()
    shell.pump()
    (holder,) = shell.at
    shell.lose(holder)
    assert [refusal.reason for refusal in asked.refusals] == [Reason.INSTANCE_LOST]
    assert resent(shell) == 0


def test_what_is_sent_again_is_counted_and_keeps_its_deadline() -> None:
    shell = shell_with(instances=1)
    asked = shell.ask()
    shell.pump()
    shell.pass_time(2000 * MS)
    shell.lose("blue-0")
    assert resent(shell) == 1
    assert not asked.told
    shell.pass_time((TIMEOUT_MS - 2000) * MS - 30 * MS)
    assert not asked.told
    shell.pass_time(60 * MS)
    assert [refusal.reason for refusal in asked.refusals] == [Reason.MODEL_NOT_READY]


def test_copies_are_never_sent_again() -> None:
    shell = shell_with(green=50)
    for _ in range(4):
        shell.ask()
    shell.pump()
    # They gather for a tick.
    shell.pass_time(30 * MS)
    shell.pump()
    held = len(shell.at["green-0"])
    assert held
    shell.lose("green-0")
    (found,) = shell.dispatcher.statistics().endpoints
    green = found.deployments[1]
    assert (green.copies_lost, green.resent) == (held, 0)


def test_an_instance_owes_an_answer_from_the_deadline_on_until_it_gives_it_late() -> None:
    shell = shell_with(instances=1)
    asked = shell.ask()
    shell.pump()
    (sent,) = shell.at["blue-0"]
    shell.pass_time((TIMEOUT_MS - 10) * MS)
    (owed,) = shell.dispatcher.instances(shell.now_ns)
    assert (owed.id, owed.outstanding, owed.overdue_ns) == ("blue-0", 1, 0)
    shell.pass_time(30 * MS)
    assert [refusal.reason for refusal in asked.refusals] == [Reason.TIMED_OUT]
    shell.pass_time(1000 * MS)
    (owed,) = shell.dispatcher.instances(shell.now_ns)
    assert (owed.outstanding, owed.overdue_ns) == (1, 1020 * MS)
    late = ScriptedAnswer(sent.id, b"", outcome=Outcome.RETURNED)
    shell.dispatcher.on_answers("blue-0", [late], shell.now_ns)
    (owed,) = shell.dispatcher.instances(shell.now_ns)
    assert (owed.outstanding, owed.overdue_ns) == (0, 0)


def test_of_two_answers_the_one_that_is_owed_for_longer_counts() -> None:
    shell = Shell()
    blue = replace(deployment("blue", timeout_ms=TIMEOUT_MS), parallel_runs=2)
    shell.swap(endpoint(blue, traffic={"blue": 100}))
    for _ in range(2):
        shell.ask()
        shell.pump()
        shell.pass_time(1000 * MS)
    shell.pass_time(TIMEOUT_MS * MS)
    assert len(shell.at["blue-0"]) == 2
    (owed,) = shell.dispatcher.instances(shell.now_ns)
    assert owed.overdue_ns == 2000 * MS
