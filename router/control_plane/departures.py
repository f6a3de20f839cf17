"""Instances that are to go: drained, then ended. They are in no group any more (invariant 10)."""

import logging
from collections.abc import Iterable

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
        self._leaving: set[Instance] = set()
        self._tasks = Tasks()

    def add(self, instances: Iterable[Instance]) -> None:
        """Looks after these from now on; they may still be in a worker's routing."""
        self._leaving.update(instances)

    async def drain(self, instances: list[Instance]) -> None:
        """Drains and ends instances that are in no routing any more."""
        if not instances:
            return
        self.add(instances)
        ids = [instance.route.id for instance in instances]
        remaining = list(await self._workers.await_drained(ids, self._settings.drain_timeout_ms))
        if remaining:
            log.warning("instances %s still had requests at the end of their time", remaining)
        await self._supervisor.stop(instances, EXIT_GRACE_MS)
        self._leaving.difference_update(instances)

    def drain_soon(self, instances: list[Instance]) -> None:
        """As ``drain``, without waiting for it."""
        ids = ", ".join(instance.route.id for instance in instances)
        self._tasks.start(self.drain(instances), f"retirement of {ids}")

    async def close(self) -> None:
        """Lets go of them; they run on."""
        await self._tasks.cancel()
