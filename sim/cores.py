"""Processor cores that everything simulated on one machine shares, and event loops on them.

The operating system's own slices are longer than anything here takes, so that turns are not cut.
"""

from collections import deque
from heapq import heappop, heappush
from typing import Any

from sim.clock import NS_PER_MS, Action, After, Clock


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


class EventLoop:
    """A thread that does what is ready in turns: all of it, then what has become so meanwhile.

    It sleeps until something comes or a timer is due, for whole milliseconds, as Linux's epoll
    does: so that timers which are due within one of them go off together.

    Args:
        work: has something done, where there is a core for it.
    """

    def __init__(self, clock: Clock, work: After) -> None:
        self._clock = clock
        self._work = work
        self._busy = False
        self._ready: list[tuple[int, Action, Any]] = []
        self._timers: list[tuple[int, int, Action, Any]] = []
        # Of timers, to tell them apart, and of sleeps, to tell which is the present one.
        self._count = 0

    def work(self, work_ns: int, action: Action, argument: object) -> None:
        """Has ``action(argument)`` called at the end of the turn that works so long for it."""
        self._ready.append((work_ns, action, argument))
        if not self._busy:
            self._begin_turn()

    def after(self, wait_ns: int, action: Action, argument: object) -> None:
        """Has ``action(argument)`` called at the begin of a turn, when so much time has passed."""
        self._count += 1
        heappush(self._timers, (self._clock.now_ns + wait_ns, self._count, action, argument))
        if not self._busy:
            self._sleep()

    def _begin_turn(self) -> None:
        self._busy = True
        while self._timers and self._timers[0][0] <= self._clock.now_ns:
            _, _, action, argument = heappop(self._timers)
            action(argument)
        turn, self._ready = self._ready, []
        if turn:
            self._work(sum(work_ns for work_ns, _, _ in turn), self._end_turn, turn)
        else:
            self._busy = False
            self._sleep()

    def _end_turn(self, turn: list[tuple[int, Action, Any]]) -> None:
        for _, action, argument in turn:
            action(argument)
        self._begin_turn()

    def _sleep(self) -> None:
        if self._timers:
            wait_ns = max(self._timers[0][0] - self._clock.now_ns, 0)
            self._count += 1
            self._clock.after(-(-wait_ns // NS_PER_MS) * NS_PER_MS, self._wake, self._count)

    def _wake(self, count: int) -> None:
        # Not if something has come meanwhile: it sleeps anew after that.
        if not self._busy and count == self._count:
            self._begin_turn()
