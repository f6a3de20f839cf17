"""Writes to a client as fast as its endpoint's quota lets, in pieces.

How fast that is, the core says; what is written, connection.py.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from router.core.quota import Quota
from router.data_plane.alarm import Alarm
from router.data_plane.engine import now_ns


class Held(Protocol):
    """What may be held up.

    Attributes:
        delay_ns: how long it was.
    """

    delay_ns: int


class PacedWriter:
    """The writing side of one connection.

    Args:
        on_written: called when what had to wait is written.
    """

    __slots__ = ("_alarm", "_held", "_left", "_on_written", "_quota", "_transport")

    def __init__(self, transport: asyncio.Transport, on_written: Callable[[], None]) -> None:
        self._transport = transport
        self._on_written = on_written
        self._alarm = Alarm(self._on_time)
        self._left = memoryview(b"")
        self._quota: Quota | None = None
        self._held: Held | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be written."""
        return self._alarm.is_set

    def write(self, data: bytes, quota: Quota | None, held: Held | None = None) -> None:
        """Writes, now or by and by; not to be called while it is busy.

        Args:
            quota: whose bytes these are; None if nobody's.
            held: is told how long it was held up.
        """
        assert not self._alarm.is_set
        self._held = held
        if quota is None or quota.throttle is None:
            if quota is not None:
                quota.response_bytes += len(data)
            self._transport.write(data)
        elif len(data) <= quota.throttle.piece and not (
            wait_ns := quota.charge_response(len(data), now := now_ns())
        ):
            self._transport.write(data)
        else:
            self._left = memoryview(data)
            self._quota = quota
            if len(data) <= quota.throttle.piece:
                self._wait(now, wait_ns)
            elif self._pass_on():
                # Who called goes on by itself.
                self._left = memoryview(b"")

    def close(self) -> None:
        """Forgets what is not written."""
        self._alarm.cancel()
        self._left = memoryview(b"")

    def _pass_on(self) -> bool:
        """Writes pieces until one has to wait; tells whether all are written."""
        quota = self._quota
        assert quota is not None
        while self._left:
            now = now_ns()
            if wait_ns := quota.charge_response(len(self._next_piece()), now):
                self._wait(now, wait_ns)
                return False
            self._write_piece()
        return True

    def _wait(self, now: int, wait_ns: int) -> None:
        assert self._quota is not None
        if self._held is not None:
            self._held.delay_ns += wait_ns
        self._quota.note_response_delay(wait_ns)
        self._alarm.set(now + wait_ns)

    def _on_time(self) -> None:
        self._write_piece()
        if self._pass_on():
            self._on_written()

    def _next_piece(self) -> memoryview:
        assert self._quota is not None
        assert self._quota.throttle is not None
        return self._left[: self._quota.throttle.piece]

    def _write_piece(self) -> None:
        piece = self._next_piece()
        # A copy: the transport may keep it longer than this.
        self._transport.write(bytes(piece))
        self._left = self._left[len(piece) :]
