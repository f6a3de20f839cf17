"""How much of one streamed answer may be sent: a script must not outrun its reader."""

import threading

# What scoring.proto lets an instance send before the first grant.
INITIAL_BYTES = 262_144


class Credit:
    """Bytes that one streamed answer may still send. Spent by one thread, granted by another."""

    def __init__(self) -> None:
        self._left_bytes = INITIAL_BYTES
        self._cancelled = False
        self._changed = threading.Condition()

    def spend(self, count_bytes: int) -> bool:
        """Waits until any is left and takes ``count_bytes``, which may be more than that.

        Returns:
            False if nobody wants the rest.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._cancelled or self._left_bytes > 0)
            self._left_bytes -= count_bytes
            return not self._cancelled

    def grant(self, count_bytes: int) -> None:
        """The reader has taken so much."""
        with self._changed:
            self._left_bytes += count_bytes
            self._changed.notify()

    def cancel(self) -> None:
        """Nobody wants the rest."""
        with self._changed:
            self._cancelled = True
            self._changed.notify()
