"""The judge excuses what was done to somebody by name, in its time, and nothing else."""

import json
from collections.abc import Callable

import pytest

from tests.chaos.audit import Audit
from tests.chaos.in_force import InForce
from tests.chaos.judge import Declared, Judge, Rules, Verdict, read_answer
from tests.chaos.requests import NAMES, Asked, Ended, How, Over, expected_digest
from tests.chaos.story import InstanceFault, Story, WorkerFault

OVER, OTHER = Over(5000, 0.9, 1.0), Over(5001, 0.9, 1.0)
KEY, OLD_KEY = "a key", "an older key"
BLUE, BOTH = Rules((("blue", 100),)), Rules((("blue", 50), ("green", 50)), (("red", 10),))
ASKED = Asked(1, b'{"nonce": "1"}', 2, None, KEY, 10.0)
TO_BLUE = ASKED._replace(pinned="blue")


class Court:
    """A judge of a story that a test writes; blue serves since 0 s, all in version 1."""

    def __init__(self) -> None:
        self.story = Story()
        self.rules = InForce(BLUE, 0.0)
        self.declared = {name: InForce(Declared(1, 2), 0.0) for name in NAMES}
        self.keys = InForce(OLD_KEY, 0.0)
        self.keys.begin(KEY, 1.0)
        self.keys.acknowledge(2.0)
        self.judge = Judge(self.story, self.rules, self.keys, self.declared)

    def verdict(self, ended: Ended, asked: Asked = ASKED) -> Verdict:
        return self.judge.judge(asked, ended, read_answer(asked, ended))


def scored(name: str = "blue", version: int = 1, ended_s: float = 10.1, **changes: object) -> Ended:
    said = {"name": name, "version": version, "pid": 7,
            "digest": expected_digest(ASKED, name, version)} | changes  # fmt: skip
    return Ended(How.ANSWERED, ended_s, OVER, 200, name, json.dumps(said).encode())


def error(status: int, ended_s: float) -> Ended:
    return Ended(How.ANSWERED, ended_s, OVER, status, "blue", b"{}")


def broken(ended_s: float = 10.5, over: Over = OVER) -> Ended:
    return Ended(How.BROKEN, ended_s, over)


def test_the_answer_to_what_was_asked_is_right() -> None:
    assert Court().verdict(scored()) is Verdict.RIGHT


@pytest.mark.parametrize(
    "answer",
    [
        scored(digest=expected_digest(ASKED._replace(body=b"another's"), "blue", 1)),
        scored(digest=expected_digest(ASKED._replace(repeat=1), "blue", 1)),
        scored(name="blue", version=2, digest=expected_digest(ASKED, "blue", 1)),
        scored()._replace(deployment="green"),
        scored()._replace(body=b"no JSON"),
        scored()._replace(body=b"[]"),
    ],
)
def test_anothers_answer_or_half_of_one_is_wrong(answer: Ended) -> None:
    assert Court().verdict(answer) is Verdict.WRONG


def test_who_has_no_traffic_may_not_answer_whoever_is_mirrored_to_may_not_and_named_may() -> None:
    court = Court()
    assert court.verdict(scored("green")) is Verdict.OLDER_RULES
    court.rules.begin(BOTH, 9.0)
    court.rules.acknowledge(9.5)
    assert court.verdict(scored("green")) is Verdict.RIGHT
    assert court.verdict(scored("red")) is Verdict.OLDER_RULES
    assert court.verdict(scored("red"), ASKED._replace(pinned="red")) is Verdict.RIGHT
    assert court.verdict(scored("green"), TO_BLUE) is Verdict.WRONG


def test_older_rules_may_answer_until_the_newer_ones_are_acknowledged() -> None:
    court = Court()
    court.rules.begin(Rules((("green", 100),)), 9.0)
    assert court.verdict(scored("blue")) is Verdict.RIGHT
    court.rules.acknowledge(10.05)
    assert court.verdict(scored("blue")) is Verdict.RIGHT
    assert court.verdict(scored("blue"), ASKED._replace(sent_s=10.06)) is Verdict.OLDER_RULES


