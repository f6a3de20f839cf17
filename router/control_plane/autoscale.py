"""The autoscaler: polls the load of deployments that scale by it, and has them scaled.

What is wanted is decided by core/scaling.py; how instances come and go is provisioning.py's.
"""

import asyncio
import logging
import time

from router.control_plane.provisioning import Provisioner
from router.control_plane.scale_tasks import Key
from router.control_plane.store import Store
from router.control_plane.tasks import Tasks
from router.control_plane.workers import Workers
from router.core.deployment_spec import DeploymentSpec
from router.core.routes import parallel_runs
from router.core.scaling import Scaler, scales_by_load
from router.core.statistics import WorkerStatistics

# Polling intervals are whole seconds.
TICK_S = 1.0

log = logging.getLogger(__name__)


class _Watched:
    """A deployment under watch, as long as its spec stays the same."""

    def __init__(self, spec: DeploymentSpec) -> None:
        self.spec = spec
        self.scaler = Scaler(spec.scale_settings, _runs_at_once(spec))
        self.due = time.monotonic()


class Autoscaler:
    """Polls until it is closed. Workers must be running."""

    def __init__(self, store: Store, workers: Workers, provisioner: Provisioner) -> None:
        self._store = store
        self._workers = workers
        self._provisioner = provisioner
        self._watched: dict[Key, _Watched] = {}
        self._tasks = Tasks()

    def start(self) -> None:
        """Begins."""
        self._tasks.start(self._run(), "autoscaler")

    async def close(self) -> None:
        """Polls no more."""
        await self._tasks.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self._poll_due()
            except Exception:
                # A worker that is being restarted, or a disk that fails; the next poll will do.
                log.exception("the load could not be read")

    async def _poll_due(self) -> None:
        self._watch(self._scaled_by_load())
        due = {
            key: watched
            for key, watched in self._watched.items()
            if watched.due <= time.monotonic()
        }
        if due:
            statistics = await self._workers.statistics()
            for key, watched in due.items():
                self._poll(key, watched, _in_system(statistics, key))

    def _scaled_by_load(self) -> dict[Key, DeploymentSpec]:
        return {
            (spec.endpoint_name, spec.name): spec
            for _, deployments in self._store.everything()
            for deployment in deployments
            if deployment.serving is not None and scales_by_load(spec := deployment.serving.spec)
        }

    def _watch(self, specs: dict[Key, DeploymentSpec]) -> None:
        known = self._watched
        self._watched = {
            key: known[key] if key in known and known[key].spec == spec else _Watched(spec)
            for key, spec in specs.items()
        }

    def _poll(self, key: Key, watched: _Watched, in_system: int) -> None:
        watched.due += watched.spec.scale_settings.polling_interval
        present = self._provisioner.count(key)
        wanted = watched.scaler.observe(in_system, present)
        if wanted != present:
            self._provisioner.scale(key, wanted)


def _runs_at_once(spec: DeploymentSpec) -> int:
    """How many requests keep an instance busy: no more than it may be given (azure.md 4.4).

    With a larger WORKER_COUNT a deployment that turns requests away would still look idle.
    """
    return min(parallel_runs(spec), spec.request_settings.max_concurrent_requests_per_instance)


def _in_system(statistics: WorkerStatistics, key: Key) -> int:
    """Requests of the deployment that wait or run, in all workers."""
    return sum(
        deployment.queued + deployment.outstanding
        for endpoint in statistics.endpoints
        if endpoint.name == key[0]
        for deployment in endpoint.deployments
        if deployment.name == key[1]
    )
