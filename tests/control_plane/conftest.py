"""Fixtures: folders for state, and daemons that end with their test."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.control_plane.daemon import Client, Daemon

StartDaemon = Callable[..., Daemon]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: Unix sockets have room for 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="t-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def shared_daemon() -> Iterator[Daemon]:
    """One daemon for the tests of a file, which use an endpoint of their own each."""
    path = Path(tempfile.mkdtemp(prefix="t-"))
    daemon = Daemon(path).wait_ready()
    yield daemon
    code = daemon.stop()
    daemon.end()
    log = daemon.log.read_text()
    shutil.rmtree(path)
    assert code == 0, log
    assert "Traceback" not in log, log


@pytest.fixture
async def client(shared_daemon: Daemon) -> AsyncIterator[Client]:
    """A client of the shared daemon."""
    async with Client(shared_daemon) as client:
        yield client


@pytest.fixture
def start_daemon(folder: Path) -> Iterator[StartDaemon]:
    """Starts daemons of a test's own."""
    started: list[Daemon] = []

    def begin(**config: object) -> Daemon:
        started.append(Daemon(folder, config) if config else Daemon(folder))
        return started[-1]

    yield begin
    for daemon in started:
        daemon.end()
