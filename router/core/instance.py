"""One instance as a worker sees it: what it was given, and how much more it may be given.

What it is given, and when, is dispatcher.py's; the limits follow from window.py.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from router.core.window import WORK_NS, Window

if TYPE_CHECKING:
    from router.core.lane import Lane


class Instance:
    """A connected (or once connected) instance, as this worker sees it.

    Attributes:
        outstanding: requests it was given and has not answered, expired ones among them.
        large: numbers of those that have a large body.
        expired: the deadlines of those that were answered in its place meanwhile, by their
            numbers.
        removed: not in the routing any more; it finishes what it has.
    """

    __slots__ = (
        "_begun_ns",
        "_heard_ns",
        "expired",
        "id",
        "lane",
        "large",
        "outstanding",
        "removed",
        "window",
    )

    def __init__(self, id_: str, lane: "Lane", parallel_runs: int, limit_max: int) -> None:
        self.id = id_
        self.lane = lane
        self.window = Window(parallel_runs, limit_max)
        self.outstanding = 0
        self.large: set[int] = set()
        self.expired: dict[int, int] = {}
        self.removed = False
        # When it last answered something whole.
        self._heard_ns = 0
        # When each of its runs is taken to have begun, the oldest first; none while it gathers.
        self._begun_ns: list[int] = []

    def room(self, now_ns: int) -> int:
        """How many more requests it may be given now."""
        limit = self.window.limit
        if not self.window.gathers:
            if self.outstanding < limit:
                return limit - self.outstanding
            due_ns = self.ahead_due_ns
            return 1 if due_ns is not None and due_ns <= now_ns else 0
        # A large one is long on its way, which says nothing of the others.
        small = self.outstanding - len(self.large)
        free = max(self.window.limit_max - self.outstanding, 0)
        room = min(limit - small, free)
        if small and not self._may_refill(small, min(room, len(self.lane.queue)), now_ns):
            # A slow one among fast ones must not leave the instance's other places idle.
            room = min(self.window.parallel_runs - small, free)
        return max(room, 0)

    def on_ended(self, numbers: Sequence[int], now_ns: int) -> None:
        """It has room for others instead of these requests."""
        self.outstanding -= len(numbers)
        self.lane.outstanding -= len(numbers)
        if self.large:
            self.large.difference_update(numbers)
        self.follow_runs(len(numbers), now_ns)

    def overdue_ns(self, now_ns: int) -> int:
        """How long ago the oldest deadline passed of what it still owes an answer; 0 if none."""
        return now_ns - min(self.expired.values()) if self.expired else 0

    @property
    def ahead_due_ns(self) -> int | None:
        """When it may be given a request ahead of its next answer; None if not at all."""
        ahead_ns, parallel_runs = self.window.ahead_ns, self.window.parallel_runs
        if ahead_ns is None or not self.outstanding == parallel_runs == len(self._begun_ns):
            return None
        return self._begun_ns[0] + ahead_ns

    def follow_runs(self, ended: int, now_ns: int) -> None:
        """Keeps the times at which runs began and ended, after so many ended or some were sent."""
        if ended:
            self._heard_ns = now_ns
        begun_ns, window = self._begun_ns, self.window
        if window.gathers:
            begun_ns.clear()
            return
        # Which one ended is not asked: equal runs end in their order.
        del begun_ns[:ended]
        begun = min(self.outstanding, window.parallel_runs) - len(begun_ns)
        begun_ns.extend([now_ns] * begun)

    def _may_refill(self, small: int, more: int, now_ns: int) -> bool:
        """Whether it may get so many more behind the small ones that it has.

        Not if it has been silent, or owes what is overdue: what runs may run for long.
        """
        is_silent = now_ns - self._heard_ns > WORK_NS
        return not is_silent and not self.expired and self.window.may_refill(small, more)
