"""A reload, for SIGHUP and `POST /reload` alike: the file read again, then new workers."""

from collections.abc import Callable, Mapping

from aiohttp import web

from router.control_plane.config_file import ConfigFile
from router.control_plane.described import Anything, described
from router.control_plane.rest import json_answer
from router.control_plane.workers import WorkerPool


async def reload(pool: WorkerPool, file: ConfigFile) -> None:
    """Puts the configuration in force, if it is right, and replaces the workers one at a time.

    Raises:
        TurnoutError: a worker did not come up; see WorkerPool.reload.
    """
    await file.reload()
    await pool.reload()


class Reload:
    """The handler.

    Args:
        status: what it answers when it is done.
    """

    def __init__(
        self, pool: WorkerPool, file: ConfigFile, status: Callable[[], Mapping[str, object]]
    ) -> None:
        self._pool = pool
        self._file = file
        self._status = status

    @described(
        "Reads the configuration and replaces the workers one at a time; answers as /status",
        {200: Anything},
    )
    async def post(self, _: web.Request) -> web.Response:
        """See described."""
        await reload(self._pool, self._file)
        return json_answer(self._status())
