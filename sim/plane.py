"""A simulated control plane: carries out operations as router/control_plane/ does.

Rules, routes and exclusiveness are the core's; what is simulated is that workers take a moment to
swap, and a disk on which everything is that has been acknowledged. Instances are fleet.py's.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from router.core.deployment_spec import CodeConfiguration, DeploymentSpec
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import BadRequest, ResourceNotFound, TurnoutError
from router.core.exclusive import Exclusive
from router.core.parse import parse
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
from sim import scenario as declared
from sim.begun import Begun
from sim.checkers.broken import Place
from sim.clock import NS_PER_MS, Clock
from sim.fleet import SimFleet
from sim.instance import Model
from sim.record import Record
from sim.rules_seen import rules_seen
from sim.steps import Doing, whole
from sim.worker import KEY, SimWorker

# From the control plane to a worker, and until the answer is there.
APPLY_NS = 2 * NS_PER_MS


class Stored(msgspec.Struct):
    """What the control plane has acknowledged, or is about: all that a next one begins with."""

    endpoints: dict[str, EndpointSpec]
    deployments: dict[str, dict[str, DeploymentSpec]]


class Plane:
    """The control plane of one run.

    Args:
        models: how each deployment that may be created behaves.
    """

    def __init__(
        self,
        clock: Clock,
        record: Record,
        workers: list[SimWorker],
        quota_of: QuotaOf,
        models: Mapping[Place, tuple[declared.Deployment, Model]],
        fleet: SimFleet,
    ) -> None:
        self._clock = clock
        self._record = record
        self._workers = workers
        self._quota_of = quota_of
        self._models = models
        self._fleet = fleet
        fleet.changed = lambda: self._publish(lambda: None)
        self._memory = Stored({}, {})
        self._disk = b""
        self._exclusive = Exclusive()
        self._generation = 0

    def start(self, endpoints: list[declared.Endpoint], later: set[Place]) -> None:
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
        self._store()
        self._publish(lambda: None)

    def _start(self, endpoint: declared.Endpoint, later: set[Place]) -> None:
        check_name("endpoint", endpoint.name)
        deployments = self._memory.deployments[endpoint.name] = {}
        for number, one in enumerate(endpoint.deployments):
            place = endpoint.name, one.name
            if place in later:
                continue
            try:
                check_name("deployment", one.name)
                spec, model = self._described(place)
            except BadRequest as error:
                raise BadRequest(
                    error.message.replace("`$.", f"`$.deployments[{number}].")
                ) from None
            deployments[one.name] = spec
            self._fleet.add_warm(place, spec, model)
        spec_ = EndpointSpec(
            name=endpoint.name,
            traffic=endpoint.traffic,
            mirror_traffic=endpoint.mirror_traffic,
        )
        check_traffic(spec_.traffic, spec_.mirror_traffic, deployments)
        self._memory.endpoints[endpoint.name] = spec_

    def do(self, endpoint: str, doing: Doing, step: int) -> None:
        """Begins an operation, or refuses it; the record has how it ends.

        Args:
            step: the part of the timeline that begins with it.
        """
        begun = Begun(doing.words, step, self._clock, self._record)
        before = msgspec.msgpack.encode(self._memory), self._disk
        try:
            self._begin(endpoint, doing, begun)
        except TurnoutError as error:
            after = msgspec.msgpack.encode(self._memory), self._disk
            self._record.auditor.operation_refused(before, after)
            begun.end(f"refused: ({error.code}) {error.message}")

    def _begin(self, endpoint: str, doing: Doing, begun: Begun) -> None:
        if doing.verb == "restart":
            self._restart(begun)
            return
        if endpoint not in self._memory.endpoints:
            raise ResourceNotFound(f"expected an endpoint, got {endpoint!r}")
        match doing.verb:
            case "traffic" | "mirror_traffic":
                self._set_traffic(endpoint, doing, begun)
            case "create":
                self._create(endpoint, doing, begun)
            case "delete":
                self._delete(endpoint, doing, begun)
            case "instance_count":
                self._scale(endpoint, doing, begun)

    def _set_traffic(self, endpoint: str, doing: Doing, begun: Begun) -> None:
        percents = whole(doing.numbers, doing.verb)
        with self._accepting(endpoint, doing, "Updating"):
            old = self._memory.endpoints[endpoint]
            spec = msgspec.structs.replace(old, **{doing.verb: percents})
            check_traffic(spec.traffic, spec.mirror_traffic, self._memory.deployments[endpoint])
            check_endpoint(spec, old)
            self._memory.endpoints[endpoint] = spec
        self._publish_and_end(endpoint, begun)

    def _create(self, endpoint: str, doing: Doing, begun: Begun) -> None:
        """A deployment that is there gets other instances, as by an update of its code."""
        place = endpoint, doing.name
        check_name("deployment", doing.name)
        with self._accepting(endpoint, doing, "Updating"):
            deployments = self._memory.deployments[endpoint]
            check_deployment_count(len(deployments.keys() | {doing.name}))
            spec, model = self._described(place)
            deployments[doing.name] = spec
        self._fleet.bring_up(place, spec, model, lambda: self._publish_and_end(endpoint, begun))

    def _scale(self, endpoint: str, doing: Doing, begun: Begun) -> None:
        ((name, count),) = whole(doing.numbers, doing.verb).items()
        # As a file that says so would be read: with its ranges.
        raw = {**msgspec.to_builtins(self._known(endpoint, name)), "instance_count": count}
        spec = parse(DeploymentSpec, raw, f"deployment {name!r}")
        with self._accepting(endpoint, doing, "Updating"):
            self._memory.deployments[endpoint][name] = spec
        self._fleet.scale((endpoint, name), spec, lambda: self._publish_and_end(endpoint, begun))

    def _delete(self, endpoint: str, doing: Doing, begun: Begun) -> None:
        spec = self._memory.endpoints[endpoint]
        self._known(endpoint, doing.name)
        check_deletable(doing.name, spec.traffic, spec.mirror_traffic)
        with self._accepting(endpoint, doing, "Deleting"):
            del self._memory.deployments[endpoint][doing.name]
        del self._fleet.groups[endpoint, doing.name]
        self._publish_and_end(endpoint, begun)

    def _restart(self, begun: Begun) -> None:
        """The process ends and another begins, with what is on the disk and what runs.

        It takes up the instances, and goes on with operations that had begun.
        """
        self._memory = msgspec.msgpack.decode(self._disk, type=Stored)
        self._publish(lambda: begun.end("done"), begun.step)

    @contextlib.contextmanager
    def _accepting(self, endpoint: str, doing: Doing, kind: str) -> Iterator[None]:
        """Keeps others off until the operation ends, and stores what the block changes.

        If it raises it must have changed nothing: the operation is refused.
        """
        self._exclusive.begin(endpoint, kind)
        try:
            yield
        except BaseException:
            self._exclusive.end(endpoint)
            raise
        self._store()
        described = self._models.get((endpoint, doing.name))
        count = described[0].instance_count if described is not None else 0
        self._record.auditor.begun(endpoint, doing.verb, doing.name, doing.numbers, count)

    def _store(self) -> None:
        self._disk = msgspec.msgpack.encode(self._memory)

    def _publish_and_end(self, endpoint: str, begun: Begun) -> None:
        def end() -> None:
            self._exclusive.end(endpoint)
            self._record.auditor.acknowledged(endpoint)
            begun.end("done")

        self._publish(end, begun.step)

    def _known(self, endpoint: str, name: str) -> DeploymentSpec:
        spec = self._memory.deployments[endpoint].get(name)
        if spec is None:
            raise ResourceNotFound(f"expected a deployment of {endpoint!r}, got {name!r}")
        return spec

    def _described(self, place: Place) -> tuple[DeploymentSpec, Model]:
        """What the scenario says of it."""
        endpoint, name = place
        found = self._models.get(place)
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
        return spec, model

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
        for name, spec in self._memory.endpoints.items():
            yield EndpointRoute(
                name=name,
                keys=(KEY,),
                deployments=tuple(
                    deployment_route(
                        deployment,
                        deployment.instance_count,
                        tuple(InstanceRoute(id=i.id, target="") for i in group.warm),
                    )
                    for deployment in self._memory.deployments[name].values()
                    # One that is being created is routed to when it is warm.
                    if (group := self._fleet.groups.get((name, deployment.name))) is not None
                ),
                traffic=spec.traffic,
                mirror_traffic=spec.mirror_traffic,
                quota=self._quota_of(name),
            )
