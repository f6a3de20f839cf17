"""Simulated instances of all deployments: started, let go, replaced when they end or hang.

Who hangs, who goes, and how long a restart waits, the core says; what is simulated is that
processes take time to start. What is to be there, plane.py says.
"""

import itertools
from collections.abc import Callable

from router.core.backoff import Backoff
from router.core.deployment_spec import DeploymentSpec
from router.core.letting_go import instances_to_let_go
from router.core.probing import is_hung
from router.core.routes import WORKER_COUNT
from router.core.statistics import InstanceStatistics, sum_of_instances
from sim.checkers.broken import Place
from sim.clock import NS_PER_MS, NS_PER_S, After, Clock
from sim.instance import Model, SimInstance
from sim.record import Record
from sim.worker import SimWorker

# How often the control plane asks what instances owe (control_plane/hung.py).
HUNG_POLL_NS = 2 * NS_PER_S


class Group:
    """A deployment's instances.

    Attributes:
        spec: what they run by, and how many there are to be.
        warm: those that serve.
    """

    def __init__(self, spec: DeploymentSpec, model: Model) -> None:
        self.spec = spec
        self.model = model
        self.warm: list[SimInstance] = []


class SimFleet:
    """All instances of a run, as control_plane/groups.py has them.

    Args:
        work: see SimInstance.
        draw: a random number from 0 to 1, for delays of restarts.

    Attributes:
        groups: by the deployment.
        changed: called when others serve than before.
    """

    def __init__(
        self,
        clock: Clock,
        record: Record,
        workers: list[SimWorker],
        message_ns: int,
        work: After,
        draw: Callable[[], float],
    ) -> None:
        self.groups: dict[Place, Group] = {}
        self.changed: Callable[[], None] = lambda: None
        self._clock = clock
        self._record = record
        self._workers = workers
        self._message_ns = message_ns
        self._work = work
        self._draw = draw
        self._instances: dict[str, SimInstance] = {}
        self._numbers = itertools.count(1)

    def instance(self, instance_id: str) -> SimInstance | None:
        """See worker.Fleet."""
        return self._instances.get(instance_id)

    def add_warm(self, place: Place, spec: DeploymentSpec, model: Model) -> None:
        """A deployment that is there from the start."""
        group = self.groups[place] = Group(spec, model)
        self._admit(place, group, spec.instance_count)

    def bring_up(
        self, place: Place, spec: DeploymentSpec, model: Model, then: Callable[[], None]
    ) -> None:
        """Starts a deployment's first instances; or others, which take the old ones' places.

        Args:
            then: called when they are warm.
        """

        def warm(_: object) -> None:
            group = self.groups[place] = Group(spec, model)
            self._admit(place, group, spec.instance_count)
            then()

        self._clock.after(model.cold_start_ns, warm)

    def scale(self, place: Place, spec: DeploymentSpec, then: Callable[[], None]) -> None:
        """Starts what is missing, and lets go of what is too much then; ``then`` is called last."""
        group = self.groups[place]
        group.spec = spec

        def warm(_: object) -> None:
            self._admit(place, group, spec.instance_count - len(group.warm))
            over = len(group.warm) - spec.instance_count
            ids = [instance.id for instance in group.warm]
            outstanding = {id_: one.outstanding for id_, one in self._owed().items()}
            going = instances_to_let_go(ids, ids, outstanding, over)
            group.warm = [one for one in group.warm if one.id not in going]
            then()

        missing = spec.instance_count > len(group.warm)
        self._clock.after(group.model.cold_start_ns if missing else 0, warm)

    def crash(self, place: Place) -> None:
        """All of the deployment's instances end; others are started, later each time."""
        group = self.groups.get(place)
        if group is not None:
            self._record.auditor.faulty(place)
            for instance in list(group.warm):
                self._crash((place, group, instance))

    def unhang(self, model: Model) -> None:
        """What hangs goes on, in instances that are to go, too."""
        for instance in self._instances.values():
            if instance.model is model:
                instance.unhang()

    def replace_hung(self, _: object = None) -> None:
        """Ends instances that have owed an answer for too long, now and every HUNG_POLL_NS."""
        owed = self._owed()
        for place, group in self.groups.items():
            timeout_ms = group.spec.request_settings.request_timeout_ms
            for instance in list(group.warm):
                known = owed.get(instance.id)
                if known and is_hung(known.overdue_ns // NS_PER_MS, timeout_ms):
                    self._record.auditor.faulty(place)
                    self._crash((place, group, instance))
        self._clock.after(HUNG_POLL_NS, self.replace_hung)

    def _admit(
        self, place: Place, group: Group, count: int, backoff: Backoff | None = None
    ) -> None:  # fmt: skip
        """So many instances have become warm.

        Args:
            backoff: of the place that one takes.
        """
        for _ in range(max(count, 0)):
            instance = SimInstance(
                f"{place[0]}-{place[1]}-{next(self._numbers)}",
                group.model,
                int(group.spec.environment_variables[WORKER_COUNT]),
                self._clock,
                self._work,
                self._message_ns,
                backoff or Backoff(),
            )
            self._instances[instance.id] = instance
            group.warm.append(instance)
            if group.model.ends_at_once:
                self._clock.after(0, self._crash, (place, group, instance))

    def _crash(self, ended: tuple[Place, Group, SimInstance]) -> None:
        place, group, instance = ended
        if instance.dead:
            return
        instance.dead = True
        del self._instances[instance.id]
        for worker in self._workers:
            self._clock.after(self._message_ns, worker.lose, instance.id)
        if instance not in group.warm or self.groups.get(place) is not group:
            return
        group.warm.remove(instance)
        backoff = instance.backoff
        backoff.on_end((self._clock.now_ns - instance.started_ns) / NS_PER_S)
        self.changed()
        wait_ns = round(backoff.delay_s(self._draw()) * NS_PER_S) + group.model.cold_start_ns
        self._clock.after(wait_ns, self._replace, (place, group, backoff))

    def _replace(self, wanted: tuple[Place, Group, Backoff]) -> None:
        place, group, backoff = wanted
        if self.groups.get(place) is group and len(group.warm) < group.spec.instance_count:
            self._admit(place, group, 1, backoff)
            self.changed()

    def _owed(self) -> dict[str, InstanceStatistics]:
        """What instances owe all workers together, by their ids."""
        now_ns = self._clock.now_ns
        rows = (row for worker in self._workers for row in worker.dispatcher.instances(now_ns))
        return {one.id: one for one in sum_of_instances(rows)}
