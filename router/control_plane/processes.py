"""Detached processes: started so that they outlive us, and found again by their records.

A record names a process by pid and start time, since a pid alone is soon another's. Exits
are told by the kernel through a pidfd, alike for children and for processes that a dead
control plane started.
"""

import asyncio
import contextlib
import errno
import os
import signal
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakSet

import msgspec
import psutil
from msgspec import Struct
from msgspec.structs import replace

from router.control_plane.files import APPEND, PRIVATE, remove, writable_log, write_atomically

# `state` and `starttime` are fields 3 and 22 of /proc/<pid>/stat (proc(5)); these count from
# the former, which follows the name in parentheses.
_STATE_FIELD, _START_FIELD = 0, 19
_STANDARD_ERROR = 2
# No record, no process, or a number that is a thread's now (EINVAL before Linux 6.9).
_NO_SUCH_PROCESS = {errno.ENOENT, errno.ESRCH, errno.EINVAL}
# Ended, but not yet reaped by its parent.
_ZOMBIE = "Z"


class ProcessRecord(Struct, frozen=True, kw_only=True):
    """What finds a process again.

    Attributes:
        start_ticks: when it started, in clock ticks since boot: unlike a time of day it
            doesn't move when somebody sets the clock.
        details: what its owner needs to know about it.
    """

    pid: int
    start_ticks: int
    details: dict[str, Any]


class Process:
    """A running process, whoever started it. Made by ``spawn`` and ``find``."""

    def __init__(self, record: ProcessRecord, pidfd: int, path: Path) -> None:
        self.pid = record.pid
        self.details = record.details
        self._record = record
        self._pidfd = pidfd
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[int | None] = self._loop.create_future()
        self._loop.add_reader(pidfd, self._on_exit)
        _watched_here.add(self)

    @property
    def is_running(self) -> bool:
        """False once its exit was seen."""
        return not self._exited.done()

    @property
    def age_s(self) -> float:
        """For how long it has run, in seconds."""
        started_s = self._record.start_ticks / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s

    def note(self, **details: Any) -> None:
        """Adds to the details on record, unless it has ended.

        Raises:
            OSError: they can't be written; the record is what it was.
        """
        if self.is_running:
            record = replace(self._record, details={**self.details, **details})
            write_atomically(self._path, msgspec.json.encode(record))
            self._record, self.details = record, record.details

    async def wait(self) -> int | None:
        """Waits for the exit; the exit code, below 0 for a signal, None if not our child."""
        return await asyncio.shield(self._exited)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, to this very process or to nobody."""
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def kill(self) -> None:
        """Ends it now."""
        self.signal(signal.SIGKILL)

    def forget(self) -> None:
        """Watches it no longer; it runs on, and can be found again."""
        if self.is_running:
            _watched_here.discard(self)
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._exited.cancel()

    async def terminate(self, timeout_ms: int) -> None:
        """Asks it to end, kills it if it has not after ``timeout_ms``, waits for its exit."""
        self.signal(signal.SIGTERM)
        await self.wait_or_kill(timeout_ms)

    async def wait_or_kill(self, timeout_ms: int) -> None:
        """Waits for its exit; kills it after ``timeout_ms``."""
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                await self.wait()
        except TimeoutError:
            self.kill()
            await self.wait()

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        # First of all: who waits replaces it, whatever becomes of its record.
        self._exited.set_result(self._reap())
        remove(self._path)

    def _reap(self) -> int | None:
        try:
            _, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return None
        return os.waitstatus_to_exitcode(status)


# As long as it runs, the loop knows a process, too.
_watched_here: WeakSet[Process] = WeakSet()


def kill_all() -> None:
    """Ends, now, every process that ``spawn`` or ``find`` gave us, whoever has it."""
    for process in list(_watched_here):
        process.kill()


def spawn(
    command: list[str],
    env: Mapping[str, str],
    *,
    log: Path,
    record: Path,
    details: dict[str, Any],
    files: Mapping[int, int] | None = None,
) -> Process:
    """Starts a process in a session of its own.

    Args:
        command: absolute path of the program, and its arguments.
        env: its whole environment.
        log: where its output goes, appended; nowhere, which is said, if it can't be opened.
        record: where its record goes; removed when its exit is seen.
        details: kept in the record.
        files: which of our open files it has, by the number that it knows them by.

    Raises:
        OSError: it can't be started, watched or recorded. Nothing of it runs on.
    """
    output = writable_log(log)
    pid = os.posix_spawn(
        command[0],
        command,
        env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(output), APPEND, PRIVATE),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_DUP2, ours, its) for its, ours in (files or {}).items()),
        ],
        setsid=True,
    )
    try:
        return _watched(pid, record, details)
    except BaseException:
        # Nobody would find it again, and it holds the files that it was given. It's our child
        # and not reaped, so the pid is still its own.
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        remove(record)
        raise


def _watched(pid: int, path: Path, details: dict[str, Any]) -> Process:
    """A child of ours, on record and watched; on an error no descriptor of it is left open."""
    pidfd = os.pidfd_open(pid)
    try:
        stat = _stat(pid)
        assert stat is not None, "a child stays in /proc until it is reaped"
        record = ProcessRecord(pid=pid, start_ticks=int(stat[_START_FIELD]), details=details)
        write_atomically(path, msgspec.json.encode(record))
        return Process(record, pidfd, path)
    except BaseException:
        os.close(pidfd)
        raise


def find(path: Path) -> Process | None:
    """The process of a record, if there is one and it still runs; else the record is removed.

    Raises:
        OSError: nobody can tell: the record can't be read, or the process not be watched.
    """
    try:
        record = msgspec.json.decode(path.read_bytes(), type=ProcessRecord)
        pidfd = os.pidfd_open(record.pid)
    except msgspec.DecodeError:
        remove(path)
        return None
    except OSError as error:
        if error.errno not in _NO_SUCH_PROCESS:
            raise
        remove(path)
        return None
    try:
        # In this order: the pidfd holds on to whatever process the start time is read of.
        if _is_running(record):
            return Process(record, pidfd, path)
    except BaseException:
        os.close(pidfd)
        raise
    os.close(pidfd)
    remove(path)
    return None


def keep_inherited_files() -> None:
    """Passes on nothing of what our own parent left open, but standard input and output.

    What is started here outlives us; whoever waits for the end of a pipe must not wait for it.
    """
    for path in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):
            # The file of the listing itself is closed by now.
            if (number := int(path.name)) > _STANDARD_ERROR:
                os.set_inheritable(number, False)  # noqa: FBT003 - the os module's signature


def kill_strays(module: str, folder: Path, known_pids: Collection[int]) -> None:
    """Kills processes of ``module`` that work in ``folder`` and have no record.

    There is one if a control plane died after it had started the process and before the
    record was on disk. Nothing was routed to it.
    """
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        is_ours = command[1:4] == module_command(module)[1:] and any(
            f"{folder}/" in argument for argument in command
        )
        if is_ours and process.pid not in known_pids:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def module_command(module: str, python: Path | None = None) -> list[str]:
    """The command that runs a module without the current folder on its path.

    Args:
        python: the interpreter; this one if None.
    """
    return [str(python or sys.executable), "-P", "-m", module]


def _is_running(record: ProcessRecord) -> bool:
    stat = _stat(record.pid)
    if stat is None or stat[_STATE_FIELD] == _ZOMBIE:
        return False
    return int(stat[_START_FIELD]) == record.start_ticks


def _stat(pid: int) -> list[str] | None:
    """What /proc says of the process, from its state on; None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()