def test_an_older_version_may_not_answer_when_the_update_is_acknowledged() -> None:
    court = Court()
    court.declared["blue"].begin(Declared(2, 2), 8.0)
    assert court.verdict(scored(version=1)) is Verdict.RIGHT
    assert court.verdict(scored(version=2)) is Verdict.RIGHT
    court.declared["blue"].acknowledge(9.0)
    assert court.verdict(scored(version=1)) is Verdict.OLDER_VERSION
    assert court.verdict(scored(version=2)) is Verdict.RIGHT


def refused(asked: Asked) -> Ended:
    return Ended(How.ANSWERED, asked.sent_s + 0.1, OVER, 401, "", b"{}")


def test_an_older_key_opens_nothing_when_the_newer_one_is_acknowledged() -> None:
    court = Court()
    older = ASKED._replace(key=OLD_KEY)
    assert court.verdict(scored(), older) is Verdict.OLDER_KEY
    assert court.verdict(refused(older), older) is Verdict.KEY_REPLACED
    while_it_is_replaced = older._replace(sent_s=1.5)
    assert court.verdict(scored(ended_s=1.6), while_it_is_replaced) is Verdict.RIGHT
    assert court.verdict(refused(while_it_is_replaced), while_it_is_replaced) is (
        Verdict.KEY_REPLACED
    )


def test_the_key_in_force_is_never_refused() -> None:
    assert Court().verdict(refused(ASKED)) is Verdict.FAILED


def test_what_breaks_because_its_key_was_replaced_is_large() -> None:
    court = Court()
    small = ASKED._replace(key=OLD_KEY)
    assert court.verdict(broken(), small) is Verdict.FAILED
    large = small._replace(body=b"x" * 100_000)
    assert court.verdict(broken(), large) is Verdict.KEY_REPLACED
    assert court.verdict(broken(), large._replace(key=KEY)) is Verdict.FAILED


def kill_worker(story: Story, at_s: float) -> None:
    story.workers.append(
        WorkerFault(3, gone_s=at_s, dead_s=at_s + 0.1, ports=frozenset({5000}), looked_s=at_s)
    )


def test_a_broken_connection_is_excused_if_its_own_worker_was_killed_then() -> None:
    court = Court()
    assert court.verdict(broken()) is Verdict.FAILED
    kill_worker(court.story, 10.4)
    assert court.verdict(broken()) is Verdict.WORKER_KILLED
    assert court.verdict(broken(over=OTHER)) is Verdict.FAILED, "another worker's"
    assert court.verdict(broken(ended_s=10.3)) is Verdict.FAILED, "broke before"
    late = ASKED._replace(sent_s=13.0)
    assert court.verdict(broken(ended_s=13.5), late) is Verdict.FAILED, "sent long after"


def test_a_connection_that_the_killed_worker_had_not_taken_yet_is_excused_a_later_one_is_not() -> (
    None
):
    court = Court()
    kill_worker(court.story, 10.4)
    assert court.verdict(broken(over=Over(6000, 10.42, 10.45))) is Verdict.WORKER_KILLED
    assert court.verdict(broken(over=Over(0, 10.2, 10.6))) is Verdict.WORKER_KILLED
    assert court.verdict(broken(over=Over(6000, 10.2, 10.3))) is Verdict.FAILED
    assert court.verdict(broken(over=Over(6000, 10.6, 10.7))) is Verdict.FAILED


def test_who_waits_to_be_accepted_is_excused_if_a_holder_of_the_queue_is_killed() -> None:
    court = Court()
    waits = Over(6000, 8.0, 8.1)
    assert court.verdict(broken(over=waits)) is Verdict.FAILED
    court.story.queues.append(
        WorkerFault(3, gone_s=10.4, dead_s=10.5, ports=frozenset({6000}), looked_s=10.4)
    )
    assert court.verdict(broken(over=waits)) is Verdict.QUEUE_LOST
    assert court.verdict(broken(over=waits._replace(port=6001))) is Verdict.FAILED
    assert court.verdict(broken(ended_s=10.3, over=waits)) is Verdict.FAILED
    assert court.verdict(error(503, 10.5)._replace(over=waits)) is Verdict.FAILED


