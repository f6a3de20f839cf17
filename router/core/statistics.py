"""What a worker counts, as frozen values: one definition for API, demo and tests.

Counters start at 0 with the worker and only grow; a gauge says so.
"""

from collections.abc import Iterable

from msgspec import Struct


class DeploymentStatistics(Struct, frozen=True, kw_only=True):
    """Counts of one deployment in one worker.

    Attributes:
        live: live requests that traffic rules sent here; direct calls not among them.
        direct: requests that named this deployment in their header, or asked for no prediction.
        copies: mirrored copies accepted for it.
        copies_lost: copies dropped because it was saturated or gone.
        answered: live and direct requests answered, whatever the answer.
        failed: those of them whose answer was not the model's own success.
        resent: requests sent to another instance because the first one was lost.
        queued: gauge; waiting in the worker. Copies count.
        outstanding: gauge; at an instance. Copies count.
    """

    name: str
    live: int
    direct: int
    copies: int
    copies_lost: int
    answered: int
    failed: int
    resent: int = 0
    queued: int
    outstanding: int


class InstanceStatistics(Struct, frozen=True, kw_only=True):
    """What one instance owes one worker, as of now.

    Attributes:
        outstanding: requests it was given and has not answered, expired ones among them.
        overdue_ns: how long ago the oldest deadline of those passed; 0 if none has.
    """

    id: str
    outstanding: int
    overdue_ns: int


class EndpointStatistics(Struct, frozen=True, kw_only=True):
    """Counts of one endpoint in one worker.

    Attributes:
        scheduled: requests that the present traffic schedule has placed.
        mirror_considered: requests that the present mirror schedule has looked at.
        refused: requests answered without reaching a deployment.
        request_bytes, response_bytes: of requests that were authorized; headers included.
        copy_bytes: of mirrored copies and what the model answered to them.
        delayed: how often the throttle held up a part of a request or of a response.
        request_delay_ns, response_delay_ns: for how long, all together.
    """

    name: str
    scheduled: int
    mirror_considered: int
    refused: int
    request_bytes: int = 0
    response_bytes: int = 0
    copy_bytes: int = 0
    delayed: int = 0
    request_delay_ns: int = 0
    response_delay_ns: int = 0
    deployments: tuple[DeploymentStatistics, ...]


class WorkerStatistics(Struct, frozen=True, kw_only=True):
    """Counts of one worker; accepted = answered + in flight at every instant (invariant 9).

    Attributes:
        unexpected_answers: that matched nothing outstanding at the instance, and were dropped.
        broken_streams: how often an instance answered something else, or ended, or was let go.
        lost_log_lines: of the traffic log, that could not be written.
    """

    generation: int
    accepted: int
    answered: int
    in_flight: int
    unexpected_answers: int = 0
    broken_streams: int = 0
    lost_log_lines: int = 0
    endpoints: tuple[EndpointStatistics, ...]


def sum_of_instances(rows: Iterable[InstanceStatistics]) -> list[InstanceStatistics]:
    """What each instance owes all workers."""
    by_id: dict[str, InstanceStatistics] = {}
    for row in rows:
        known = by_id.get(row.id, InstanceStatistics(id=row.id, outstanding=0, overdue_ns=0))
        by_id[row.id] = InstanceStatistics(
            id=row.id,
            outstanding=known.outstanding + row.outstanding,
            overdue_ns=max(known.overdue_ns, row.overdue_ns),
        )
    return list(by_id.values())
