"""Fixtures: instances that end with their test."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runtime.instance import Instance

Start = Callable[..., Instance]
# What must hold with a pool of processes and without.
WORKER_COUNTS = pytest.mark.parametrize("worker_count", ["1", "2"])


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: Unix sockets have room for 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="t-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts an instance that hosts a script; keyword arguments go into its environment."""
    started: list[Instance] = []

    def begin(script: str, **environment: str) -> Instance:
        started.append(Instance(folder, script, environment))
        return started[-1]

    yield begin
    for instance in started:
        instance.end()
