"""How long a client is waited for: looked at once a second, never by a timer for each.

What costs a busy client nothing costs a slow one its connection: a head or a body that does
not come, an answer that is not read, a connection that is not used.
"""

import asyncio
from enum import Enum

from router.core.listener_limits import ListenerLimits
from router.data_plane.entrance import Entrance
from router.data_plane.line import Line

NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000
# Once a body has taken body_timeout_ms; a modem sends ten times as much.
BODY_BYTES_PER_S_MIN = 240


class Verdict(Enum):
    """What is to be done with a connection."""

    KEEP = "keep"
    # It has begun a request and does not go on.
    TIMED_OUT = "timed out"
    # It asks nothing.
    IDLE = "idle"


class Patience:
    """With one client.

    Args:
        now_ns: when it connected.
    """

    __slots__ = ("_idle_since_ns", "_is_new", "_limits", "_unread_bytes", "_unread_since_ns")

    def __init__(self, limits: ListenerLimits, now_ns: int) -> None:
        self._limits = limits
        self._is_new = True
        self._idle_since_ns = now_ns
        self._unread_bytes = 0
        self._unread_since_ns = now_ns

    def is_over(self, transport: asyncio.Transport, now_ns: int) -> bool:
        """Whether the client has taken nothing for too long of what it was sent.

        To be called about once a second, to the connection's end.
        """
        unread_bytes = transport.get_write_buffer_size()
        if not unread_bytes or unread_bytes != self._unread_bytes:
            self._unread_bytes = unread_bytes
            self._unread_since_ns = now_ns
            return False
        return now_ns - self._unread_since_ns > self._limits.write_timeout_ms * NS_PER_MS

    def look(self, entrance: Entrance, line: Line, now_ns: int) -> Verdict:
        """What is to be done for what the client asks, or doesn't; as often as ``is_over``."""
        if entrance.was_active or not line.is_empty or entrance.is_held:
            entrance.was_active = False
            self._is_new = False
            self._idle_since_ns = now_ns
        if entrance.is_reading:
            return self._of_unfinished(entrance, now_ns)
        if not line.is_empty or entrance.is_held:
            return Verdict.KEEP
        limits = self._limits
        patience_ms = limits.header_timeout_ms if self._is_new else limits.keep_alive_timeout_ms
        is_over = now_ns - self._idle_since_ns > patience_ms * NS_PER_MS
        return Verdict.IDLE if is_over else Verdict.KEEP

    def _of_unfinished(self, entrance: Entrance, now_ns: int) -> Verdict:
        took_ns = now_ns - entrance.began_ns
        body_bytes = entrance.body_bytes
        if body_bytes is None:
            is_over = took_ns > self._limits.header_timeout_ms * NS_PER_MS
        else:
            patience_ns = self._limits.body_timeout_ms * NS_PER_MS
            # Who sends a byte now and then makes no pause, and comes to no end either.
            due_bytes = (took_ns - patience_ns) * BODY_BYTES_PER_S_MIN // NS_PER_S
            is_over = now_ns - entrance.last_read_ns > patience_ns or body_bytes < due_bytes
        return Verdict.TIMED_OUT if is_over else Verdict.KEEP
