"""Sums of what several workers counted. Pure."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from router.core.statistics import (
    DeploymentStatistics,
    EndpointStatistics,
    WorkerStatistics,
)

T = TypeVar("T", EndpointStatistics, DeploymentStatistics)

_NO_COUNTERS = {"name", "deployments"}
_EMPTY = WorkerStatistics(generation=0, accepted=0, answered=0, in_flight=0, endpoints=())


def sum_of_workers(workers: Sequence[WorkerStatistics]) -> WorkerStatistics:
    """All counters added; the generation is the oldest that one of them still routes by."""
    if not workers:
        return _EMPTY
    by_name = _grouped(endpoint for worker in workers for endpoint in worker.endpoints)
    return WorkerStatistics(
        generation=min(worker.generation for worker in workers),
        accepted=sum(worker.accepted for worker in workers),
        answered=sum(worker.answered for worker in workers),
        in_flight=sum(worker.in_flight for worker in workers),
        unexpected_answers=sum(worker.unexpected_answers for worker in workers),
        broken_streams=sum(worker.broken_streams for worker in workers),
        lost_log_lines=sum(worker.lost_log_lines for worker in workers),
        endpoints=tuple(_sum_of_endpoints(same) for same in by_name),
    )


def _sum_of_endpoints(same: Sequence[EndpointStatistics]) -> EndpointStatistics:
    by_name = _grouped(deployment for endpoint in same for deployment in endpoint.deployments)
    deployments = tuple(_totals(deployments) for deployments in by_name)
    return msgspec.structs.replace(_totals(same), deployments=deployments)


def _totals(same: Sequence[T]) -> T:
    """The first one, with every counter summed over all."""
    counters = [name for name in same[0].__struct_fields__ if name not in _NO_COUNTERS]
    totals = {name: sum(getattr(one, name) for one in same) for name in counters}
    return msgspec.structs.replace(same[0], **totals)


def _grouped(items: Iterable[T]) -> list[list[T]]:
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(item.name, []).append(item)
    return list(groups.values())
