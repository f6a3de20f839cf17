"""Standard output and error that never fail: a full disk loses what is printed, and no request."""

import io
import sys
from typing import Any, TextIO


class _Unfailing(io.FileIO):
    def write(self, content: Any) -> int:
        """Writes what the system takes; the rest counts as written."""
        size = memoryview(content).nbytes
        try:
            super().write(content)
        except OSError:
            # There is nowhere left to say it.
            return size
        return size


def make_unfailing() -> None:
    """Puts such streams in the place of sys.stdout and sys.stderr; nothing is buffered."""
    sys.stdout = _unfailing(sys.stdout)
    sys.stderr = _unfailing(sys.stderr)


def _unfailing(stream: TextIO) -> TextIO:
    return io.TextIOWrapper(
        # As Python makes them itself when it runs unbuffered, but for the name.
        _Unfailing(stream.fileno(), "w", closefd=False),
        encoding=stream.encoding,
        errors=stream.errors,
        write_through=True,
    )
