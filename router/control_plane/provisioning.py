"""Bringing deployments up and down: instances, routing and store, in an order that is safe.

New instances are warm before any worker hears of them; old ones have left every worker's
routing and are drained before they are told to end (invariant 10). What is intended is on
disk before it is begun, what serves is on disk before it is routed to, so that a control
plane that dies at any point leaves a state from which the next one goes on (invariant 11).
"""

import asyncio
import contextlib
import itertools
import logging
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from router.control_plane.departures import EXIT_GRACE_MS, Departures
from router.control_plane.environments.cache import Environments
from router.control_plane.groups import InstanceGroup
from router.control_plane.instances import Adopted, Instance, InstanceOwner, Supervisor, conda_of
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.publishing import Publisher
from router.control_plane.records import Serving, StoredDeployment, now
from router.control_plane.routing_of import Placed, routing_of
from router.control_plane.scale_tasks import Key, ScaleTasks
from router.control_plane.store import Store
from router.control_plane.tasks import Tasks
from router.control_plane.workers import Workers
from router.core.deployment_spec import DeploymentSpec
from router.core.errors import TurnoutError
from router.core.instances_state import InstancesState
from router.core.routing import Routing
from router.core.scaling import count_to_start_with
from router.core.snapshot import NS_PER_MS
from router.core.statistics import InstanceStatistics

Say = Callable[[str], None]

log = logging.getLogger(__name__)


