"""Processor cores that everything simulated on one machine shares, and the threads on them.

The operating system's own slices are longer than anything here takes, so that turns are not cut.
"""

from collections import deque
from typing import Any

from sim.clock import Action, After, Clock


class Cores:
    """Some cores, and who waits for one, the first of them first."""

    def __init__(self, count: int, clock: Clock) -> None:
        self._free = count
        self._clock = clock
        self._waiting: deque[tuple[int, Action, Any]] = deque()

    def work(self, work_ns: int, action: Action, argument: object) -> None:
        """Has ``action(argument)`` called after so much time on a core."""
        if self._free:
            self._free -= 1
            self._clock.after(work_ns, self._end, (action, argument))
        else:
            self._waiting.append((work_ns, action, argument))

    def _end(self, ended: tuple[Action, Any]) -> None:
        if self._waiting:
            work_ns, *then = self._waiting.popleft()
            self._clock.after(work_ns, self._end, tuple(then))
        else:
            self._free += 1
        action, argument = ended
        action(argument)


class Thread:
    """What does one thing at a time, in the order of asking, as an event loop does.

    Args:
        work: has it done, where there is a core for it.
    """

    def __init__(self, work: After) -> None:
        self._work = work
        self._busy = False
        self._waiting: deque[tuple[int, Action, Any]] = deque()

    def work(self, work_ns: int, action: Action, argument: object) -> None:
        """Has ``action(argument)`` called when it has come to this and has worked so long."""
        self._waiting.append((work_ns, action, argument))
        if not self._busy:
            self._begin_next()

    def _begin_next(self) -> None:
        self._busy = bool(self._waiting)
        if self._waiting:
            work_ns, *then = self._waiting.popleft()
            self._work(work_ns, self._end, tuple(then))

    def _end(self, ended: tuple[Action, Any]) -> None:
        self._begin_next()
        action, argument = ended
        action(argument)
