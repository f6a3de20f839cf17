"""A journal's file: in order, and ended where it can't go on."""

import asyncio
import logging
import os
import threading
from pathlib import Path

import pytest

from router.data_plane import journal_file
from router.data_plane.journal_file import JournalFile, journal_path


async def test_chunks_are_written_in_their_order_whatever_the_disk_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    append = JournalFile._append

    def slow(file: JournalFile, chunks: list[bytes]) -> None:
        gate.wait(10)
        append(file, chunks)

    monkeypatch.setattr(JournalFile, "_append", slow)
    path = tmp_path / "w0.journal"
    journal = JournalFile(path, 1000)
    for number in range(50):
        journal.write(f"{number} ".encode())
        await asyncio.sleep(0)
    gate.set()
    await journal.close()
    assert path.read_text().split() == [str(number) for number in range(50)]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_it_ends_with_a_whole_chunk_at_its_largest_size_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "w0.journal"
    journal = JournalFile(path, 10)
    for chunk in (b"12345", b"67890", b"x", b"y"):
        journal.write(chunk)
    await journal.close()
    assert path.read_bytes() == b"1234567890"
    assert journal.has_ended
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "data_plane.journal_max_bytes" in record.getMessage()


async def test_a_full_disk_ends_it_and_the_worker_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal = JournalFile(Path("/dev/full"), 1000)
    journal.write(b"12345")
    await journal.close()
    journal.write(b"67890")
    assert journal.has_ended
    assert "No space left on device" in caplog.text


async def test_a_disk_that_is_too_slow_ends_it_before_memory_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_file, "WAITING_BYTES_MAX", 10)
    journal = JournalFile(tmp_path / "w0.journal", 1000)
    journal.write(b"is being written")
    journal.write(b"waits")
    journal.write(b"is too much")
    await journal.close()
    assert journal.has_ended
    assert "the disk is too slow" in caplog.text


def test_each_process_has_a_journal_of_its_own(tmp_path: Path) -> None:
    path = journal_path(tmp_path, 3)
    assert path.parent == tmp_path
    assert path.name.startswith("w3-")
    assert path.name.endswith(f"-{os.getpid()}.journal")
