"""A worker's journal as a file: chunks are written in their order, off the event loop.

What is in it is router/core/journal/'s. A journal with a gap could not be replayed, so it
ends where it can't go on: at a full disk, at its largest size, or when the disk can't keep up.
The worker serves on.
"""

import asyncio
import contextlib
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

# Of chunks that wait for the disk.
WAITING_BYTES_MAX = 64 * 1024 * 1024

log = logging.getLogger(__name__)


def journal_path(folder: Path, worker: int) -> Path:
    """Where this process, as that worker, keeps its journal; no other has the same name."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    return folder / f"w{worker}-{now}-{os.getpid()}.journal"


class JournalFile:
    """A new journal.

    Args:
        path: made for the daemon's user alone.
        bytes_max: what the file may have at most.

    Attributes:
        has_ended: nothing is written any more.

    Raises:
        OSError: it can't be made.
    """

    def __init__(self, path: Path, bytes_max: int) -> None:
        self.has_ended = False
        self._path = path
        self._bytes_left = bytes_max
        self._file: IO[bytes] = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb")
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._writing: asyncio.Future[None] | None = None

    def write(self, chunk: bytes) -> None:
        """Takes the next chunk."""
        if self.has_ended:
            return
        self._bytes_left -= len(chunk)
        self._waiting_bytes += len(chunk)
        if self._bytes_left < 0:
            self._end("it has all the bytes that it may (data_plane.journal_max_bytes)")
        elif self._waiting_bytes > WAITING_BYTES_MAX:
            self._end("the disk is too slow for it")
        else:
            self._waiting.append(chunk)
            self._write_waiting()

    async def close(self) -> None:
        """Writes what is left."""
        while self._writing is not None:
            await asyncio.wait([self._writing])
        # What could not be written was said already, and is not to be tried again.
        with contextlib.suppress(OSError):
            self._file.close()

    def _write_waiting(self) -> None:
        """Begins to write, unless it is being written or there is nothing."""
        if self._writing is None and self._waiting:
            chunks, self._waiting, self._waiting_bytes = self._waiting, [], 0
            loop = asyncio.get_running_loop()
            self._writing = loop.run_in_executor(None, self._append, chunks)
            self._writing.add_done_callback(self._on_written)

    def _on_written(self, writing: asyncio.Future[None]) -> None:
        self._writing = None
        if (error := writing.exception()) is not None:
            self._end(str(error))
        self._write_waiting()

    def _append(self, chunks: list[bytes]) -> None:
        self._file.write(b"".join(chunks))
        self._file.flush()

    def _end(self, why: str) -> None:
        if not self.has_ended:
            self.has_ended = True
            log.error("the journal %s ends here: %s", self._path, why)
