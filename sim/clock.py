"""Virtual time: what is due happens in its order, and nothing takes any time by itself."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Action = Callable[[Any], None]
# Has an action called with its argument after so many ns.
After = Callable[[int, Action, object], None]
NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Stuck(Exception):
    """Too much happens in one virtual second: something spins, and time does not pass."""


class Clock:
    """A queue of actions, each with its time.

    What is due at the same instant happens in the order in which it was asked for.

    Args:
        actions_per_s_max: how many actions one virtual second may hold.

    Attributes:
        now_ns: the present instant, from 1 on: 0 is before anything.
    """

    def __init__(self, actions_per_s_max: int) -> None:
        self.now_ns = 1
        self._actions_per_s_max = actions_per_s_max
        self._left = actions_per_s_max
        self._second_ends_ns = NS_PER_S
        self._asked = 0
        self._due: list[tuple[int, int, Action, Any]] = []
        self._soon: list[tuple[Action, Any]] = []

    def at(self, due_ns: int, action: Action, argument: object = None) -> None:
        """Has ``action(argument)`` called at this instant; not in the past."""
        self._asked += 1
        heappush(self._due, (due_ns, self._asked, action, argument))

    def after(self, wait_ns: int, action: Action, argument: object = None) -> None:
        """Has ``action(argument)`` called so long from now."""
        self._asked += 1
        heappush(self._due, (self.now_ns + wait_ns, self._asked, action, argument))

    def soon(self, action: Action, argument: object = None) -> None:
        """Has ``action(argument)`` called when the present action has returned."""
        self._soon.append((action, argument))

    def run(self, end_ns: int) -> None:
        """Lets time pass until ``end_ns``.

        Raises:
            Stuck: it does not pass.
        """
        due, soon, left = self._due, self._soon, self._left
        while due and due[0][0] <= end_ns:
            self.now_ns, _, action, argument = heappop(due)
            if self.now_ns >= self._second_ends_ns:
                self._second_ends_ns = self.now_ns + NS_PER_S
                left = self._actions_per_s_max
            left -= 1
            action(argument)
            while soon and left:
                left -= 1
                action, argument = soon.pop(0)
                action(argument)
            if not left:
                raise Stuck(
                    f"time does not pass: {self._actions_per_s_max:,} actions within a second, "
                    f"at {self.now_ns} ns, the last of them {action.__qualname__}"
                )
        self._left = left
        self.now_ns = max(self.now_ns, end_ns)
