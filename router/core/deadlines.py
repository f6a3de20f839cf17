"""Deadlines of many requests, without a timer for each.

Numbers of requests are kept in slots of equal length; a request that is answered in time
is not looked for, but swept out with many others. The price is that a deadline is noticed
up to one slot late.
"""

from collections.abc import Container, Iterator

SLOT_NS = 10_000_000


class Deadlines:
    """Request numbers by deadline, in slots of 10 ms.

    Attributes:
        count: how many numbers are held, those of answered requests among them.
    """

    __slots__ = ("_next_slot", "_slots", "count")

    def __init__(self, now_ns: int) -> None:
        self._slots: dict[int, list[int]] = {}
        self._next_slot = now_ns // SLOT_NS
        self.count = 0

    def add(self, number: int, deadline_ns: int) -> None:
        """Notes that request ``number`` must be answered by ``deadline_ns``."""
        # One later than the deadline's own slot, so that a slot holds nothing still in time.
        slot = deadline_ns // SLOT_NS + 1
        if slot < self._next_slot:  # noqa: PLR1730 - max() costs as much as all of this
            slot = self._next_slot
        try:
            self._slots[slot].append(number)
        except KeyError:
            self._slots[slot] = [number]
        self.count += 1

    def due(self, now_ns: int) -> Iterator[int]:
        """The numbers whose deadline has passed, each once; answered ones among them."""
        now_slot = now_ns // SLOT_NS
        while self._next_slot <= now_slot:
            slot = self._next_slot
            self._next_slot += 1
            numbers = self._slots.pop(slot, [])
            self.count -= len(numbers)
            yield from numbers

    def sweep(self, unanswered: Container[int]) -> None:
        """Lets go of all numbers but these."""
        kept = {
            slot: left
            for slot, numbers in self._slots.items()
            if (left := [number for number in numbers if number in unanswered])
        }
        self._slots = kept
        self.count = sum(map(len, kept.values()))
