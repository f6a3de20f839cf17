"""`POST /reload`: new workers in place of the old, for `turnout reload`."""

from collections.abc import Callable, Mapping

from aiohttp import web

from router.control_plane.described import Anything, described
from router.control_plane.rest import json_answer
from router.control_plane.workers import WorkerPool


class Reload:
    """The handler.

    Args:
        status: what it answers when it is done.
    """

    def __init__(self, pool: WorkerPool, status: Callable[[], Mapping[str, object]]) -> None:
        self._pool = pool
        self._status = status

    @described("Replaces the workers one at a time; answers as /status", {200: Anything})
    async def post(self, _: web.Request) -> web.Response:
        """See described."""
        await self._pool.reload()
        return json_answer(self._status())
