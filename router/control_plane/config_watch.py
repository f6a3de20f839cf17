"""Watches the files of the configuration, and has them read again when one has changed.

Folders are watched, not files: editors and deployment tools put a new file, or a symbolic
link, in an old one's place. Anything may happen in those folders, so what counts is whether
a file holds something else; see ConfigFile.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from watchfiles import Change, awatch

from router.control_plane.config_file import ConfigFile
from router.control_plane.tasks import Tasks

# How long nothing must happen in a folder before it is looked at.
QUIET_MS = 100
# A look without an event of theirs: for file systems that tell nothing, and for what happened
# while the watch was begun.
LOOK_MS = 5000

log = logging.getLogger(__name__)


@asynccontextmanager
async def watching(file: ConfigFile) -> AsyncIterator[None]:
    """Sees to it, until it is left, that changes of the files are taken."""
    tasks = Tasks()
    if file.files:
        tasks.start(_watch(file), "watch of the configuration")
    try:
        yield
    finally:
        await tasks.cancel()
        await file.close()


async def _watch(file: ConfigFile) -> None:
    is_late = False
    while True:
        try:
            if is_late:
                await file.reload_if_changed()
            await _watch_until_others(file)
        except (OSError, RuntimeError) as error:
            # Of the kernel's limits (watchfiles raises a RuntimeError for some), a folder that
            # was removed this instant, or a link to itself.
            log.warning(
                "can't watch %s: %s. The files are looked at every %d s, and on SIGHUP.",
                ", ".join(map(str, file.files)), error, LOOK_MS // 1000,
            )  # fmt: skip
            is_late = True
            await asyncio.sleep(LOOK_MS / 1000)


async def _watch_until_others(file: ConfigFile) -> None:
    """Returns when the files are others than at first, or in other places."""
    paths = _paths(file.files)
    names = {path.name for path in paths}
    looked_s = time.monotonic()

    def may_concern(change: Change, path: str) -> bool:
        # The daemon's log may stand beside the file, and grow with each request to the API.
        concerns = change is not Change.modified or Path(path).name in names
        return concerns or time.monotonic() - looked_s >= LOOK_MS / 1000

    events = awatch(
        *_folders(paths),
        watch_filter=may_concern,
        step=QUIET_MS,
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
        recursive=False,
    )
    async with aclosing(events):
        async for _ in events:
            await file.reload_if_changed()
            looked_s = time.monotonic()
            if _paths(file.files) != paths:
                return


def _paths(files: Iterable[Path]) -> set[Path]:
    """The files, and those that they link to."""
    return {path for file in files for path in (file, file.resolve())}


def _folders(paths: Iterable[Path]) -> set[Path]:
    """Where they are or will be."""
    return {next(folder for folder in path.parents if folder.is_dir()) for path in paths}
