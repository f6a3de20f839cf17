"""The tape: takes events in their order and gives them away in chunks.

It knows whether the core is at work or its shell: what the core calls of itself is no event,
what a shell calls while it does something for the core is one.
"""

from collections.abc import Callable
from typing import Self

from router.core.journal.events import Done, Ended, Entered, Event, Learnt, Result, encode_chunk
from router.core.lane import Lane

CHUNK_EVENTS = 1024


class Tape:
    """Where one dispatcher's events are written.

    Args:
        write: takes a chunk of the journal's file.

    Attributes:
        in_core: a call of the core has begun, and what it has the shell do has ended.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.in_core = False
        self._write = write
        self._events: list[Event] = []
        self._lanes: dict[Lane, int] = {}

    def put(self, event: Event) -> None:
        """Writes an event that is neither a call of the core nor done by it."""
        self._events.append(event)
        if len(self._events) >= CHUNK_EVENTS:
            self.flush()

    def enter(self, event: Entered) -> "Entering":
        """A call of the core: the block is it."""
        assert not self.in_core, event
        self.put(event)
        return Entering(self)

    def leave(self, event: Done) -> "Leaving":
        """The core has its shell do something: the block is that."""
        assert self.in_core, event
        self.put(event)
        return Leaving(self)

    def learn(self, event: Learnt) -> None:
        """The core asked something and was told."""
        if self.in_core:
            self.put(event)

    def number(self, lane: Lane) -> int:
        """The lane's, from 0 in the order in which they are named."""
        return self._lanes.setdefault(lane, len(self._lanes))

    def flush(self) -> None:
        """Gives away what has gathered."""
        if self._events:
            self._write(encode_chunk(self._events))
            self._events = []

    def end(self, result: Result) -> None:
        """For Entering: the call has returned."""
        self.put(Ended(result))


class Entering:
    """A call of the core that goes on.

    Attributes:
        result: what it returned, as far as it is a decision.
    """

    __slots__ = ("_tape", "result")

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.result: Result = ()

    def __enter__(self) -> Self:
        self._tape.in_core = True
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._tape.in_core = False
        self._tape.end(self.result if kind is None else ("raised", kind.__name__))


class Leaving:
    """Something that the shell does for the core."""

    __slots__ = ("_tape",)

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def __enter__(self) -> None:
        self._tape.in_core = False

    def __exit__(self, *_: object) -> None:
        self._tape.in_core = True
