"""The watch of the daemon's file goes on though the kernel, or the disk, does not let it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.control_plane import config_watch
from router.control_plane.config_watch import watching
from router.core.errors import StorageFailed

WAIT_S = 30


class Looked:
    """Stands for the file: counts how often it is looked at, and may fail."""

    def __init__(self, path: Path, error: Exception | None = None) -> None:
        self.files = [path]
        self.looks: asyncio.Queue[None] = asyncio.Queue()
        self._error = error

    async def reload_if_changed(self) -> None:
        self.looks.put_nowait(None)
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """Nothing to do."""


async def unwatchable(*_: object, **__: object) -> AsyncIterator[None]:
    """As watchfiles fails when the user has no inotify instance left."""
    raise RuntimeError("Error creating recommended watcher: Too many open files (os error 24)")
    yield


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_watch, "LOOK_MS", 20)


async def looked_at_twice(file: Looked) -> None:
    async with watching(file), asyncio.timeout(WAIT_S):  # type: ignore[arg-type]
        await file.looks.get()
        await file.looks.get()


async def test_the_files_are_looked_at_though_they_can_not_be_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_watch, "awatch", unwatchable)
    await looked_at_twice(Looked(tmp_path / "turnout.yml"))


async def test_the_files_are_looked_at_again_though_a_change_could_not_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Looked(tmp_path / "turnout.yml", StorageFailed("the disk is full"))
    await looked_at_twice(file)
    monkeypatch.setattr(config_watch, "awatch", unwatchable)
    await looked_at_twice(Looked(tmp_path / "turnout.yml", StorageFailed("the disk is full")))
