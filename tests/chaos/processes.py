"""Processes of the daemon under test, found by the records in its state folder.

Signals go through a pidfd that was compared with the record's start time, so that they reach
that very process or nobody.
"""

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any, Self

import psutil

# Of /proc/<pid>/stat behind the name in parentheses (proc(5)): the process's state, its start.
STATE, START = 0, 19
# Of /proc/net/tcp (proc(5)); who waits to be accepted has no inode yet.
ESTABLISHED, INODE = "01", 5


class Found:
    """A process that ran when it was found. ``close`` it.

    Attributes:
        name: of its record: w0, i17.
        details: what the record says besides.
    """

    def __init__(self, name: str, pid: int, pidfd: int, details: dict[str, Any]) -> None:
        self.name = name
        self.pid = pid
        self.details = details
        self._pidfd = pidfd

    @classmethod
    def read(cls, record: Path) -> Self | None:
        """The process of a record; None if it has ended, or the record has gone."""
        try:
            said = json.loads(record.read_bytes())
            pidfd = os.pidfd_open(said["pid"])
        except (FileNotFoundError, ProcessLookupError):
            return None
        found = cls(record.stem, said["pid"], pidfd, said["details"])
        stat = _stat(said["pid"])
        if stat is None or stat[STATE] == "Z" or int(stat[START]) != said["start_ticks"]:
            found.close()
            return None
        return found

    def signal(self, number: signal.Signals) -> None:
        """Sends it, unless the process has ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    async def wait_gone(self) -> None:
        """Returns when it has ended."""
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(self._pidfd)

    def listens(self) -> bool:
        """Whether it takes connections over TCP."""
        return psutil.CONN_LISTEN in {status for status, _ in self._connections()}

    def clients(self) -> frozenset[int]:
        """The ports of those who are connected to it."""
        return frozenset(port for _, port in self._connections() if port)

    def close(self) -> None:
        """Lets go of it; it runs on."""
        os.close(self._pidfd)

    def _connections(self) -> list[tuple[str, int]]:
        """Its TCP sockets: status, and the port of the other side, or 0."""
        try:
            sockets = psutil.Process(self.pid).connections("tcp")
        except psutil.NoSuchProcess:
            return []
        return [(one.status, one.raddr.port if one.raddr else 0) for one in sockets]


def find_all(run_folder: Path, kind: str) -> list[Found]:
    """All workers ("w") or instances ("i") that run now."""
    records = sorted(run_folder.glob(f"{kind}[0-9]*.json"))
    return [found for record in records if (found := Found.read(record)) is not None]


def end_strays(run_folder: Path) -> None:
    """Kills what works in the folder and has no record, as its control plane died too early."""
    for process in psutil.process_iter(["cmdline"]):
        if any(f"{run_folder}/" in argument for argument in process.info["cmdline"] or []):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def waiting_clients(port: int) -> frozenset[int]:
    """The ports of clients that are connected to ``port``, and that no worker has accepted yet."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *more = line.split()
        if state == ESTABLISHED and more[INODE] == "0" and _port(local) == port:
            found.add(_port(remote))
    return frozenset(found)


def _port(address: str) -> int:
    return int(address.partition(":")[2], 16)


def _stat(pid: int) -> list[str] | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()
