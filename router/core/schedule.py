"""Exact weighted schedules (invariants 3 and 4): who gets the next request.

A schedule deals in blocks of 100. Within a block each share gets exactly its percent,
and at every moment inside it the count of a share is off its ideal by less than 1 (two
shares) or k - 1 (k shares). Within that bound the order is random, so that a client with
a rhythm of its own is neither starved of a share nor stuck to one.

The same class serves live traffic (one share a deployment) and mirroring (copy or not).
"""

from collections.abc import Callable, Sequence

BLOCK = 100


class Schedule:
    """Deals shares 0 .. k-1, each exactly its percent of every aligned block of 100.

    Args:
        percents: one whole number above 0 a share; they sum to 100.
        random: returns floats in [0, 1); called only when a block is drawn.
    """

    __slots__ = ("_block", "_block_start", "_next", "_percents", "_random")

    def __init__(self, percents: Sequence[int], random: Callable[[], float]) -> None:
        assert sum(percents) == BLOCK, percents
        assert all(percent > 0 for percent in percents), percents
        self._percents = tuple(percents)
        self._random = random
        self._block: list[int] = []
        # As if a block before the first were used up: the first pick draws.
        self._block_start = -BLOCK
        self._next = BLOCK

    @property
    def dealt(self) -> int:
        """How many picks this schedule has made."""
        return self._block_start + self._next

    def pick(self) -> int:
        """The share of the next request. Takes no lock, awaits nothing, O(1) but every 100th."""
        position = self._next
        if position == BLOCK:
            self._block = draw_block(self._percents, self._random)
            self._block_start += BLOCK
            position = 0
        self._next = position + 1
        return self._block[position]


def draw_block(percents: Sequence[int], random: Callable[[], float]) -> list[int]:
    """One block: for each of 100 slots, the share that gets it.

    Shares are split off one after the other: the first takes its slots out of all, the
    second out of those that are left, and so on; the last gets the rest. Each split is
    off by less than 1, and an error in what is left reaches a later share only in
    proportion, hence k - 1 for k shares.
    """
    last = len(percents) - 1
    block = [last] * BLOCK
    free = list(range(BLOCK))
    for share, percent in enumerate(percents[:last]):
        taken = set(draw_slots(len(free), percent, random))
        for index in taken:
            block[free[index]] = share
        free = [slot for index, slot in enumerate(free) if index not in taken]
    return block


def draw_slots(slots: int, take: int, random: Callable[[], float]) -> list[int]:
    """Which ``take`` of ``slots`` slots are taken: one in each of ``take`` equal strata.

    Stratum i is the interval [i * slots / take, (i + 1) * slots / take). When i slots are
    taken, the ideal count lies between i and i + 1 exactly while that interval lasts:
    that is why one draw in each keeps the count within 1 of the ideal after any slot.
    """
    if 2 * take > slots:
        # Strata narrower than two slots could leave a stratum without a free slot, so
        # draw the smaller part instead; its error is the complement's.
        left_out = set(draw_slots(slots, slots - take, random))
        return [slot for slot in range(slots) if slot not in left_out]
    taken: list[int] = []
    for stratum in range(take):
        slot = _draw(stratum, slots, take, random)
        # Two strata share the slot that their border cuts; it can be taken once. A
        # stratum is at least two slots wide, so another draw soon finds another slot.
        while taken and slot == taken[-1]:
            slot = _draw(stratum, slots, take, random)
        taken.append(slot)
    return taken


def _draw(stratum: int, slots: int, take: int, random: Callable[[], float]) -> int:
    # min: the sum may round up to the stratum's end, which is the next one's begin.
    end = -(-(stratum + 1) * slots // take)
    return min(int((stratum + random()) * slots / take), end - 1)
