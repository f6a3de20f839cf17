"""A simulated control plane: carries out operations as router/control_plane/ does.

Rules, routes, exclusiveness, restart delays, and who hangs or goes are the core's; what is
simulated is that processes take time to start, and that workers take a moment to swap.
"""

import itertools
from collections.abc import Callable, Iterable

import msgspec

from router.core.backoff import Backoff
from router.core.deployment_spec import CodeConfiguration, DeploymentSpec
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import BadRequest, ResourceNotFound, TurnoutError
from router.core.exclusive import Exclusive
from router.core.letting_go import instances_to_let_go
from router.core.parse import parse
from router.core.probing import is_hung
from router.core.quota_settings import QuotaOf
from router.core.routes import WORKER_COUNT, deployment_route
from router.core.routing import EndpointRoute, InstanceRoute, Routing
from router.core.rules import (
    check_deletable,
    check_deployment,
    check_deployment_count,
    check_endpoint,
    check_name,
    check_traffic,
)
from router.core.statistics import InstanceStatistics, sum_of_instances
from sim import scenario as declared
from sim.begun import Begun
from sim.clock import NS_PER_MS, NS_PER_S, After, Clock
from sim.instance import Model, SimAnswer, SimInstance
from sim.record import Record
from sim.rules_seen import rules_seen
from sim.steps import Doing, whole
from sim.worker import KEY, SimWorker

# From the control plane to a worker, and until the answer is there.
APPLY_NS = 2 * NS_PER_MS
# How often the control plane asks what instances owe (control_plane/hung.py).
HUNG_POLL_NS = 2 * NS_PER_S


class SimDeployment:
    """A deployment that is there, or is being brought up.

    Attributes:
        wanted: how many instances it is to have.
        warm: those that serve.
    """

    def __init__(self, spec: DeploymentSpec, model: Model) -> None:
        self.spec = spec
        self.model = model
        self.wanted = spec.instance_count
        self.warm: list[SimInstance] = []


class Stored(msgspec.Struct):
    """What the control plane has acknowledged: endpoints, and how many instances are wanted."""

    endpoints: dict[str, EndpointSpec]
    deployments: dict[str, dict[str, DeploymentSpec]]


