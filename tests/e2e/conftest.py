"""Fixtures: a daemon that ends, orderly, with its test."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Daemon


@pytest.fixture
def daemon_with() -> Iterator[Callable[..., Daemon]]:
    started: list[Daemon] = []

    def start(settings: str, data_plane: str = "", control_plane: str = "") -> Daemon:
        # A short path: Unix sockets have room for 107 bytes.
        started.append(
            Daemon(Path(tempfile.mkdtemp(prefix="t-")), settings, data_plane, control_plane)
        )
        return started[-1]

    yield start
    for daemon in started:
        assert daemon.end() == 0
        shutil.rmtree(daemon.folder)


@pytest.fixture
def daemon(daemon_with: Callable[..., Daemon]) -> Daemon:
    return daemon_with("")
