"""Who of those that share a file lives: each locks a byte of it until it dies.

The locks are the kernel's, which gives them up for a process however it ends. They belong to
the open file, not to the process, so that one process may have several lives (fcntl_locking(2),
"Open file description locks").
"""

import fcntl
import os
import struct
from pathlib import Path

# struct flock: type, whence, start, length, pid (0 for these locks).
_FLOCK = struct.Struct("@hhqqi4x")


class Lives:
    """One life among those of a file, until it is closed.

    Args:
        path: of a file that is there.
        begin: where the bytes that are locked begin; it need not reach that far.
        own: this life's number, from 0.

    Raises:
        BlockingIOError: another of this number lives.
    """

    def __init__(self, path: Path, begin: int, own: int) -> None:
        self._begin = begin
        # Opened by itself: a lock is held as long as anything, as a map, has its file open.
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, self._lock(own))
        except OSError:
            os.close(self._fd)
            raise

    def have(self, number: int) -> bool:
        """Whether another of this number lives; the own is never said to."""
        found = fcntl.fcntl(self._fd, fcntl.F_OFD_GETLK, self._lock(number))
        kind: int = _FLOCK.unpack(found)[0]
        return kind != fcntl.F_UNLCK

    def close(self) -> None:
        """Ends this life."""
        os.close(self._fd)

    def _lock(self, number: int) -> bytes:
        return _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, self._begin + number, 1, 0)
