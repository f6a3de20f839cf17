"""What came of a rollout: of each step who answered what, and assertions about it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tabulate import tabulate

from router.testing.answers import Answers, Reply
from router.testing.control import Rules
from router.testing.counters import BLOCK

SHOWN = 5
COLUMNS = ("step", "during", "failed", "after", "answered by", "copies", "failed", "p50", "p99")


@dataclass
class Step:
    """What came of one step.

    Attributes:
        name: its own, or its words: ``traffic: blue=90 green=10``.
        during: what was sent while it was carried out.
        after: the live requests once it was in force, from the begin of a block of 100.
        copies: of those, by the deployment that they were mirrored to.
        rules: traffic and mirror_traffic in force.
        unmet: what its ``expect`` says and does not hold.
    """

    name: str
    during: Answers
    after: Answers
    copies: Mapping[str, int]
    rules: Rules
    unmet: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[Reply]:
        """Requests that got anything but a 200, during the step or after it."""
        return self.during.failed + self.after.failed

    @property
    def unaligned(self) -> int:
        """How many schedules are within a block when ``after`` begins: 1 or none.

        Two that both choose need not begin a block together: one of them is exact, the other
        off by less than one request (invariant 3).
        """
        live = [percent for percent in self.rules.traffic.values() if percent]
        return int(len(live) > 1 and any(self.rules.mirror_traffic.values()))

    def inexact(self) -> list[str]:
        """Every deployment whose share of ``after``, or of its copies, is not that of the rules."""
        slack = self.unaligned
        return [
            *_differences("answers by", self.rules.traffic, self.after.shares, self.after, slack),
            *_differences("copies to", self.rules.mirror_traffic, self.copies, self.after, slack),
        ]


@dataclass
class Rollout:
    """What came of all steps, in their order. ``rollout[NAME]`` is one; str() is a table."""

    steps: list[Step] = field(default_factory=list)

    def __getitem__(self, name: str) -> Step:
        for step in self.steps:
            if step.name == name:
                return step
        known = ", ".join(repr(step.name) for step in self.steps)
        raise KeyError(f"expected one of the steps {known}, got {name!r}")

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    @property
    def sent(self) -> int:
        """How many requests were sent in all."""
        return sum(step.during.sent + step.after.sent for step in self.steps)

    @property
    def failed(self) -> list[Reply]:
        """Requests that got anything but a 200, in all."""
        return [reply for step in self.steps for reply in step.failed]

    @property
    def shares(self) -> Counter[str]:
        """Deployment to how many it answered, in all."""
        return sum(
            (part.shares for step in self.steps for part in (step.during, step.after)), Counter()
        )

    def assert_none_failed(self) -> None:
        """Every request got a 200, also while steps were carried out."""
        __tracebackhide__ = True
        self._assert_none(
            [f"{s.name}: a request failed: {r}" for s in self.steps for r in s.failed]
        )

    def assert_exact(self) -> None:
        """After each step the shares and copies are exactly those of the rules in force."""
        __tracebackhide__ = True
        self._assert_none([f"{s.name}: {what}" for s in self.steps for what in s.inexact()])

    def assert_expected(self) -> None:
        """What the plan expects of each step holds. ``roll_out`` sees to it itself."""
        __tracebackhide__ = True
        self._assert_none([f"{s.name}: {what}" for s in self.steps for what in s.unmet])

    def _assert_none(self, problems: list[str]) -> None:
        __tracebackhide__ = True
        if problems:
            more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
            raise AssertionError("\n".join([*problems[:SHOWN], *more, "", str(self)]))

    def __str__(self) -> str:
        return tabulate([_row(step) for step in self.steps], COLUMNS, disable_numparse=True)


def _row(step: Step) -> list[str]:
    return [
        step.name,
        str(step.during.sent),
        str(len(step.during.failed)),
        str(step.after.sent),
        _shown(step.after.shares),
        _shown(step.copies),
        str(len(step.after.failed)),
        f"{step.after.percentile_ms(50):.1f} ms",
        f"{step.after.percentile_ms(99):.1f} ms",
    ]


def _differences(
    what: str, percents: Mapping[str, int], got: Mapping[str, int], of: Answers, slack: int
) -> list[str]:
    wanted = {name: of.sent * percent // BLOCK for name, percent in percents.items()}
    return [
        f"expected {wanted.get(name, 0)} {what} {name} of {of.sent}, got {got.get(name, 0)}"
        for name in sorted({*wanted, *got})
        if abs(wanted.get(name, 0) - got.get(name, 0)) > slack
    ]


def _shown(counts: Mapping[str, int]) -> str:
    return " ".join(f"{name}={count}" for name, count in sorted(counts.items()))
