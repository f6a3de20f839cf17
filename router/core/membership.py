"""Which instances serve which lane, and when one that left may go (invariant 10).

An instance that leaves the routing gets nothing new, with two exceptions: its whole
deployment left, and it still serves what its lane had taken; or none of the instances that
are to serve instead can be reached yet. It is drained when it holds no request, and in a
closed lane when no request waits for it either.
"""

from collections.abc import Callable, Collection

from router.core.instance import Instance
from router.core.lane import Lane
from router.core.routing import DeploymentRoute
from router.core.snapshot import Snapshot, SnapshotDeployment


class Membership:
    """Every instance this worker may have requests at, by id."""

    def __init__(self, on_drained: Callable[[str], None]) -> None:
        self.instances: dict[str, Instance] = {}
        self._on_drained = on_drained

    def update(self, before: Snapshot, after: Snapshot, unreachable: Collection[str]) -> list[Lane]:
        """Adds and removes instances as ``after`` says; returns the lanes that may have work."""
        # An endpoint that did not change is the same object: a swap costs what it changes.
        added, gone = _deployments_only_in(after, before), _deployments_only_in(before, after)
        kept = {id(deployment.lane) for deployment in added}
        closed = [d.lane for d in gone if id(d.lane) not in kept]
        for deployment in added:
            self._update_lane(deployment.lane, deployment.route, unreachable)
        for lane in closed:
            lane.closed = True
            for instance in lane.instances.values():
                instance.removed = True
            lane.note_removed()
        lanes = [deployment.lane for deployment in added] + closed
        for lane in lanes:
            self.settle(lane)
        return [lane for lane in lanes if lane.queue]

    def remove(self, instance_id: str) -> Instance | None:
        """Forgets a lost instance."""
        instance = self.instances.pop(instance_id, None)
        if instance is not None:
            del instance.lane.instances[instance_id]
            instance.lane.note_removed()
        return instance

    def restore(self, instance_id: str, snapshot: Snapshot) -> Lane | None:
        """Takes up a lost instance again, if the routing still names it."""
        if instance_id in self.instances:
            return None
        for deployment in _deployments(snapshot):
            if any(route.id == instance_id for route in deployment.route.instances):
                self._add(instance_id, deployment.lane, deployment.route)
                return deployment.lane
        return None

    def settle(self, lane: Lane) -> None:
        """Lets those of the lane's removed instances go that are drained."""
        if not lane.has_removed:
            return
        if lane.keeps_removed and (lane.queue or not lane.closed):
            return
        for instance in list(lane.instances.values()):
            if instance.removed and not instance.outstanding:
                self.remove(instance.id)
                self._on_drained(instance.id)

    def _update_lane(
        self, lane: Lane, route: DeploymentRoute, unreachable: Collection[str]
    ) -> None:
        named = {instance.id for instance in route.instances}
        for instance in lane.instances.values():
            instance.removed = instance.id not in named
            instance.window.resize(route.parallel_runs, route.max_concurrent_requests_per_instance)
        # In the routing's order: a set's is another one in each process (invariant 12).
        for added in route.instances:
            if added.id not in lane.instances and added.id not in unreachable:
                self._add(added.id, lane, route)
        lane.note_removed()

    def _add(self, instance_id: str, lane: Lane, route: DeploymentRoute) -> None:
        instance = Instance(
            instance_id, lane, route.parallel_runs, route.max_concurrent_requests_per_instance
        )
        self.instances[instance_id] = instance
        lane.instances[instance_id] = instance


def _deployments(snapshot: Snapshot) -> list[SnapshotDeployment]:
    return [d for endpoint in snapshot.endpoints.values() for d in endpoint.deployments.values()]


def _deployments_only_in(one: Snapshot, other: Snapshot) -> list[SnapshotDeployment]:
    return [
        deployment
        for name, endpoint in one.endpoints.items()
        if other.endpoints.get(name) is not endpoint
        for deployment in endpoint.deployments.values()
    ]
