"""Fixtures: a daemon that ends, orderly, with its test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Daemon


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    # A short path: Unix sockets have room for 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="t-"))
    started = Daemon(folder)
    yield started
    assert started.end() == 0
    shutil.rmtree(folder)
