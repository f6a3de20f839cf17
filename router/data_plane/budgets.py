"""Buckets and counts that all workers of a daemon share: a file that each maps to memory.

An endpoint has a slot in it, found by its name. Buckets are read and written under a lock
of the slot's bytes, which the kernel gives up for a process that dies; a stopped worker
holds it for the microsecond of a draw at most. A worker's count of connections is a cell
that only it writes, and starts at 0 with it. Nothing here depends on the control plane.

Layout of a slot: the name; for each bucket its credit and time, 8 bytes each; for each
worker its count, 4 bytes.
"""

import contextlib
import fcntl
import logging
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from router.core.quota import LocalBudgets, Open
from router.core.token_bucket import Budget, TokenBucket

SLOTS = 4096
WORKERS_MAX = 64
_NAME = struct.Struct("32s")
_LEVEL = struct.Struct("=qQ")
_COUNT = struct.Struct("=I")
_BUCKETS = 3
_COUNTS_BEGIN = _NAME.size + _BUCKETS * _LEVEL.size
SLOT_BYTES = 512
assert _COUNTS_BEGIN + WORKERS_MAX * _COUNT.size <= SLOT_BYTES

log = logging.getLogger(__name__)


class SharedBudgets:
    """One worker's view of the file.

    Args:
        path: made if it is not there, for the daemon's user alone.
        worker: this worker's number, from 0.
        workers: how many there are.
    """

    def __init__(self, path: Path, worker: int, workers: int) -> None:
        assert worker < WORKERS_MAX
        self.workers = workers
        self._worker = worker
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._fd, SLOTS * SLOT_BYTES)
        self._map = mmap.mmap(self._fd, SLOTS * SLOT_BYTES)
        for slot in range(SLOTS):
            begin = slot * SLOT_BYTES
            if not self._map[begin]:
                break
            # Connections of this worker's predecessor are gone with it.
            self._set_count(begin, 0)

    def bucket(self, endpoint: str, kind: int, per_s: int, burst: int) -> Budget:
        """See Budgets."""
        begin = self._slot(endpoint)
        if begin is None:
            return LocalBudgets().bucket(endpoint, kind, per_s, burst)
        return _SharedBucket(self, begin + _NAME.size + kind * _LEVEL.size, per_s, burst)

    def open_connections(self, endpoint: str) -> Open:
        """See Budgets."""
        begin = self._slot(endpoint)
        if begin is None:
            return LocalBudgets().open_connections(endpoint)
        return _SharedOpen(self, begin)

    def close(self) -> None:
        """Lets go of the file; what it says stays."""
        self._map.close()
        os.close(self._fd)

    @contextlib.contextmanager
    def locked(self, begin: int, count_bytes: int) -> Iterator[mmap.mmap]:
        """The file, of which no other worker uses these bytes meanwhile."""
        fcntl.lockf(self._fd, fcntl.LOCK_EX, count_bytes, begin)
        try:
            yield self._map
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, count_bytes, begin)

    def count(self, begin: int) -> int:
        """The open connections of the endpoint whose slot begins there, in all workers."""
        counts = begin + _COUNTS_BEGIN
        end = counts + WORKERS_MAX * _COUNT.size
        return sum(count for (count,) in _COUNT.iter_unpack(self._map[counts:end]))

    def change_count(self, begin: int, by: int) -> None:
        """Adds to this worker's own."""
        (count,) = _COUNT.unpack_from(self._map, self._cell(begin))
        self._set_count(begin, count + by)

    def _set_count(self, begin: int, count: int) -> None:
        _COUNT.pack_into(self._map, self._cell(begin), count)

    def _cell(self, begin: int) -> int:
        return begin + _COUNTS_BEGIN + self._worker * _COUNT.size

    def _slot(self, endpoint: str) -> int | None:
        """Where the endpoint's slot begins; a new one is taken at the end."""
        name = endpoint.encode().ljust(_NAME.size, b"\0")
        with self.locked(0, SLOTS * SLOT_BYTES) as shared:
            for begin in range(0, SLOTS * SLOT_BYTES, SLOT_BYTES):
                found = shared[begin : begin + _NAME.size]
                if found == name:
                    return begin
                if not found[0]:
                    shared[begin : begin + _NAME.size] = name
                    return begin
        log.error(
            "expected at most %d names of endpoints, got one more: %s has its quota in each worker "
            "by itself. Stop the daemon and start it again.", SLOTS, endpoint,
        )  # fmt: skip
        return None


class _SharedBucket:
    """A bucket whose level is in the file."""

    __slots__ = ("_at", "_bucket", "_shared")

    def __init__(self, shared: SharedBudgets, at: int, per_s: int, burst: int) -> None:
        self._shared = shared
        self._at = at
        self._bucket = TokenBucket(per_s, burst)

    def draw(self, need: int, now_ns: int) -> int:
        """See Budget."""
        with self._level():
            return self._bucket.draw(need, now_ns)

    def take(self, count: int, now_ns: int) -> int:
        """See Budget."""
        with self._level():
            return self._bucket.take(count, now_ns)

    def give_back(self, count: int, now_ns: int) -> None:
        """See Budget."""
        with self._level():
            self._bucket.give_back(count, now_ns)

    @contextlib.contextmanager
    def _level(self) -> Iterator[None]:
        with self._shared.locked(self._at, _LEVEL.size) as shared:
            credit, at_ns = _LEVEL.unpack_from(shared, self._at)
            if at_ns:
                self._bucket.credit, self._bucket.at_ns = credit, at_ns
            yield
            _LEVEL.pack_into(shared, self._at, self._bucket.credit, self._bucket.at_ns)


class _SharedOpen:
    """Connections of an endpoint, a cell for each worker."""

    __slots__ = ("_begin", "_shared")

    def __init__(self, shared: SharedBudgets, begin: int) -> None:
        self._shared = shared
        self._begin = begin

    def add(self, most: int) -> bool:
        """See Open."""
        with self._shared.locked(self._begin, SLOT_BYTES):
            if self._shared.count(self._begin) >= most:
                return False
            self._shared.change_count(self._begin, 1)
            return True

    def remove(self) -> None:
        """See Open."""
        self._shared.change_count(self._begin, -1)
