"""When the daemon's files are looked at, and that they are though the kernel does not help."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from watchfiles import Change

from router.control_plane import config_watch
from router.control_plane.config_watch import watching

WAIT_S = 30


class Looked:
    """Stands for the file: tells when it is looked at."""

    def __init__(self, path: Path) -> None:
        self.files = [path]
        self.looks: asyncio.Queue[None] = asyncio.Queue()

    async def reload_if_changed(self) -> None:
        self.looks.put_nowait(None)

    async def close(self) -> None:
        """Nothing to do."""


async def unwatchable(*_: object, **__: object) -> AsyncIterator[None]:
    """As watchfiles fails when the user has no inotify instance left."""
    raise RuntimeError("Error creating recommended watcher: Too many open files (os error 24)")
    yield


async def test_the_files_are_looked_at_again_and_again_though_they_can_not_be_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_watch, "LOOK_MS", 20)
    monkeypatch.setattr(config_watch, "awatch", unwatchable)
    file = Looked(tmp_path / "turnout.yml")
    async with watching(file), asyncio.timeout(WAIT_S):  # type: ignore[arg-type]
        await file.looks.get()
        await file.looks.get()


async def test_a_file_that_links_to_itself_is_looked_at_until_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_watch, "LOOK_MS", 20)
    path = tmp_path / "endpoint.yml"
    path.symlink_to(path)
    file = Looked(path)
    async with watching(file), asyncio.timeout(WAIT_S):  # type: ignore[arg-type]
        await file.looks.get()
        path.unlink()
        path.write_text("name: declared\n")
        while not file.looks.empty():
            file.looks.get_nowait()
        await file.looks.get()


async def test_what_is_written_beside_the_files_has_them_looked_at_no_more_than_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters: asyncio.Queue[Callable[[Change, str], bool]] = asyncio.Queue()

    async def recorded(
        *_: object, watch_filter: Callable[[Change, str], bool], **__: object
    ) -> AsyncIterator[None]:
        filters.put_nowait(watch_filter)
        await asyncio.Event().wait()
        yield

    monkeypatch.setattr(config_watch, "awatch", recorded)
    path = tmp_path / "turnout.yml"
    path.symlink_to("linked.yml")
    async with watching(Looked(path)), asyncio.timeout(WAIT_S):  # type: ignore[arg-type]
        may_concern = await filters.get()
        assert not may_concern(Change.modified, str(tmp_path / "turnout.log"))
        for concerned in ("turnout.yml", "linked.yml"):
            assert may_concern(Change.modified, str(tmp_path / concerned))
        for change in (Change.added, Change.deleted):
            assert may_concern(change, str(tmp_path / "..data"))
        monkeypatch.setattr(config_watch, "LOOK_MS", 0)
        assert may_concern(Change.modified, str(tmp_path / "turnout.log"))


async def test_files_that_are_others_after_a_look_are_watched_where_they_are_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: asyncio.Queue[tuple[Path, ...]] = asyncio.Queue()

    async def happening(*folders: Path, **_: object) -> AsyncIterator[None]:
        watched.put_nowait(folders)
        while True:
            await asyncio.sleep(0)
            yield

    monkeypatch.setattr(config_watch, "awatch", happening)
    path, elsewhere = tmp_path / "turnout.yml", tmp_path / "elsewhere"
    elsewhere.mkdir()
    path.touch()
    file = Looked(path)
    async with watching(file), asyncio.timeout(WAIT_S):  # type: ignore[arg-type]
        assert await watched.get() == (tmp_path,)
        await file.looks.get()
        path.unlink()
        path.symlink_to(elsewhere / "turnout.yml")
        assert set(await watched.get()) == {tmp_path, elsewhere}
