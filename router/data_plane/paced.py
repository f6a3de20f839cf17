"""Writes to a client as fast as its endpoint's quota lets, in pieces.

How fast that is, the core says; what is written, connection.py.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from router.core.quota import Quota
from router.core.throttle import PIECE_BYTES
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

    Attributes:
        is_busy: something waits to be written.
    """

    __slots__ = ("_alarm", "_held", "_left", "_on_written", "_quota", "_transport", "is_busy")

    def __init__(self, transport: asyncio.Transport, on_written: Callable[[], None]) -> None:
        self._transport = transport
        self._on_written = on_written
        self._alarm = Alarm(self._on_time)
        self.is_busy = False
        self._left = memoryview(b"")
        self._quota: Quota | None = None
        self._held: Held | None = None

    def write(self, data: bytes, quota: Quota | None, held: Held | None = None) -> None:
        """Writes, now or by and by; not to be called while it is busy.

        Args:
            quota: whose bytes these are; None if nobody's.
            held: is told how long it was held up.
        """
        count_bytes = len(data)
        if quota is None:
            self._transport.write(data)
        elif (throttle := quota.throttle) is None:
            quota.response_bytes += count_bytes
            self._transport.write(data)
        elif count_bytes > throttle.piece:
            self._begin(data, quota, held)
            self._pass_on()
        else:
            quota.response_bytes += count_bytes
            now, charge = now_ns(), throttle.charge
            if wait_ns := charge(count_bytes, now):
                self._begin(data, quota, held)
                self._wait(now, wait_ns)
            else:
                self._transport.write(data)

    def close(self) -> None:
        """Forgets what is not written."""
        self._alarm.cancel()
        self._left = memoryview(b"")
        self.is_busy = False

    def _begin(self, data: bytes, quota: Quota, held: Held | None) -> None:
        self._left = memoryview(data)
        self._quota = quota
        self._held = held

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
        self.is_busy = True
        self._alarm.set(now + wait_ns)

    def _on_time(self) -> None:
        self.is_busy = False
        self._write_piece()
        if self._pass_on():
            self._on_written()

    def _next_piece(self) -> memoryview:
        assert self._quota is not None
        throttle = self._quota.throttle
        # None if the limit was lifted meanwhile.
        return self._left[: PIECE_BYTES if throttle is None else throttle.piece]

    def _write_piece(self) -> None:
        piece = self._next_piece()
        # A copy: the transport may keep it longer than this.
        self._transport.write(bytes(piece))
        self._left = self._left[len(piece) :]
