"""What a client may see of something that changes: the value in force, or one being put there.

A change is in doubt from the moment it is asked for. It ends when it is acknowledged - from
then on nothing older may show - or when the truth is read from a control plane that was
started after it.
"""

from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")


class _Change(NamedTuple, Generic[Value]):
    value: Value
    begun_s: float


class InForce(Generic[Value]):
    """One changing value. Its changes come one after the other, in order of time."""

    def __init__(self, value: Value, at_s: float) -> None:
        self._changes = [_Change(value, at_s)]
        # When each change was known to be in force; None in between: it was never known to be.
        self._known_s: list[float | None] = [at_s]

    @property
    def newest(self) -> Value:
        """What was asked for last."""
        return self._changes[-1].value

    @property
    def is_known(self) -> bool:
        """Whether what was asked for last is in force."""
        return self._known_s[-1] is not None

    @property
    def known(self) -> list[Value]:
        """What is in force for all that is known, behind all that was before it."""
        known = [number for number, known_s in enumerate(self._known_s) if known_s is not None]
        return [change.value for change in self._changes[: known[-1] + 1]]

    def begin(self, value: Value, at_s: float) -> None:
        """It is about to be asked for."""
        self._changes.append(_Change(value, at_s))
        self._known_s.append(None)

    def acknowledge(self, at_s: float) -> None:
        """The last change has been acknowledged."""
        self._known_s[-1] = at_s

    def observe(self, value: Value, at_s: float) -> bool:
        """The control plane was asked, and said this; returns whether it may be so."""
        possible = value in self.possible(at_s, at_s)
        if not (self._changes[-1].value == value and self._known_s[-1] is not None):
            self.begin(value, at_s)
            self.acknowledge(at_s)
        return possible

    def possible(self, from_s: float, to_s: float) -> list[Value]:
        """What may have been in force at some moment from ``from_s`` to ``to_s``."""
        first = 0
        for number in range(len(self._changes) - 1, -1, -1):
            known_s = self._known_s[number]
            if known_s is not None and known_s <= from_s:
                first = number
                break
        return [change.value for change in self._changes[first:] if change.begun_s <= to_s]
