"""`python -m router.testing.keeper FOLDER`: a daemon that lives as long as who asked for it.

It serves FOLDER/turnout.yml for as long as its own standard input is open, so that a test run
that ends in any way, kill -9 among them, leaves no process and no folder behind: the kernel
closes the pipe. A line ``restart`` kills the daemon and starts another on the same state.

On standard output: what the daemon says there, and ``ended: CODE`` when it ends by itself.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil

# SIGTERM drains; a second one ends workers and instances at once; then the hard way.
STOP_TIMEOUTS_S = (10, 5)
KILL_TIMEOUT_S = 10
STDIN = 0
READ_BYTES = 4096
# prctl(2): whatever our descendants leave behind becomes our child.
_PR_SET_CHILD_SUBREAPER = 36


class Keeper:
    """Keeps one daemon; its state and settings are in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = (folder / "daemon.log").open("ab")
        self._daemon = self._start()

    def keep(self) -> None:
        """Returns when standard input ends; obeys it until then."""
        watched = [STDIN, pidfd := os.pidfd_open(self._daemon.pid)]
        while True:
            readable, _, _ = select.select(watched, [], [])
            if pidfd in readable:
                watched.remove(pidfd)
                print(f"ended: {self._daemon.wait()}", flush=True)  # noqa: T201 - see above
            if STDIN in readable:
                if not os.read(STDIN, READ_BYTES):
                    return
                os.close(pidfd)
                self._daemon.kill()
                self._daemon.wait()
                self._daemon = self._start()
                watched = [STDIN, pidfd := os.pidfd_open(self._daemon.pid)]

    def end(self) -> int:
        """Ends the daemon, in order if it can, and all that it started; its exit code."""
        code = self._stop_daemon()
        left = psutil.Process().children(recursive=True)
        for process in left:
            process.kill()
        psutil.wait_procs(left, KILL_TIMEOUT_S)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        return code

    def _start(self) -> "subprocess.Popen[bytes]":
        config = str(self._folder / "turnout.yml")
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "router.cli", "serve", "--config", config],
            stdin=subprocess.DEVNULL,
            stderr=self._log,
        )

    def _stop_daemon(self) -> int:
        for timeout_s in STOP_TIMEOUTS_S:
            self._daemon.terminate()
            try:
                return self._daemon.wait(timeout_s)
            except subprocess.TimeoutExpired:
                continue
        self._daemon.kill()
        return self._daemon.wait()


def main() -> int:
    """Keeps a daemon until standard input ends; returns the daemon's exit code."""
    # When to end is said by standard input alone: nothing else may cut the ending short. Not
    # SIG_IGN, which the daemon would inherit.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    keeper = Keeper(Path(sys.argv[1]))
    try:
        keeper.keep()
    finally:
        code = keeper.end()
    return code


if __name__ == "__main__":
    sys.exit(main())