class Provisioner:
    """What turns declarations into running instances and routing.

    Args:
        settings: may change meanwhile.
    """

    def __init__(
        self,
        store: Store,
        folder: StateFolder,
        supervisor: Supervisor,
        environments: Environments,
        workers: Workers,
        settings: LiveSettings,
    ) -> None:
        self._store = store
        self._folder = folder
        self._supervisor = supervisor
        self._environments = environments
        self._workers = workers
        self._settings = settings
        self._groups: dict[Key, InstanceGroup] = {}
        self._scaling = ScaleTasks(self._scale)
        self._departures = Departures(workers, supervisor, settings)
        self._publisher = Publisher(workers, self._departures, self._routing)
        self._tasks = Tasks()

    async def publish(self) -> None:
        """See Publisher."""
        await self._publisher.publish()

    async def bring_up(self, deployment: StoredDeployment, say: Say, warn: Say) -> None:
        """Makes what is declared serve; what served before goes on until then.

        Args:
            say: told how far it is.
            warn: told what is not as it was declared.

        Raises:
            TurnoutError: it could not be; the deployment is stored as Failed with the reason.
        """
        spec = deployment.spec
        try:
            async with self._scaling.kept_off([(spec.endpoint_name, spec.name)]):
                await self._bring_up(deployment, say, warn)
        except Exception as error:
            self._save(spec, state="Failed", error=str(error))
            raise
        self._save(spec, state="Succeeded", error=None)

    def count(self, key: Key) -> int:
        """How many instances the deployment is to have; 0 if none serve."""
        group = self._groups.get(key)
        return group.wanted if group is not None else 0

    def state(self, key: Key) -> InstancesState | None:
        """How the deployment's instances fare; None if it never came up."""
        group = self._groups.get(key)
        return group.state if group is not None else None

    def states(self) -> dict[Key, InstancesState]:
        """How all deployments' instances fare."""
        return {key: group.state for key, group in self._groups.items()}

    def replace_hung(self, owed: Iterable[InstanceStatistics]) -> None:
        """Has those replaced that have owed an answer for too long."""
        by_id = {one.id: one.overdue_ns // NS_PER_MS for one in owed if one.overdue_ns}
        for group in self._groups.values():
            group.replace_hung(by_id)

    def scale(self, key: Key, count: int) -> None:
        """Begins to change the number of a deployment's instances, unless something else does."""
        if key in self._groups:
            self._scaling.start(key, count)

    def is_scaling(self, key: Key) -> bool:
        """Whether the number of its instances is being changed."""
        return self._scaling.is_running(key)

    async def delete_endpoint(self, name: str) -> None:
        """Ends and forgets an endpoint that is stored as Deleting, with its deployments."""
        deployments = [deployment.spec.name for deployment in self._store.deployments(name)]
        await self._take_down([(name, deployment) for deployment in deployments])
        self._store.delete_endpoint(name)
        shutil.rmtree(self._folder.endpoint_logs(name), ignore_errors=True)

    async def delete_deployment(self, endpoint_name: str, name: str) -> None:
        """Ends and forgets a deployment that is stored as Deleting."""
        await self._take_down([(endpoint_name, name)])
        self._store.delete_deployment(endpoint_name, name)
        shutil.rmtree(self._folder.deployment_logs(endpoint_name, name), ignore_errors=True)

    async def restore(self) -> None:
        """Goes on where a former control plane ended: takes up what runs, starts what is missing.

        Returns when workers route to what is warm already. Whatever else there is to be is
        routed to as it gets warm: an ``init()`` that hangs holds up nobody else.
        """
        adopted = self._supervisor.adopt()
        served, starting = len(adopted.served), len(adopted.starting)
        log.info("%d instances run already, %d of them warm", served + starting, served)
        servings = self._servings()
        owners = {_owner(serving) for serving in servings}
        released = await asyncio.gather(*(self._restore(one, adopted) for one in servings))
        strays = [instance for instance in adopted.starting if instance.owner not in owners]
        await self._supervisor.stop(strays, timeout_ms=0)
        leaving = [instance for instance in adopted.served if instance.owner not in owners]
        leaving += itertools.chain.from_iterable(released)
        self._departures.add(leaving)
        # What serves must not end with us. It is tried again, and then said.
        with contextlib.suppress(TurnoutError):
            await self.publish()

    async def stop(self) -> None:
        """Ends all instances. Workers should have stopped before."""
        await self.close()
        # What workers have not waited for, nobody waits for.
        await self._supervisor.stop(self._supervisor.instances, EXIT_GRACE_MS)

    async def close(self) -> None:
        """Lets go of the instances; they run on."""
        await self._scaling.close()
        await self._tasks.cancel()
        await asyncio.gather(*(group.close() for group in self._groups.values()))
        await self._publisher.close()
        await self._departures.close()

    async def _take_down(self, keys: Sequence[Key]) -> None:
        """Drains and ends all instances of deployments that are stored as Deleting."""
        async with self._scaling.kept_off(keys):
            groups = [group for key in keys if (group := self._groups.pop(key, None)) is not None]
            released = [instance for group in groups for instance in group.shrink(0, {})]
            self._departures.add(released)
        for group in groups:
            await group.close()
        await self.publish()
        await self._departures.wait_ended(released)

    async def _bring_up(self, deployment: StoredDeployment, say: Say, warn: Say) -> None:
        spec = deployment.spec
        await self._environments.python_for(conda_of(spec), say, warn)
        key = (spec.endpoint_name, spec.name)
        old = self._groups.get(key)
        if old is None or deployment.serving is None or _differs(deployment.serving.spec, spec):
            serving = Serving(spec=spec, revision=self._store.next("revision"))
            group = self._group(serving)
        else:
            serving = replace(deployment.serving, spec=spec)
            group = old
        count = count_to_start_with(spec, old.wanted if old is not None else 0)
        await group.grow(count, _counter(count, say))
        try:
            self._save(spec, serving=serving)
        except Exception:
            # What is not on disk must not be routed to.
            if group is not old:
                await self._supervisor.stop(group.shrink(0, {}), timeout_ms=0)
            raise
        if group is old:
            group.follow(spec)
            released = group.shrink(count, await self._outstanding())
        else:
            released = old.shrink(0, {}) if old is not None else []
        # At every await, each instance is in one of the groups or among those that leave: so
        # that this can be broken off anywhere.
        self._groups[key] = group
        self._departures.add(released)
        if old is not None and old is not group:
            await old.close()
        await self.publish()
        say(f"{count} instances serve; {len(released)} drain")
        await self._departures.wait_ended(released)

    async def _scale(self, key: Key, count: int) -> None:
        """Starts what is missing, or lets go of what is too much."""
        group = self._groups[key]
        await group.grow(count, lambda _: None)
        released = group.shrink(count, await self._outstanding())
        self._departures.add(released)
        self._tasks.start(self.publish(), f"routing after scaling {key}")

    def _routing(self, generation: int) -> Routing:
        """What is stored, with the instances that are warm."""
        return routing_of(
            generation,
            self._store.everything(),
            {key: Placed(group.wanted, group.routes) for key, group in self._groups.items()},
            self._settings.quota_of,
        )

    async def _outstanding(self) -> Mapping[str, int]:
        """How many requests each instance holds."""
        return {one.id: one.outstanding for one in await self._workers.instances()}

    def _servings(self) -> list[Serving]:
        """What is to serve, of all deployments."""
        return [
            deployment.serving
            for endpoint, deployments in self._store.everything()
            for deployment in deployments
            if deployment.serving is not None
            and "Deleting" not in {endpoint.state, deployment.state}
        ]

    async def _restore(self, serving: Serving, adopted: Adopted) -> list[Instance]:
        """Takes up a deployment's instances; returns those that are too many."""
        spec = serving.spec
        group = self._group(serving)
        self._groups[spec.endpoint_name, spec.name] = group
        group.adopt(one for one in adopted.served if one.owner == group.owner)
        group.await_warm(one for one in adopted.starting if one.owner == group.owner)
        count = count_to_start_with(spec, group.wanted)
        group.keep(count)
        return group.shrink(count, await self._outstanding()) if group.wanted > count else []

    def _group(self, serving: Serving) -> InstanceGroup:
        return InstanceGroup(self._supervisor, _owner(serving), serving.spec, self.publish)

    def _save(self, spec: DeploymentSpec, **changes: object) -> None:
        stored = self._store.deployment(spec.endpoint_name, spec.name)
        assert stored is not None, "deleted while an operation ran on it"
        self._store.save_deployment(replace(stored, modified_at=now(), **changes))


def _owner(serving: Serving) -> InstanceOwner:
    return InstanceOwner(serving.spec.endpoint_name, serving.spec.name, serving.revision)


def _differs(serving: DeploymentSpec, declared: DeploymentSpec) -> bool:
    """Whether only new instances can run what is declared now."""
    return (
        serving.code_configuration != declared.code_configuration
        or serving.model != declared.model
        or conda_of(serving) != conda_of(declared)
        or serving.environment_variables != declared.environment_variables
        or serving.instance_type != declared.instance_type
        or serving.resources != declared.resources
    )


def _counter(count: int, say: Say) -> Callable[[int], None]:
    return lambda ready: say(f"{ready} of {count} instances ready")
