"""Buckets and counts that all workers of a daemon share: a file that each maps to memory.

An endpoint or deployment has a slot in it, found by its name. Buckets are read and written
under a lock of the slot's bytes, which the kernel gives up for a process that dies; a
stopped worker holds it for the microsecond of a draw at most. Of a count each worker has a
cell that only it writes while it lives; what a dead one left there is taken out by the next
that needs the place. Nothing here depends on the control plane.

Layout of a slot: the name; for each bucket its credit and time, 8 bytes each; for each
worker its count, 4 bytes. Behind the last slot a byte for each worker, locked while it lives.
"""

import contextlib
import fcntl
import logging
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from router.core.budgets import SHARING_MAX, Count, LocalBudgets
from router.core.token_bucket import Budget, TokenBucket
from router.data_plane.lives import Lives

SLOTS = 65_536
# "endpoint/deployment", of 32 characters at most each (azure.md 2).
_NAME = struct.Struct("72s")
_LEVEL = struct.Struct("=qQ")
_COUNT_BYTES = 4
_BUCKETS = 3
_COUNTS_BEGIN = _NAME.size + _BUCKETS * _LEVEL.size
SLOT_BYTES = 512
assert _COUNTS_BEGIN + SHARING_MAX * _COUNT_BYTES <= SLOT_BYTES

log = logging.getLogger(__name__)


class SharedBudgets:
    """One worker's view of the file.

    Args:
        path: made if it is not there, for the daemon's user alone.
        worker: this worker's number, from 0, that no other has while this one lives.
        workers: how many may share it at once.

    Raises:
        OSError: the file can't be made, there is no room for all of it, or another worker of
            this number lives.
    """

    def __init__(self, path: Path, worker: int, workers: int) -> None:
        assert worker < SHARING_MAX
        self.workers = workers
        self._worker = worker
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # All of it now: on a full disk, a page that is not there yet would be a SIGBUS.
            os.posix_fallocate(self._fd, 0, SLOTS * SLOT_BYTES)
            self._map = mmap.mmap(self._fd, SLOTS * SLOT_BYTES)
            self._cells = memoryview(self._map).cast("I")
            self._slots: dict[bytes, int] = {}
            with self.locked(0, SLOTS * SLOT_BYTES):
                self._lives = Lives(path, SLOTS * SLOT_BYTES, worker)
                self._read_new_slots()
                for begin in self._slots.values():
                    # What this worker's predecessor had is gone with it.
                    self._cells_of(begin)[worker] = 0
        except OSError:
            os.close(self._fd)
            raise

    def bucket(self, endpoint: str, kind: int, per_s: int, burst: int) -> Budget:
        """See Budgets."""
        begin = self._slot(endpoint)
        if begin is None:
            return LocalBudgets().bucket(endpoint, kind, per_s, burst)
        return _SharedBucket(self, begin + _NAME.size + kind * _LEVEL.size, per_s, burst)

    def count(self, endpoint: str, deployment: str = "") -> Count:
        """See Budgets."""
        begin = self._slot(f"{endpoint}/{deployment}" if deployment else endpoint)
        if begin is None:
            return LocalBudgets().count(endpoint, deployment)
        return _SharedCount(self, self._cells_of(begin), self._worker)

    def close(self) -> None:
        """Ends this worker's part: its buckets take nothing any more, its counts are gone."""
        self._lives.close()
        os.close(self._fd)

    def take_out_dead(self, cells: memoryview) -> None:
        """Empties those of a count's cells whose workers are dead."""
        if self._of_dead(cells):
            # Who begins to live under a dead one's number waits for this lock.
            with self.locked(0, SLOTS * SLOT_BYTES):
                for worker in self._of_dead(cells):
                    cells[worker] = 0

    def _of_dead(self, cells: memoryview) -> list[int]:
        """Which cells have something that nobody living counts."""
        return [
            worker
            for worker, count in enumerate(cells)
            if count and worker != self._worker and not self._lives.have(worker)
        ]

    @contextlib.contextmanager
    def locked(self, begin: int, count_bytes: int) -> Iterator[mmap.mmap]:
        """The file, of which no other worker uses these bytes meanwhile."""
        fcntl.lockf(self._fd, fcntl.LOCK_EX, count_bytes, begin)
        try:
            yield self._map
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, count_bytes, begin)

    def _cells_of(self, begin: int) -> memoryview:
        """The counts, one for each worker, of the slot that begins there."""
        first = (begin + _COUNTS_BEGIN) // _COUNT_BYTES
        return self._cells[first : first + self.workers]

    def _slot(self, name: str) -> int | None:
        """Where the slot of this name begins; a new one is taken at the end."""
        key = name.encode().ljust(_NAME.size, b"\0")
        if key not in self._slots:
            with self.locked(0, SLOTS * SLOT_BYTES) as shared:
                self._read_new_slots()
                if key not in self._slots and len(self._slots) < SLOTS:
                    begin = len(self._slots) * SLOT_BYTES
                    shared[begin : begin + _NAME.size] = key
                    self._slots[key] = begin
        if key not in self._slots:
            log.error(
                "expected at most %d names of endpoints and deployments, got one more: %s has "
                "its limits in each worker by itself. Stop the daemon and start it again.",
                SLOTS, name,
            )  # fmt: skip
        return self._slots.get(key)

    def _read_new_slots(self) -> None:
        """Finds the names that others have written since the last time."""
        for begin in range(len(self._slots) * SLOT_BYTES, SLOTS * SLOT_BYTES, SLOT_BYTES):
            name = self._map[begin : begin + _NAME.size]
            if not name[0]:
                break
            self._slots[name] = begin


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


class _SharedCount:
    """A count of several workers, a cell for each."""

    __slots__ = ("_cells", "_own", "_shared")

    def __init__(self, shared: SharedBudgets, cells: memoryview, own: int) -> None:
        self._shared = shared
        self._cells = cells
        self._own = own

    @property
    def now(self) -> int:
        """See Count."""
        return sum(self._cells)

    def add(self, most: int) -> bool:
        """See Count.

        Without a lock: a worker writes its own first and looks at all of them then. Two that
        want the last place at the same instant may both go without, but never both get it.
        Only who finds no place looks for what dead ones have.
        """
        if self._add(most):
            return True
        self._shared.take_out_dead(self._cells)
        # Whoever took them out.
        return self._add(most)

    def _add(self, most: int) -> bool:
        cells = self._cells
        cells[self._own] += 1
        if sum(cells) <= most:
            return True
        cells[self._own] -= 1
        return False

    def remove(self) -> None:
        """See Count."""
        self._cells[self._own] -= 1
