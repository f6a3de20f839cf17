"""The snapshot: a routing configuration compiled for picking (invariants 1 and 2).

A snapshot and all it is made of are never edited, but for what credentials remember of the
headers that have opened them; an update compiles a new one and the dispatcher takes it by one
assignment. What outlives updates is not part of the
configuration but of the traffic: schedules go on where their percents did not change, each
deployment's lane (lane.py) with its queue and its instances, each endpoint's quota (quota.py)
with what it has counted.
"""

import random
from collections.abc import Callable, Mapping

from msgspec import Struct

from router.core.budgets import Budgets
from router.core.credentials import Credentials
from router.core.lane import Lane
from router.core.quota import Quota
from router.core.routing import DeploymentRoute, EndpointQuota, EndpointRoute, Routing
from router.core.schedule import BLOCK, Schedule
from router.core.statistics import EndpointStatistics

NS_PER_MS = 1_000_000
# How an endpoint's quota is made: Quota itself, or one that keeps a journal.
MakeQuota = Callable[[str, EndpointQuota, Budgets], Quota]
# azure.md 4.4: one executing and one queued for each that an instance may run.
PENDING_PER_SLOT = 2


class SnapshotDeployment(Struct, frozen=True, eq=False):
    """A deployment with its limits worked out.

    Attributes:
        pending_max: requests queued or outstanding, in all workers, before more are refused.
    """

    name: str
    timeout_ns: int
    pending_max: int
    route: DeploymentRoute
    lane: Lane
    quota: Quota


class Split(Struct, frozen=True, eq=False):
    """Percents and the schedule that deals them."""

    percents: tuple[tuple[str, int], ...]
    schedule: Schedule


class SnapshotEndpoint(Struct, frozen=True, eq=False):
    """An endpoint ready to route.

    Attributes:
        route: what it was compiled from.
        credentials: what opens it.
        live: who gets live traffic, None when its percents are all 0.
        live_deployments: in the order of the live schedule's shares.
        mirror: share 1 of its schedule means: copy this one. None without mirroring.
    """

    name: str
    route: EndpointRoute
    credentials: Credentials
    deployments: Mapping[str, SnapshotDeployment]
    live: Split | None
    live_deployments: tuple[SnapshotDeployment, ...]
    mirror: Split | None
    mirror_deployment: SnapshotDeployment | None
    quota: Quota

    def statistics(self, refused: int) -> EndpointStatistics:
        """Counters and gauges as of now.

        Args:
            refused: which the snapshot does not count.
        """
        quota = self.quota
        return EndpointStatistics(
            name=self.name,
            scheduled=self.live.schedule.dealt if self.live else 0,
            mirror_considered=self.mirror.schedule.dealt if self.mirror else 0,
            refused=refused,
            request_bytes=quota.request_bytes,
            response_bytes=quota.response_bytes,
            copy_bytes=quota.copy_bytes,
            delayed=quota.delayed,
            request_delay_ns=quota.request_delay_ns,
            response_delay_ns=quota.response_delay_ns,
            deployments=tuple(one.lane.statistics() for one in self.deployments.values()),
        )


class Snapshot(Struct, frozen=True, eq=False):
    """All endpoints at one generation."""

    generation: int
    endpoints: Mapping[str, SnapshotEndpoint]


EMPTY = Snapshot(0, {})


def compile_snapshot(
    routing: Routing,
    previous: Snapshot,
    rng: random.Random,
    budgets: Budgets,
    make_quota: MakeQuota = Quota,
) -> Snapshot:
    """The snapshot of ``routing``; what did not change comes from ``previous``.

    Args:
        routing: valid by rules.py; the control plane has checked it.
        previous: the snapshot in force. It is not changed; a quota of it has yet to follow
            the new limits.
        rng: where new schedules get their seeds.
        budgets: where new quotas keep their buckets.
    """
    endpoints = {}
    for route in routing.endpoints:
        before = previous.endpoints.get(route.name)
        if before is None or before.route != route:
            quota = before.quota if before else make_quota(route.name, route.quota, budgets)
            before = _compile_endpoint(route, before, rng, quota, budgets)
        endpoints[route.name] = before
    return Snapshot(routing.generation, endpoints)


def _compile_endpoint(
    route: EndpointRoute,
    previous: SnapshotEndpoint | None,
    rng: random.Random,
    quota: Quota,
    budgets: Budgets,
) -> SnapshotEndpoint:
    lanes = {d.name: d.lane for d in previous.deployments.values()} if previous else {}
    for name in (d.name for d in route.deployments if d.name not in lanes):
        lanes[name] = Lane(route.name, name, budgets.count(route.name, name))
    deployments = {d.name: _compile_deployment(d, lanes[d.name], quota) for d in route.deployments}
    traffic = tuple((name, percent) for name, percent in route.traffic.items() if percent)
    live = _split(traffic, tuple(p for _, p in traffic), previous.live if previous else None, rng)
    mirrored = tuple((name, percent) for name, percent in route.mirror_traffic.items() if percent)
    share = mirrored[0][1] if mirrored else 0
    mirror = _split(mirrored, (BLOCK - share, share), previous.mirror if previous else None, rng)
    return SnapshotEndpoint(
        name=route.name,
        route=route,
        credentials=Credentials(tuple(key.encode() for key in route.keys), route.token_secret),
        deployments=deployments,
        live=live,
        live_deployments=tuple(deployments[name] for name, _ in live.percents) if live else (),
        mirror=mirror,
        mirror_deployment=deployments[mirrored[0][0]] if mirrored else None,
        quota=quota,
    )


def _compile_deployment(route: DeploymentRoute, lane: Lane, quota: Quota) -> SnapshotDeployment:
    slots = route.max_concurrent_requests_per_instance * route.instance_count
    return SnapshotDeployment(
        name=route.name,
        timeout_ns=route.request_timeout_ms * NS_PER_MS,
        pending_max=PENDING_PER_SLOT * slots,
        route=route,
        lane=lane,
        quota=quota,
    )


def _split(
    named: tuple[tuple[str, int], ...],
    percents: tuple[int, ...],
    previous: Split | None,
    rng: random.Random,
) -> Split | None:
    """The split of ``named``; an unchanged one keeps its schedule, in the middle of its block."""
    if not named:
        return None
    if previous is not None and dict(previous.percents) == dict(named):
        return previous
    # A generator of its own: another schedule's draws don't shift this one's.
    own = random.Random(int(rng.random() * 2**53))  # noqa: S311 - fairness, not secrecy
    return Split(named, Schedule(percents, own.random))
