"""The control plane's operations on endpoints and deployments, whoever asks for them.

The REST API and the embedded router are its clients. Each operation checks its input
whole before anything changes; at most one runs on an endpoint at a time. How instances
and routing follow is provisioning.py's.
"""

import asyncio
import contextlib

from msgspec.structs import replace

from router.control_plane.assets import Assets
from router.control_plane.autoscale import Autoscaler
from router.control_plane.blobs import Blobs
from router.control_plane.environments.cache import Environments
from router.control_plane.environments.conda_file import read as read_conda
from router.control_plane.hung import HungWatch
from router.control_plane.instances import Supervisor, conda_of
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.logs import last_lines
from router.control_plane.operations import Operation, Operations
from router.control_plane.provisioning import Provisioner
from router.control_plane.records import (
    Keys,
    KeyType,
    OperationKind,
    StoredDeployment,
    StoredEndpoint,
    declared_deployment,
    declared_endpoint,
    keys_of,
    with_new_key,
)
from router.control_plane.registry import Registry
from router.control_plane.resolver import Resolver
from router.control_plane.store import Store
from router.control_plane.tasks import in_thread
from router.control_plane.tokens import Token, check_uses_keys, new_token
from router.control_plane.workers import Workers
from router.core.deployment_spec import DeploymentSpec
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import Conflict, DeploymentFailed, ResourceNotFound
from router.core.instances_state import InstancesState
from router.core.limits import without_effect
from router.core.routes import check_environment_variables
from router.core.rules import (
    check_deletable,
    check_deployment,
    check_deployment_count,
    check_endpoint,
    check_name,
    check_traffic,
)
from router.core.scaling import count_to_start_with, scales_by_load
from router.core.statistics import EndpointStatistics


