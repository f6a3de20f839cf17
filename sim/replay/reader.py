"""Reads a journal's events one by one, and remembers where it is."""

from collections import deque
from collections.abc import Iterator

from router.core.journal.events import Event

RECENT_MAX = 50


class JournalEnds(Exception):
    """There is no further event; the worker was ended in the middle of something."""


class Reader:
    """Events in their order.

    Attributes:
        read: how many there were so far.
        recent: the last of them.
    """

    def __init__(self, events: Iterator[Event]) -> None:
        self.read = 0
        self.recent: deque[Event] = deque(maxlen=RECENT_MAX)
        self._events = events
        self._next = next(events, None)

    @property
    def next(self) -> Event | None:
        """The event that ``take`` will give; None at the end."""
        return self._next

    def take(self) -> Event:
        """The next event.

        Raises:
            JournalEnds: there is none.
        """
        event = self._next
        if event is None:
            raise JournalEnds
        self._next = next(self._events, None)
        self.read += 1
        self.recent.append(event)
        return event