def test_who_asks_over_a_connection_that_was_idle_may_find_it_closed_by_a_reload() -> None:
    court = Court()
    idle = OVER._replace(idle_s=2.5)
    assert court.verdict(broken(over=idle)) is Verdict.FAILED
    court.story.reloads.append([9.0, 10.2])
    assert court.verdict(broken(over=idle)) is Verdict.IDLE_CLOSED
    assert court.verdict(broken(over=OVER)) is Verdict.FAILED, "it was not idle"
    late = ASKED._replace(sent_s=12.0)
    assert court.verdict(broken(ended_s=12.5, over=idle), late) is Verdict.FAILED


def test_no_connection_and_no_answer_are_never_excused() -> None:
    court = Court()
    kill_worker(court.story, 10.4)
    assert court.verdict(broken()._replace(how=How.REFUSED)) is Verdict.FAILED
    assert court.verdict(broken()._replace(how=How.UNANSWERED)) is Verdict.LOST
    assert court.verdict(broken()._replace(how=How.ABANDONED)) is Verdict.ABANDONED


def stop_worker(story: Story) -> None:
    ports = frozenset({5000})
    story.workers.append(WorkerFault(3, stopped_s=11, resumed_s=16, ports=ports, looked_s=11))


def stop_instance(story: Story) -> None:
    story.instances.append(InstanceFault(4, stopped_s=11, resumed_s=17, deployment="blue"))


@pytest.mark.parametrize(
    ("stop", "verdict"),
    [(stop_worker, Verdict.WORKER_STOPPED), (stop_instance, Verdict.INSTANCE_STOPPED)],
)
def test_a_time_out_is_excused_if_who_had_it_stood_still(
    stop: Callable[[Story], None], verdict: Verdict
) -> None:
    court = Court()
    assert court.verdict(error(408, 15.1)) is Verdict.FAILED
    stop(court.story)
    assert court.verdict(error(408, 15.1)) is verdict
    assert court.verdict(error(408, 13.0)) is Verdict.FAILED, "before its deadline"
    assert court.verdict(error(424, 15.1)) is Verdict.FAILED, "lost, not late"
    after = ASKED._replace(sent_s=20.0)
    assert court.verdict(error(408, 25.1), after) is Verdict.FAILED, "sent when it ran again"
    other = error(408, 15.1)._replace(deployment="green", over=OTHER)
    assert court.verdict(other, ASKED._replace(pinned="green")) is Verdict.FAILED, "another's"


def test_a_lost_instance_is_excused_only_with_the_one_that_it_was_sent_to_next() -> None:
    court = Court()
    court.story.instances.append(InstanceFault(4, gone_s=10.2, dead_s=10.3, deployment="blue"))
    assert court.verdict(error(424, 10.5)) is Verdict.FAILED
    court.story.instances.append(InstanceFault(5, gone_s=10.4, dead_s=10.4, deployment="blue"))
    assert court.verdict(error(424, 10.5)) is Verdict.INSTANCES_KILLED


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_no_other_status_is_ever_excused(status: int) -> None:
    court = Court()
    kill_worker(court.story, 10.4)
    stop_worker(court.story)
    stop_instance(court.story)
    assert court.verdict(error(status, 15.1)) is Verdict.FAILED


def test_every_request_is_counted_once_and_one_without_an_end_is_missed() -> None:
    court = Court()
    audit = Audit(court.judge, court.story)
    for number in range(3):
        audit.on_sent(ASKED._replace(number=number))
    audit.on_ended(ASKED._replace(number=0), scored())
    audit.on_ended(ASKED._replace(number=1), broken())
    assert audit.unaccounted == 2, "what broke is judged when all its reasons are known"
    audit.settle(float("inf"))
    assert audit.counts == {Verdict.RIGHT: 1, Verdict.FAILED: 1}
    assert audit.unaccounted == 1
    with pytest.raises(KeyError):
        audit.on_ended(ASKED._replace(number=0), scored())
