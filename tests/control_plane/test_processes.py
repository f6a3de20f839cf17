"""Detached processes: started, found again by their record, waited for and ended."""

import asyncio
import contextlib
import errno
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import msgspec
import psutil
import pytest

from router.control_plane.processes import Process, ProcessRecord, find, spawn
from tests.control_plane.daemon import is_running

FOREVER = "import signal; print('up', flush=True); signal.pause()"
SILENT = "import signal; signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, lambda *_: print('no', flush=True))\n"
    "print('up', flush=True)\nwhile True: signal.pause()"
)


def start(folder: Path, script: str) -> Process:
    return spawn(
        [sys.executable, "-c", script],
        dict(os.environ),
        log=folder / "logs/p.log",
        record=folder / "p.json",
        details={"number": 7},
    )


@contextlib.contextmanager
def limited(kind: int, most: int) -> Iterator[None]:
    """Holds ourselves to so much of something."""
    own = resource.getrlimit(kind)
    resource.setrlimit(kind, (most, own[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, own)


@contextlib.contextmanager
def nothing_is_left(folder: Path) -> Iterator[None]:
    """No child, ended or not, no open file, and nothing but logs in the folder."""
    children, files = set(psutil.Process().children()), open_files()
    yield
    orphans = set(psutil.Process().children()) - children
    for orphan in orphans:
        orphan.kill()
        orphan.wait()
    assert not orphans
    assert open_files() == files
    assert [path.name for path in folder.iterdir()] == ["logs"]


def open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def first_free_number() -> int:
    """The lowest that no open file of ours has: with it as the limit, no other can be opened."""
    number = os.dup(0)
    os.close(number)
    return number


async def up(folder: Path) -> None:
    async with asyncio.timeout(30):
        while "up" not in (folder / "logs/p.log").read_text():
            # The other process needs its turn, too.
            await asyncio.sleep(0.01)


async def test_an_exit_is_told_with_its_code_and_removes_the_record(tmp_path: Path) -> None:
    process = start(tmp_path, "print('hello'); raise SystemExit(3)")
    assert await process.wait() == 3
    assert not process.is_running
    assert (tmp_path / "logs/p.log").read_text() == "hello\n"
    assert not (tmp_path / "p.json").exists()


async def test_output_is_appended_to_the_log(tmp_path: Path) -> None:
    for _ in range(2):
        await start(tmp_path, "print('once')").wait()
    assert (tmp_path / "logs/p.log").read_text() == "once\nonce\n"


async def test_a_recorded_process_is_found_again_and_its_end_is_seen(tmp_path: Path) -> None:
    process = start(tmp_path, FOREVER)
    found = find(tmp_path / "p.json")
    assert found is not None
    assert (found.pid, found.details) == (process.pid, {"number": 7})
    await found.terminate(timeout_ms=30_000)
    assert await process.wait() in {-signal.SIGTERM, None}
    assert find(tmp_path / "p.json") is None


async def test_another_process_with_the_same_pid_is_not_taken_for_it(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    record = ProcessRecord(pid=os.getpid(), start_ticks=1, details={})
    path.write_bytes(msgspec.json.encode(record))
    assert find(path) is None
    assert not path.exists()


@pytest.mark.parametrize("refused", [None, errno.EINVAL], ids=["here", "on older kernels"])
async def test_a_thread_with_the_same_number_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int | None
) -> None:
    path, done = tmp_path / "p.json", threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    assert thread.native_id is not None
    path.write_bytes(
        msgspec.json.encode(ProcessRecord(pid=thread.native_id, start_ticks=1, details={}))
    )
    if refused is not None:
        monkeypatch.setattr(os, "pidfd_open", Mock(side_effect=OSError(refused, "invalid")))
    assert find(path) is None
    assert not path.exists()
    done.set()
    thread.join()


async def test_an_unreadable_record_is_no_process(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(b"{")
    assert find(path) is None


async def test_a_process_that_has_ended_unreaped_is_not_found(tmp_path: Path) -> None:
    process = start(tmp_path, FOREVER)
    process.forget()
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - it was killed
    assert find(tmp_path / "p.json") is None
    os.waitpid(process.pid, 0)  # noqa: ASYNC222 - it has ended


async def test_one_that_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path, STUBBORN)
    await up(tmp_path)
    await process.terminate(timeout_ms=1)
    assert await process.wait() == -signal.SIGKILL
    assert not is_running(process.pid)


async def test_it_lives_in_a_session_of_its_own(tmp_path: Path) -> None:
    process = start(tmp_path, FOREVER)
    assert os.getsid(process.pid) == process.pid
    process.kill()
    assert await process.wait() == -signal.SIGKILL


async def test_one_that_can_not_be_watched_does_not_run_on(tmp_path: Path) -> None:
    with (
        nothing_is_left(tmp_path),
        pytest.raises(OSError, match="Too many open files"),
        limited(resource.RLIMIT_NOFILE, first_free_number()),
    ):
        start(tmp_path, SILENT)


async def test_one_whose_record_can_not_be_written_does_not_run_on(tmp_path: Path) -> None:
    with (
        nothing_is_left(tmp_path),
        pytest.raises(OSError, match="File too large"),
        # Part of the record fits.
        limited(resource.RLIMIT_FSIZE, 10),
    ):
        start(tmp_path, SILENT)


def test_one_whose_end_would_not_be_seen_does_not_run_on(tmp_path: Path) -> None:
    with nothing_is_left(tmp_path), pytest.raises(RuntimeError, match="no running event loop"):
        start(tmp_path, SILENT)


async def test_an_exit_is_told_though_the_record_can_not_be_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = start(tmp_path, FOREVER)
    record = tmp_path / "p.json"
    record.unlink()
    record.mkdir()
    process.kill()
    async with asyncio.timeout(30):
        assert await process.wait() == -signal.SIGKILL
    assert f"{record} stays behind: [Errno 21] Is a directory" in caplog.text


async def test_a_record_of_nothing_that_can_not_be_removed_is_no_process(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Not even root removes a file of /proc.
    assert find(Path("/proc/version")) is None
    assert "/proc/version stays behind" in caplog.text
