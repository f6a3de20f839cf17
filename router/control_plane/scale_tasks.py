"""Changes of the number of instances that the load asked for, beside what users ask for.

A user's operation on a deployment comes first: it breaks off a change that is going on, and
none begins meanwhile. So the autoscaler never makes a user wait, nor be refused.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

from router.core.errors import TurnoutError

Key = tuple[str, str]

# After a start that failed, so that a broken deployment is not started every second.
PAUSE_S = 30.0

log = logging.getLogger(__name__)


class ScaleTasks:
    """At most one change a deployment.

    Args:
        scale: brings a deployment to a number of instances; may be broken off at any await.
    """

    def __init__(self, scale: Callable[[Key, int], Awaitable[None]]) -> None:
        self._scale = scale
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._kept_off: set[Key] = set()
        self._not_before: dict[Key, float] = {}

    def start(self, key: Key, count: int) -> None:
        """Begins a change, unless one goes on, failed just now, or is kept off."""
        is_paused = time.monotonic() < self._not_before.get(key, 0)
        if is_paused or key in self._running or key in self._kept_off:
            return
        task = asyncio.create_task(self._run(key, count), name=f"scaling of {key}")
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key))

    def is_running(self, key: Key) -> bool:
        """Whether a change goes on."""
        return key in self._running

    @asynccontextmanager
    async def kept_off(self, keys: Collection[Key]) -> AsyncIterator[None]:
        """Breaks off changes of these deployments and lets none begin meanwhile."""
        self._kept_off.update(keys)
        try:
            await self._cancel([self._running[key] for key in keys if key in self._running])
            yield
        finally:
            self._kept_off.difference_update(keys)

    async def close(self) -> None:
        """Breaks off what goes on."""
        await self._cancel(list(self._running.values()))

    async def _run(self, key: Key, count: int) -> None:
        endpoint, deployment = key
        log.info("deployment %r of endpoint %r is scaled to %d", deployment, endpoint, count)
        try:
            await self._scale(key, count)
        except TurnoutError as error:
            log.error("%s", error.message)  # noqa: TRY400 - the message has the traceback
        except Exception:
            log.exception("the number of instances could not be changed")
        else:
            return
        self._not_before[key] = time.monotonic() + PAUSE_S

    async def _cancel(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
