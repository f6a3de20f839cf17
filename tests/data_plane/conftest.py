"""Fixtures: workers of one process, from scripted.py."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from router.core.listener_limits import ListenerLimits
from tests.data_plane.scripted import Worker, running


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: Unix sockets have room for 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="t-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def worker(folder: Path) -> AsyncIterator[Worker]:
    """A worker without routes."""
    async with running(folder) as made:
        yield made


@pytest.fixture
async def blue(worker: Worker) -> Worker:
    """A worker whose endpoint has one deployment, blue, with one instance that echoes."""
    await worker.add_instance("blue-0")
    await worker.route({"blue": ["blue-0"]}, {"blue": 100})
    return worker


@pytest.fixture
async def small(folder: Path) -> AsyncIterator[Worker]:
    """As ``blue``, but bodies of more than 1,000 bytes are refused."""
    async with running(folder, ListenerLimits(max_payload_bytes=1000)) as made:
        await made.add_instance("blue-0")
        await made.route({"blue": ["blue-0"]}, {"blue": 100})
        yield made
