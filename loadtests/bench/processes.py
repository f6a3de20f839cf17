"""Processes of a run: started on one core, measured by /proc, ended by their own handle."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 20.0
POLL_S = 0.02


class StartError(Exception):
    """A contender did not come up; the message says what it printed."""


class Usage(NamedTuple):
    """What processes have used since they began, and hold now."""

    cpu_s: float
    rss_bytes: int


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    folder: Path,
    *,
    core: int,
    env: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process and its children on one core, ended with the block; its log is in the folder."""
    name = Path(command[0]).name
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, **(env or {})},
        )  # fmt: skip
    try:
        yield process
    finally:
        family = descendants(process.pid)
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for left in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()


def descendants(pid: int) -> list[psutil.Process]:
    """The processes that it has started, and theirs."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def pin(pids: Iterable[int], cores: Collection[int]) -> None:
    """Lets processes run on these cores only, each of their threads."""
    for pid in pids:
        for thread in psutil.Process(pid).threads():
            # A thread may have ended meanwhile.
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(thread.id, cores)


def usage(pids: Iterable[int]) -> Usage:
    """User and system time, and resident memory, of these processes together."""
    cpu_s, rss_bytes = 0.0, 0
    for pid in pids:
        process = psutil.Process(pid)
        times = process.cpu_times()
        cpu_s += times.user + times.system
        rss_bytes += process.memory_info().rss
    return Usage(cpu_s, rss_bytes)


def free_port() -> int:
    """A TCP port that nobody had a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def await_port(port: int, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Returns when somebody listens.

    Raises:
        StartError: the process ended before, or took too long.
    """

    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    _await(listens, f"a listener on port {port}", process, folder)


def await_line(words: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Returns when the process has printed these words.

    Raises:
        StartError: as ``await_port``.
    """
    _await(lambda: words in _printed(folder), f"a line with {words!r}", process, folder)


def _printed(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in folder.glob("*.log"))


def _await(
    done: Callable[[], bool], what: str, process: "subprocess.Popen[bytes]", folder: Path
) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        if done():
            return
        time.sleep(POLL_S)
    raise StartError(f"expected {what}, got none; it printed: {_printed(folder)[-4000:]}")
