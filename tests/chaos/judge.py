"""What a request's outcome is: right, excused by something that was done, or a failure.

Pure: it reads what was asked, how it ended, what may have been in force and the story, and says
one word. What is not excused by name is a failure.
"""

import json
from enum import StrEnum
from typing import NamedTuple

from tests.chaos.in_force import InForce
from tests.chaos.requests import NAMES, Asked, Ended, How, expected_digest
from tests.chaos.story import Story

TIMEOUT_S = 5.0
# So long an idle client of a worker that was replaced may still ask it for something. Later its
# connection is closed, and it can't know that before it asks.
IDLE_S = 2.0
OK, UNAUTHORIZED, REQUEST_TIMEOUT, MODEL_ERROR = 200, 401, 408, 424
# A larger body is not read to its end if the key is wrong (README.md).
UNREAD_BYTES = 64 * 1024


class Rules(NamedTuple):
    """Traffic and mirror traffic, as percents by deployment."""

    traffic: tuple[tuple[str, int], ...]
    mirror: tuple[tuple[str, int], ...] = ()


class Declared(NamedTuple):
    """What is declared of a deployment."""

    version: int
    instances: int


class Verdict(StrEnum):
    """Every way to count a request."""

    RIGHT = "right answer"
    ABANDONED = "broken off by the client"
    KEY_REPLACED = "refused, as its key was replaced"
    WORKER_KILLED = "excused: its connection's worker was killed"
    QUEUE_LOST = "excused: it waited to be accepted, and all who held its queue were killed"
    IDLE_CLOSED = "excused: a reload closed its idle connection just then"
    WORKER_STOPPED = "excused: its connection's worker stood still past its deadline"
    INSTANCE_STOPPED = "excused: an instance of its deployment stood still past its deadline"
    INSTANCES_KILLED = "excused: two instances that had it were killed"
    WRONG = "WRONG ANSWER"
    OLDER_RULES = "OLDER RULES"
    OLDER_VERSION = "OLDER VERSION"
    OLDER_KEY = "OLDER KEY"
    LOST = "LOST"
    FAILED = "AVOIDABLE FAILURE"

    @property
    def is_failure(self) -> bool:
        """Whether the run has failed by it."""
        return self in {
            Verdict.WRONG,
            Verdict.OLDER_RULES,
            Verdict.OLDER_VERSION,
            Verdict.OLDER_KEY,
            Verdict.LOST,
            Verdict.FAILED,
        }

    @property
    def is_excused(self) -> bool:
        """Whether something that was done is the reason."""
        return self.startswith("excused")


class Scored(NamedTuple):
    """What the scoring script said of itself."""

    name: str
    version: int
    pid: int


class Judge:
    """Judges by what may have been in force, and by what was done."""

    def __init__(
        self,
        story: Story,
        rules: InForce[Rules],
        keys: InForce[str],
        declared: dict[str, InForce[Declared]],
    ) -> None:
        self._keys = keys
        self._story = story
        self._rules = rules
        self._declared = declared

    def judge(self, asked: Asked, ended: Ended, scored: Scored | None) -> Verdict:
        """The verdict on one request; to be asked when what was done meanwhile is written down.

        Args:
            scored: what ``read_answer`` makes of it.
        """
        match ended.how:
            case How.ABANDONED:
                return Verdict.ABANDONED
            case How.UNANSWERED:
                return Verdict.LOST
            case How.REFUSED:
                # A worker was always there.
                return Verdict.FAILED
            case How.ANSWERED if ended.status == OK:
                return self._judge_answer(asked, ended, scored)
            case How.ANSWERED:
                return self._judge_error(asked, ended)
            case _:
                return self._judge_break(asked, ended)

    def _judge_answer(self, asked: Asked, ended: Ended, scored: Scored | None) -> Verdict:
        if scored is None:
            return Verdict.WRONG
        if asked.key not in self._keys.possible(asked.sent_s, ended.ended_s):
            return Verdict.OLDER_KEY
        if scored.name not in self._allowed(asked, ended):
            return Verdict.OLDER_RULES if asked.pinned is None else Verdict.WRONG
        declared = self._declared[scored.name].possible(asked.sent_s, ended.ended_s)
        if scored.version not in {one.version for one in declared}:
            return Verdict.OLDER_VERSION
        return Verdict.RIGHT

    def _judge_error(self, asked: Asked, ended: Ended) -> Verdict:
        span = asked.sent_s, ended.ended_s
        if ended.status == UNAUTHORIZED and self._may_be_replaced(asked, ended):
            return Verdict.KEY_REPLACED
        if ended.deployment not in self._allowed(asked, ended):
            return Verdict.FAILED
        if ended.status == REQUEST_TIMEOUT and ended.ended_s - asked.sent_s >= TIMEOUT_S:
            if self._story.stopped_worker(ended.over, *span):
                return Verdict.WORKER_STOPPED
            if self._story.stopped_instance(ended.deployment, *span):
                return Verdict.INSTANCE_STOPPED
        killed = self._story.killed_instances(ended.deployment, *span)
        if ended.status == MODEL_ERROR and killed > 1:
            return Verdict.INSTANCES_KILLED
        return Verdict.FAILED

    def _judge_break(self, asked: Asked, ended: Ended) -> Verdict:
        if self._story.lost_worker(ended.over, asked.sent_s, ended.ended_s):
            return Verdict.WORKER_KILLED
        if self._story.lost_queue(ended.over, asked.sent_s, ended.ended_s):
            return Verdict.QUEUE_LOST
        is_idle = ended.over.idle_s >= IDLE_S
        if is_idle and self._story.reloading(asked.sent_s, ended.ended_s):
            return Verdict.IDLE_CLOSED
        if len(asked.body) > UNREAD_BYTES and self._may_be_replaced(asked, ended):
            return Verdict.KEY_REPLACED
        return Verdict.FAILED

    def _may_be_replaced(self, asked: Asked, ended: Ended) -> bool:
        """Whether another key than its own may have been in force meanwhile."""
        return set(self._keys.possible(asked.sent_s, ended.ended_s)) != {asked.key}

    def _allowed(self, asked: Asked, ended: Ended) -> set[str]:
        """Who may have answered it, by the rules that may have been in force meanwhile."""
        if asked.pinned is not None:
            return {asked.pinned}
        rules = self._rules.possible(asked.sent_s, ended.ended_s)
        return {name for one in rules for name, percent in one.traffic if percent}


def read_answer(asked: Asked, ended: Ended) -> Scored | None:
    """Who scored it; None if it is not the answer to this request, whole and from whom it says."""
    if ended.status != OK:
        return None
    try:
        said = json.loads(ended.body)
        scored = Scored(said["name"], said["version"], said["pid"])
    except (ValueError, KeyError, TypeError):
        return None
    right = (
        scored.name in NAMES
        and scored.name == ended.deployment
        and said["digest"] == expected_digest(asked, scored.name, scored.version)
    )
    return scored if right else None
