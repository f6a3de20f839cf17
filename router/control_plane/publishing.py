"""Publishing: workers route by what is stored and warm now, and are told until they do."""

import asyncio
import logging
from collections.abc import Callable

from router.control_plane.departures import Departures
from router.control_plane.tasks import Shared, Tasks
from router.control_plane.workers import Workers
from router.core.errors import TurnoutError
from router.core.routing import Routing

AGAIN_S = 1.0

log = logging.getLogger(__name__)


class Publisher:
    """What hands routing over.

    Args:
        departures: those that the next routing is without; they drain once it is in force.
        routing: makes what is to be in force now, by its number.
    """

    def __init__(
        self, workers: Workers, departures: Departures, routing: Callable[[int], Routing]
    ) -> None:
        self._workers = workers
        self._departures = departures
        self._routing = routing
        self._publishing = Shared(self._publish)
        self._tasks = Tasks()
        self._late: asyncio.Task[None] | None = None

    async def publish(self) -> None:
        """Returns when every worker routes by what is stored and warm now.

        What it is without begins to drain.

        Raises:
            TurnoutError: what is stored can't be read, or a worker has not taken the routing in
                its time. It is tried again until it is in force everywhere.
        """
        await self._publishing.join()

    async def close(self) -> None:
        """Breaks off what is handed over."""
        await self._tasks.cancel()
        await self._publishing.cancel()

    async def _publish(self) -> None:
        try:
            await self._publish_once()
        except TurnoutError:
            if self._late is None or self._late.done():
                self._late = self._tasks.start(self._publish_again(), "routing that is late")
            raise

    async def _publish_again(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_S)
            try:
                await self._publish_once()
            except TurnoutError as error:
                log.error("what is stored is not in force everywhere yet: %s", error.message)  # noqa: TRY400
            else:
                return

    async def _publish_once(self) -> None:
        # Numbered and handed over in one turn: no newer one comes in between, and none waits until
        # a worker that can't come up has taken the one before.
        leaving = self._departures.routed
        await self._workers.apply(self._routing(self._workers.generation + 1))
        # Else a worker may route to them yet.
        self._departures.drain_soon(leaving)
