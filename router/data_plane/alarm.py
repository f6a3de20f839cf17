"""Wakes somebody at a time, never before it.

The loop's own timers count milliseconds from when its turn began, and so may be early.
"""

import asyncio
from collections.abc import Callable

from router.data_plane.engine import now_ns

NS_PER_S = 1_000_000_000


class Alarm:
    """One wake-up at a time.

    Args:
        ring: what is called.
    """

    __slots__ = ("_due_ns", "_handle", "_ring")

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._due_ns = 0
        self._handle: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Whether it has still to ring."""
        return self._handle is not None

    def set(self, due_ns: int) -> None:
        """Rings at ``due_ns`` of ``now_ns``'s clock, or at most two milliseconds later."""
        assert self._handle is None
        self._due_ns = due_ns
        self._arm()

    def cancel(self) -> None:
        """Does not ring."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self) -> None:
        left_ns = self._due_ns - now_ns()
        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(max(left_ns, 0) / NS_PER_S + 0.001, self._on_time)

    def _on_time(self) -> None:
        if now_ns() < self._due_ns:
            self._arm()
            return
        self._handle = None
        self._ring()