class ControlPlane:
    """Owns the state: what is declared, what runs, what is routed.

    Args:
        folder: made already.
        workers: running already.
        settings: may change meanwhile; ``publish`` brings new quotas to the workers.
    """

    def __init__(
        self,
        store: Store,
        folder: StateFolder,
        workers: Workers,
        settings: LiveSettings,
    ) -> None:
        self.operations = Operations(store)
        self._store = store
        self._folder = folder
        self._assets = Assets(folder.assets)
        self.blobs = Blobs(folder.uploads)
        self.registry = Registry(store, self._assets, self.blobs)
        self._resolver = Resolver(self.registry)
        self._workers = workers
        environments = Environments(folder.environments)
        self._settings = settings
        supervisor = Supervisor(folder, lambda: store.next("instance"), environments, settings)
        self._provisioner = Provisioner(store, folder, supervisor, environments, workers, settings)
        self._autoscaler = Autoscaler(store, workers, self._provisioner)
        self._hung_watch = HungWatch(workers, self._provisioner)

    @property
    def scoring_base(self) -> str:
        """The URL under which endpoints are called."""
        return self._workers.scoring_base

    @property
    def store_failures(self) -> int:
        """How often a full or broken disk refused the state; see Store."""
        return self._store.failures

    async def start(self) -> None:
        """Goes on where a former control plane ended; returns when workers serve.

        Instances that are missing start meanwhile.
        """
        await self._provisioner.restore()
        for operation in self.operations.unfinished():
            self._resume(operation)
        self._autoscaler.start()
        self._hung_watch.start()

    async def stop(self) -> None:
        """Breaks off operations and ends all instances. Workers should have stopped before."""
        await self._break_off()
        await self._provisioner.stop()

    async def close(self) -> None:
        """Breaks off operations and lets go of the instances; they run on."""
        await self._break_off()
        await self._provisioner.close()

    async def _break_off(self) -> None:
        await self._hung_watch.close()
        await self._autoscaler.close()
        await self.operations.cancel()

    async def publish(self) -> None:
        """Returns when every worker routes by what is stored, warm and set now."""
        await self._provisioner.publish()

    # Endpoints

    def endpoints(self) -> list[StoredEndpoint]:
        """All, by name."""
        return self._store.endpoints()

    def endpoint(self, name: str) -> StoredEndpoint:
        """The endpoint of this name.

        Raises:
            ResourceNotFound: there is none.
        """
        endpoint = self._store.endpoint(name)
        if endpoint is None:
            raise ResourceNotFound(
                f"expected the name of an endpoint, got {name!r}. Create it first with `turnout "
                f"ml online-endpoint create --name {name}`."
            )
        return endpoint

    async def put_endpoint(self, spec: EndpointSpec) -> bool:
        """Creates or replaces an endpoint; returns when every worker routes by it.

        Returns:
            Whether it is new.

        Raises:
            BadRequest: a broken name or rule (invariant 6).
            Conflict: an operation on it runs, or it is half deleted.
        """
        check_name("endpoint", spec.name)
        with self.operations.exclusive(spec.name, "Updating"):
            deployments = {deployment.spec.name for deployment in self.deployments_of(spec.name)}
            check_traffic(spec.traffic, spec.mirror_traffic, deployments)
            old = self._store.endpoint(spec.name)
            _check_not_half_deleted(old)
            check_endpoint(spec, old.spec if old is not None else None)
            self._store.save_endpoint(declared_endpoint(spec, old))
            await self._provisioner.publish()
        return old is None

    def delete_endpoint(self, name: str) -> Operation | None:
        """Begins to delete an endpoint with its deployments, traffic or not (azure.md 4.7).

        Returns:
            The operation; None if there is no such endpoint.
        """
        endpoint = self._store.endpoint(name)
        if endpoint is None:
            return None
        with contextlib.ExitStack() as until:
            until.enter_context(self.operations.exclusive(name, "Deleting"))
            operation = Operation.new("Deleting", name)
            with self._store.transaction():
                self._store.save_endpoint(replace(endpoint, state="Deleting"))
                self._store.save_operation(operation.record)
            return self._delete(operation, until)

    def keys(self, endpoint_name: str) -> Keys:
        """The endpoint's keys.

        Raises:
            BadRequest: it takes tokens.
        """
        endpoint = self.endpoint(endpoint_name)
        check_uses_keys(endpoint)
        return keys_of(endpoint)

    def token(self, endpoint_name: str) -> Token:
        """A new token; arguments and errors as ``new_token``."""
        return new_token(self.endpoint(endpoint_name))

    async def regenerate_key(self, endpoint_name: str, which: KeyType, value: str | None) -> Keys:
        """Replaces a key; returns when no worker takes the old one any more.

        Args:
            value: the new key; a random one if None or the present key, which clients of
                Azure send along (azure.md section 6).
        """
        with self.operations.exclusive(endpoint_name, "Updating"):
            endpoint = self.endpoint(endpoint_name)
            check_uses_keys(endpoint)
            self._store.save_endpoint(with_new_key(endpoint, which, value))
            await self._provisioner.publish()
        return self.keys(endpoint_name)

    async def statistics(self, endpoint_name: str) -> EndpointStatistics:
        """What all workers counted for the endpoint."""
        self.endpoint(endpoint_name)
        counted = await self._workers.statistics()
        empty = EndpointStatistics(
            name=endpoint_name, scheduled=0, mirror_considered=0, refused=0, deployments=()
        )
        return next((e for e in counted.endpoints if e.name == endpoint_name), empty)

    # Deployments

    def deployments_of(self, endpoint_name: str) -> list[StoredDeployment]:
        """An endpoint's deployments, by name; none for an endpoint that does not exist."""
        return [self._shown(deployment) for deployment in self._store.deployments(endpoint_name)]

    def deployment(self, endpoint_name: str, name: str) -> StoredDeployment:
        """The deployment of this name.

        Raises:
            ResourceNotFound: there is no such deployment, or no such endpoint.
        """
        self.endpoint(endpoint_name)
        deployment = self._store.deployment(endpoint_name, name)
        if deployment is None:
            raise ResourceNotFound(
                f"expected a deployment of endpoint {endpoint_name!r}, got {name!r}. Create it "
                f"first with `turnout ml online-deployment create --name {name} --endpoint-name "
                f"{endpoint_name} --file FILE`."
            )
        return self._shown(deployment)

    def instances_of(self, endpoint_name: str, name: str) -> InstancesState | None:
        """How a deployment's instances fare; None if it never came up."""
        return self._provisioner.state((endpoint_name, name))

    def instances(self) -> dict[tuple[str, str], InstancesState]:
        """How all deployments' instances fare, by the names of endpoint and deployment."""
        return self._provisioner.states()

    async def put_deployment(self, spec: DeploymentSpec) -> Operation:
        """Begins to create or update a deployment, once its code and model are copied.

        Raises:
            BadRequest: a broken name or rule, a path that can't be read, or an asset that isn't
                registered.
            ResourceNotFound: there is no such endpoint.
            Conflict: an operation on the endpoint runs, or it is half deleted.
        """
        check_name("deployment", spec.name)
        check_environment_variables(spec.environment_variables)
        endpoint = self.endpoint(spec.endpoint_name)
        check_deployment(spec, is_kubernetes=endpoint.spec.is_kubernetes)
        with contextlib.ExitStack() as until:
            until.enter_context(self.operations.exclusive(spec.endpoint_name, "Updating"))
            _check_not_half_deleted(self.endpoint(spec.endpoint_name))
            names = {d.spec.name for d in self.deployments_of(spec.endpoint_name)}
            check_deployment_count(len(names | {spec.name}))
            located = self._resolver.locate(spec)
            if (conda := conda_of(located.spec)) is not None:
                read_conda(conda)
            spec = await in_thread(self._assets.stage, located.spec)
            old = self._store.deployment(spec.endpoint_name, spec.name)
            deployment = replace(declared_deployment(spec, old), assets=located.assets)
            warnings = *located.warnings, *without_effect(spec, self._settings.instance_types)
            kind: OperationKind = "Creating" if old is None else "Updating"
            operation = Operation.new(kind, spec.endpoint_name, spec.name, warnings)
            with self._store.transaction():
                self._store.save_deployment(deployment)
                self._store.save_operation(operation.record)
            return self._bring_up(operation, deployment, until)

    def check_assets(self, spec: DeploymentSpec) -> None:
        """Refuses what ``put_deployment`` would for the assets that it names.

        Raises:
            BadRequest: one is not registered.
        """
        self._resolver.locate(spec)

    def delete_deployment(self, endpoint_name: str, name: str) -> Operation | None:
        """Begins to delete a deployment.

        Returns:
            The operation; None if there is no such deployment.

        Raises:
            BadRequest: live or mirrored requests still reach it.
            Conflict: an operation on the endpoint runs.
        """
        endpoint = self._store.endpoint(endpoint_name)
        deployment = self._store.deployment(endpoint_name, name)
        if endpoint is None or deployment is None:
            return None
        check_deletable(name, endpoint.spec.traffic, endpoint.spec.mirror_traffic)
        with contextlib.ExitStack() as until:
            until.enter_context(self.operations.exclusive(endpoint_name, "Deleting"))
            operation = Operation.new("Deleting", endpoint_name, name)
            with self._store.transaction():
                self._store.save_deployment(replace(deployment, state="Deleting"))
                self._store.save_operation(operation.record)
            return self._delete(operation, until)

    async def logs(self, endpoint_name: str, name: str, lines_max: int) -> str:
        """The last lines that the deployment's instances printed."""
        self.deployment(endpoint_name, name)
        folder = self._folder.deployment_logs(endpoint_name, name)
        return await asyncio.to_thread(last_lines, folder, lines_max)

    def _shown(self, deployment: StoredDeployment) -> StoredDeployment:
        """With what only this process knows of one that scales by load."""
        spec = deployment.spec
        key = spec.endpoint_name, spec.name
        if not scales_by_load(spec):
            return deployment
        count = self._provisioner.count(key) or count_to_start_with(spec, 0)
        scaling = deployment.state == "Succeeded" and self._provisioner.is_scaling(key)
        return replace(
            deployment,
            spec=replace(spec, instance_count=count),
            state="Scaling" if scaling else deployment.state,
        )

    # What operations do. Each frees the endpoint when it ends, by closing ``until``.

    def _resume(self, operation: Operation) -> None:
        """Goes on with what a former control plane had accepted and not ended."""
        record = operation.record
        with contextlib.ExitStack() as until:
            until.enter_context(self.operations.exclusive(record.endpoint, record.kind))
            if record.kind == "Deleting":
                self._delete(operation, until)
                return
            deployment = self._store.deployment(record.endpoint, record.deployment or "")
            assert deployment is not None, "an operation keeps others off"
            if deployment.state in {"Succeeded", "Failed"}:
                # It had come to its end, and only that was not noted any more.
                self.operations.end(operation, _failure_of(deployment))
            else:
                self._bring_up(operation, deployment, until)

    def _delete(self, operation: Operation, until: contextlib.ExitStack) -> Operation:
        """What is gone already is deleted in vain."""
        endpoint, deployment = operation.record.endpoint, operation.record.deployment
        work = (
            self._provisioner.delete_endpoint(endpoint)
            if deployment is None
            else self._provisioner.delete_deployment(endpoint, deployment)
        )
        return self.operations.start(operation, work, until)

    def _bring_up(
        self, operation: Operation, deployment: StoredDeployment, until: contextlib.ExitStack
    ) -> Operation:
        work = self._provisioner.bring_up(deployment, operation.say, operation.warn)
        return self.operations.start(operation, work, until)


def _failure_of(deployment: StoredDeployment) -> DeploymentFailed | None:
    return None if deployment.error is None else DeploymentFailed(deployment.error)


def _check_not_half_deleted(endpoint: StoredEndpoint | None) -> None:
    """Its instances may be gone, though its deployments are stored."""
    if endpoint is not None and endpoint.state == "Deleting":
        name = endpoint.spec.name
        raise Conflict(
            f"expected an endpoint that is not being deleted, got {name!r}, whose deletion failed "
            f"on its way. Delete it again: `turnout ml online-endpoint delete --name {name}`."
        )
