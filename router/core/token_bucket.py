"""The token bucket, in whole numbers: how much may pass, and when (invariant 8).

Over any time t at most ``per_s x t + burst`` passes. What the tokens are - bytes, requests -
and who is held up is not said here. A level may be kept elsewhere between two calls, where
several processes see it: then it is put in before a call and read after it.
"""

from typing import Protocol

NS_PER_S = 1_000_000_000


class Budget(Protocol):
    """A bucket, wherever its level is kept."""

    def draw(self, need: int, now_ns: int) -> int:
        """Takes ``need`` tokens, at most the burst; returns the ns until they are there.

        Who waits has its tokens promised: later calls wait behind it.
        """

    def take(self, count: int, now_ns: int) -> int:
        """Takes tokens that are there; else takes none, and returns the ns until they are."""

    def give_back(self, count: int, now_ns: int) -> None:
        """Returns tokens that were taken and not used; what no longer fits is lost."""


class TokenBucket:
    """A bucket that is full at first.

    Args:
        per_s: tokens that it gains in a second, at least 1.
        burst: tokens that it holds at most, at least 1.

    Attributes:
        credit: tokens times NS_PER_S, so that a nanosecond's gain is whole; below 0 when
            some were promised that are not there yet.
        at_ns: when that was so.
    """

    __slots__ = ("_full", "_per_s", "at_ns", "credit")

    def __init__(self, per_s: int, burst: int) -> None:
        self._per_s = per_s
        self._full = self.credit = burst * NS_PER_S
        # Full at any time before the first use.
        self.at_ns = 0

    def draw(self, need: int, now_ns: int) -> int:
        """See Budget."""
        credit = self.credit
        # Another process may have looked a moment later, and been first.
        if now_ns > self.at_ns:
            credit += self._per_s * (now_ns - self.at_ns)
            self.at_ns = now_ns
            if credit > self._full:  # noqa: PLR1730 - min() costs as much as all of this
                credit = self._full
        self.credit = credit = credit - need * NS_PER_S
        return 0 if credit >= 0 else -(credit // self._per_s)

    def take(self, count: int, now_ns: int) -> int:
        """See Budget."""
        wait_ns = self.draw(count, now_ns)
        if wait_ns:
            self.credit += count * NS_PER_S
        return wait_ns

    def give_back(self, count: int, now_ns: int) -> None:
        """See Budget."""
        self.draw(-count, now_ns)
        self.credit = min(self.credit, self._full)
