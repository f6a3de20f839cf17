"""The books of a run: each request that is sent is closed once, and counted under one verdict."""

from collections import Counter, deque
from dataclasses import dataclass, field

from tests.chaos.judge import Judge, Scored, Verdict, read_answer
from tests.chaos.requests import NAMES, Asked, Ended
from tests.chaos.story import SLACK_S, Story


@dataclass
class Audit:
    """All requests of a run.

    Attributes:
        counts: how many requests came to each verdict.
        failed: those that are failures, with their verdict.
        seen_s: when each instance answered last, by deployment and process id.
        slowest_s: the longest that a right answer took.
    """

    judge: Judge
    story: Story
    counts: Counter[Verdict] = field(default_factory=Counter)
    failed: list[tuple[Verdict, Asked, Ended]] = field(default_factory=list)
    seen_s: dict[str, dict[int, float]] = field(default_factory=lambda: {n: {} for n in NAMES})
    slowest_s: float = 0.0
    sent: int = 0
    _open: dict[int, Asked] = field(default_factory=dict)
    _undecided: deque[tuple[Asked, Ended]] = field(default_factory=deque)

    def on_sent(self, asked: Asked) -> None:
        """It is about to be sent."""
        assert asked.number not in self._open, "two requests with one number"
        self._open[asked.number] = asked
        self.sent += 1

    def on_ended(self, asked: Asked, ended: Ended) -> None:
        """It has ended. An answer is judged now; the rest when its reasons are known."""
        del self._open[asked.number]
        scored = read_answer(asked, ended)
        if scored is None:
            self._undecided.append((asked, ended))
        else:
            self._count(asked, ended, scored)
            self.seen_s[scored.name][scored.pid] = ended.ended_s
            self.slowest_s = max(self.slowest_s, ended.ended_s - asked.sent_s)
        self.settle(ended.ended_s - SLACK_S)

    def settle(self, before_s: float) -> None:
        """Judges what has ended before that time."""
        while self._undecided and self._undecided[0][1].ended_s < before_s:
            asked, ended = self._undecided.popleft()
            self._count(asked, ended, None)

    @property
    def unaccounted(self) -> int:
        """Requests that were sent and are under no verdict; at the end there must be none."""
        return self.sent - self.counts.total()

    def _count(self, asked: Asked, ended: Ended, scored: Scored | None) -> None:
        verdict = self.judge.judge(asked, ended, scored)
        self.counts[verdict] += 1
        if verdict.is_failure:
            self.failed.append((verdict, asked, ended))
        elif verdict.is_excused:
            self.story.note(ended.ended_s, f"request {asked.number} {verdict}")
