"""Instances that are to go: drained, then ended. They are in no group any more (invariant 10)."""

import asyncio
import logging
from collections.abc import Collection, Iterable

from router.control_plane.instances import Instance, Supervisor
from router.control_plane.live_settings import LiveSettings
from router.control_plane.tasks import Tasks
from router.control_plane.workers import Workers

# Over and above the time to drain: what an instance may take to end.
EXIT_GRACE_MS = 10_000

log = logging.getLogger(__name__)


class Departures:
    """Everything that is on its way out."""

    def __init__(self, workers: Workers, supervisor: Supervisor, settings: LiveSettings) -> None:
        self._settings = settings
        self._workers = workers
        self._supervisor = supervisor
        self._routed: set[Instance] = set()
        self._draining: dict[Instance, asyncio.Task[None]] = {}
        self._tasks = Tasks()

    @property
    def routed(self) -> Collection[Instance]:
        """Those that workers may still send requests: the next routing is without them."""
        return frozenset(self._routed)

    def add(self, instances: Iterable[Instance]) -> None:
        """Looks after these from now on."""
        self._routed.update(instances)

    def drain_soon(self, instances: Collection[Instance]) -> None:
        """Begins to drain and end instances that are in no worker's routing any more."""
        going = [one for one in instances if one in self._routed]
        if not going:
            return
        self._routed.difference_update(going)
        ids = ", ".join(instance.route.id for instance in going)
        task = self._tasks.start(self._drain(going), f"retirement of {ids}")
        self._draining.update(dict.fromkeys(going, task))

    async def wait_ended(self, instances: Iterable[Instance]) -> None:
        """Returns when those of them that drain have ended."""
        tasks = {self._draining[one] for one in instances if one in self._draining}
        if tasks:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Lets go of them; they run on."""
        await self._tasks.cancel()

    async def _drain(self, instances: list[Instance]) -> None:
        ids = [instance.route.id for instance in instances]
        timeout_ms = self._settings.drain_timeout_ms
        try:
            remaining = list(await self._workers.await_drained(ids, timeout_ms))
            if remaining:
                log.warning("instances %s still had requests at the end of their time", remaining)
            await self._supervisor.stop(instances, EXIT_GRACE_MS)
        finally:
            for instance in instances:
                del self._draining[instance]