class Plane:
    """The control plane of one run.

    Args:
        models: how each deployment that may be created behaves, by endpoint and name.
        work: see SimInstance.
        draw: a random number from 0 to 1, for delays of restarts.
    """

    def __init__(
        self,
        clock: Clock,
        record: Record,
        workers: list[SimWorker],
        quota_of: QuotaOf,
        models: dict[tuple[str, str], tuple[declared.Deployment, Model]],
        message_ns: int,
        work: After,
        draw: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._draw = draw
        self._record = record
        self._workers = workers
        self._quota_of = quota_of
        self._models = models
        self._message_ns = message_ns
        self._work = work
        self._endpoints: dict[str, EndpointSpec] = {}
        self._deployments: dict[str, dict[str, SimDeployment]] = {}
        self._instances: dict[str, SimInstance] = {}
        self._exclusive = Exclusive()
        self._generation = 0
        self._numbers = itertools.count(1)

    def instance(self, instance_id: str) -> SimInstance | None:
        """See worker.Fleet."""
        return self._instances.get(instance_id)

    def start(self, endpoints: list[declared.Endpoint], later: set[tuple[str, str]]) -> None:
        """Declares what is there from the start, warm.

        Raises:
            BadRequest: it breaks a rule.
        """
        for number, endpoint in enumerate(endpoints):
            try:
                self._start(endpoint, later)
            except BadRequest as error:
                at = f"`$.endpoints[{number}]."
                raise BadRequest(error.message.replace("`$.", at)) from None
        self._publish(lambda: None)
        self._clock.after(HUNG_POLL_NS, self._replace_hung)

    def _start(self, endpoint: declared.Endpoint, later: set[tuple[str, str]]) -> None:
        check_name("endpoint", endpoint.name)
        self._deployments[endpoint.name] = {}
        for number, one in enumerate(endpoint.deployments):
            if (endpoint.name, one.name) in later:
                continue
            try:
                check_name("deployment", one.name)
                deployment = self._declare(endpoint.name, one.name)
            except BadRequest as error:
                raise BadRequest(
                    error.message.replace("`$.", f"`$.deployments[{number}].")
                ) from None
            self._admit(deployment, deployment.wanted)
        spec = EndpointSpec(
            name=endpoint.name,
            traffic=endpoint.traffic,
            mirror_traffic=endpoint.mirror_traffic,
        )
        check_traffic(spec.traffic, spec.mirror_traffic, self._deployments[endpoint.name])
        self._endpoints[endpoint.name] = spec

    def do(self, endpoint: str, doing: Doing, step: int) -> None:
        """Begins an operation, or refuses it; the record has how it ends.

        Args:
            step: the part of the timeline that begins with it.
        """
        begun = Begun(doing.words, step, self._clock, self._record)
        before = self._stored()
        try:
            self._begin(endpoint, doing, begun)
        except TurnoutError as error:
            self._record.auditor.operation_refused(before, self._stored())
            begun.end(f"refused: ({error.code}) {error.message}")

    def crash(self, endpoint: str, name: str) -> None:
        """All instances of the deployment end; others are started, later each time."""
        deployment = self._deployments.get(endpoint, {}).get(name)
        if deployment is not None:
            self._record.auditor.faulty(name)
            for instance in list(deployment.warm):
                self._crash(deployment, instance)

    def unhang(self, model: Model) -> None:
        """What hangs goes on, in instances that are to go, too."""
        for instance in self._instances.values():
            if instance.model is model:
                instance.unhang()

    def _begin(self, endpoint: str, doing: Doing, begun: Begun) -> None:
        if doing.verb == "restart":
            self._restart(begun)
            return
        if endpoint not in self._endpoints:
            raise ResourceNotFound(f"expected an endpoint, got {endpoint!r}")
        match doing.verb:
            case "traffic" | "mirror_traffic":
                self._set_traffic(endpoint, doing, begun)
            case "create":
                self._create(endpoint, doing.name, begun)
            case "delete":
                self._delete(endpoint, doing.name, begun)
            case "instance_count":
                self._scale(endpoint, doing, begun)

    def _set_traffic(self, endpoint: str, doing: Doing, begun: Begun) -> None:
        percents = whole(doing.numbers, doing.verb)
        old = self._endpoints[endpoint]
        self._exclusive.begin(endpoint, "Updating")
        try:
            spec = msgspec.structs.replace(old, **{doing.verb: percents})
            check_traffic(spec.traffic, spec.mirror_traffic, self._deployments[endpoint])
            check_endpoint(spec, old)
        except BaseException:
            self._exclusive.end(endpoint)
            raise
        self._endpoints[endpoint] = spec
        self._publish(lambda: self._end(endpoint, begun), begun.step)

    def _create(self, endpoint: str, name: str, begun: Begun) -> None:
        check_name("deployment", name)
        check_deployment_count(len(self._deployments[endpoint].keys() | {name}))
        with self._exclusive.on(endpoint, "Updating"):
            deployment = self._declare(endpoint, name)
        self._exclusive.begin(endpoint, "Updating")
        self._grow(deployment, endpoint, begun)

    def _scale(self, endpoint: str, doing: Doing, begun: Begun) -> None:
        ((name, count),) = whole(doing.numbers, doing.verb).items()
        deployment = self._deployments[endpoint].get(name)
        if deployment is None:
            raise ResourceNotFound(f"expected a deployment of {endpoint!r}, got {name!r}")
        # As a file that says so would be read: with its ranges.
        raw = {**msgspec.to_builtins(deployment.spec), "instance_count": count}
        spec = parse(DeploymentSpec, raw, f"deployment {name!r}")
        self._exclusive.begin(endpoint, "Updating")
        deployment.spec = spec
        deployment.wanted = count
        self._grow(deployment, endpoint, begun)

    def _delete(self, endpoint: str, name: str, begun: Begun) -> None:
        spec = self._endpoints[endpoint]
        if name not in self._deployments[endpoint]:
            raise ResourceNotFound(f"expected a deployment of {endpoint!r}, got {name!r}")
        check_deletable(name, spec.traffic, spec.mirror_traffic)
        self._exclusive.begin(endpoint, "Deleting")
        del self._deployments[endpoint][name]
        self._publish(lambda: self._end(endpoint, begun), begun.step)

    def _restart(self, begun: Begun) -> None:
        """The process ends and another begins: from what was stored, and what runs."""
        before = self._stored()
        stored = msgspec.msgpack.decode(before, type=Stored)
        self._endpoints = stored.endpoints
        for endpoint, specs in stored.deployments.items():
            for name, spec in specs.items():
                self._deployments[endpoint][name].spec = spec
        self._record.auditor.restarted(before, self._stored())
        self._publish(lambda: begun.end("done"), begun.step)

    def _end(self, endpoint: str, begun: Begun) -> None:
        self._exclusive.end(endpoint)
        begun.end("done")

    def _declare(self, endpoint: str, name: str) -> SimDeployment:
        found = self._models.get((endpoint, name))
        if found is None:
            raise BadRequest(
                f"expected a deployment that the scenario describes, got {name!r}, at "
                f"`$.endpoints.{endpoint}.deployments`"
            )
        one, model = found
        spec = DeploymentSpec(
            name=name,
            endpoint_name=endpoint,
            code_configuration=CodeConfiguration(code=".", scoring_script="score.py"),
            instance_count=one.instance_count,
            request_settings=one.request_settings,
            environment_variables={WORKER_COUNT: str(one.parallel_runs)},
        )
        check_deployment(spec, is_kubernetes=False)
        deployment = self._deployments[endpoint][name] = SimDeployment(spec, model)
        return deployment

    def _grow(self, deployment: SimDeployment, endpoint: str, begun: Begun) -> None:
        """Starts what is missing, lets go of what is too much, and publishes then."""

        def warm(_: object) -> None:
            self._admit(deployment, deployment.wanted - len(deployment.warm))
            over = len(deployment.warm) - deployment.wanted
            ids = [instance.id for instance in deployment.warm]
            outstanding = {id_: one.outstanding for id_, one in self._owed().items()}
            going = instances_to_let_go(ids, ids, outstanding, over)
            deployment.warm = [one for one in deployment.warm if one.id not in going]
            self._publish(lambda: self._end(endpoint, begun), begun.step)

        missing = deployment.wanted > len(deployment.warm)
        self._clock.after(deployment.model.cold_start_ns if missing else 0, warm)

    def _admit(
        self, deployment: SimDeployment, count: int, backoff: Backoff | None = None
    ) -> None:  # fmt: skip
        """So many instances have become warm.

        Args:
            backoff: of the place that one takes.
        """
        spec = deployment.spec
        for _ in range(max(count, 0)):
            instance = SimInstance(
                f"{spec.endpoint_name}-{spec.name}-{next(self._numbers)}",
                deployment.model,
                int(spec.environment_variables[WORKER_COUNT]),
                self._clock,
                self._work,
                self._send_answers,
                backoff or Backoff(),
            )
            self._instances[instance.id] = instance
            deployment.warm.append(instance)
            if deployment.model.ends_at_once:
                self._clock.after(0, lambda one: self._crash(deployment, one), instance)

    def _crash(self, deployment: SimDeployment, instance: SimInstance) -> None:
        if instance.dead:
            return
        instance.dead = True
        del self._instances[instance.id]
        for worker in self._workers:
            self._clock.after(self._message_ns, worker.lose, instance.id)
        if instance in deployment.warm:
            deployment.warm.remove(instance)
            backoff = instance.backoff
            backoff.on_end((self._clock.now_ns - instance.started_ns) / NS_PER_S)
            self._publish(lambda: None)
            wait_ns = round(backoff.delay_s(self._draw()) * NS_PER_S)
            wait_ns += deployment.model.cold_start_ns
            self._clock.after(wait_ns, self._replace, (deployment, backoff))

    def _replace(self, place: tuple[SimDeployment, Backoff]) -> None:
        deployment, backoff = place
        if len(deployment.warm) < deployment.wanted:
            self._admit(deployment, 1, backoff)
            self._publish(lambda: None)

    def _replace_hung(self, _: object) -> None:
        """Ends instances that have owed an answer for too long."""
        owed = self._owed()
        for found in self._deployments.values():
            for name, deployment in found.items():
                timeout_ms = deployment.spec.request_settings.request_timeout_ms
                for instance in list(deployment.warm):
                    known = owed.get(instance.id)
                    if known and is_hung(known.overdue_ns // NS_PER_MS, timeout_ms):
                        self._record.auditor.faulty(name)
                        self._crash(deployment, instance)
        self._clock.after(HUNG_POLL_NS, self._replace_hung)

    def _owed(self) -> dict[str, InstanceStatistics]:
        """What instances owe all workers together, by their ids."""
        now_ns = self._clock.now_ns
        rows = (row for worker in self._workers for row in worker.dispatcher.instances(now_ns))
        return {one.id: one for one in sum_of_instances(rows)}

    def _send_answers(
        self, instance: SimInstance, worker: SimWorker, answers: list[SimAnswer]
    ) -> None:
        self._clock.after(self._message_ns, worker.take_answers, (instance.id, answers))

    def _publish(self, returned: Callable[[], None], step: int = 0) -> None:
        """Gives all workers the present state.

        Args:
            returned: called when all of them go by it.
            step: the part of the timeline that begins with it.
        """
        self._generation += 1
        self._record.begin_step_with(self._generation, step)
        routing = Routing(generation=self._generation, endpoints=tuple(self._routes()))
        self._record.auditor.published(routing.generation, rules_seen(routing))
        for worker in self._workers:
            self._clock.after(APPLY_NS, worker.swap, routing)

        def acknowledged(_: object) -> None:
            self._record.auditor.returned(routing.generation)
            returned()

        self._clock.after(2 * APPLY_NS, acknowledged)

    def _routes(self) -> Iterable[EndpointRoute]:
        for name, spec in self._endpoints.items():
            yield EndpointRoute(
                name=name,
                keys=(KEY,),
                deployments=tuple(
                    deployment_route(
                        one.spec,
                        one.wanted,
                        tuple(InstanceRoute(id=i.id, target="") for i in one.warm),
                    )
                    for one in self._deployments[name].values()
                ),
                traffic=spec.traffic,
                mirror_traffic=spec.mirror_traffic,
                quota=self._quota_of(name),
            )

    def _stored(self) -> bytes:
        deployments = {
            endpoint: {name: one.spec for name, one in found.items()}
            for endpoint, found in self._deployments.items()
        }
        return msgspec.msgpack.encode(Stored(self._endpoints, deployments))
