"""``GET /metrics``: what workers count, in Prometheus' text format.

Counters carry their worker's number, because they start at 0 with it. What each one means
is statistics.py's to say.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from router.control_plane.described import described
from router.core.statistics import WorkerStatistics

NS_PER_S = 1_000_000_000
_DEPLOYMENT = ("worker", "endpoint", "deployment")
_ENDPOINT = ("worker", "endpoint")
_WORKER = ("worker",)
Row = tuple[tuple[str, ...], object]
# Of each: name, help, labels, and the attribute that it is.
_COUNTERS = (
    ("turnout_live_requests", "Placed by traffic rules.", _DEPLOYMENT, "live"),
    ("turnout_direct_requests", "That named the deployment.", _DEPLOYMENT, "direct"),
    ("turnout_copies", "Mirrored copies that were taken.", _DEPLOYMENT, "copies"),
    ("turnout_copies_lost", "Mirrored copies that were dropped.", _DEPLOYMENT, "copies_lost"),
    ("turnout_answered_requests", "Answered, whatever the answer.", _DEPLOYMENT, "answered"),
    ("turnout_failed_requests", "Those without success.", _DEPLOYMENT, "failed"),
    ("turnout_resent_requests", "Whose instance was lost.", _DEPLOYMENT, "resent"),
    ("turnout_refused_requests", "That reached no deployment.", _ENDPOINT, "refused"),
    ("turnout_request_bytes", "Of requests, with headers.", _ENDPOINT, "request_bytes"),
    ("turnout_response_bytes", "Of responses, with headers.", _ENDPOINT, "response_bytes"),
    ("turnout_copy_bytes", "Of copies and their answers.", _ENDPOINT, "copy_bytes"),
    ("turnout_throttled_pieces", "Held up by the bandwidth.", _ENDPOINT, "delayed"),
    ("turnout_request_delay_seconds", "By the bandwidth.", _ENDPOINT, "request_delay_ns"),
    ("turnout_response_delay_seconds", "By the bandwidth.", _ENDPOINT, "response_delay_ns"),
    ("turnout_accepted_requests", "That any client sent.", _WORKER, "accepted"),
    ("turnout_unexpected_answers", "To nothing asked; dropped.", _WORKER, "unexpected_answers"),
    ("turnout_broken_streams", "By instances' fault or end.", _WORKER, "broken_streams"),
    ("turnout_lost_log_lines", "Of the traffic log.", _WORKER, "lost_log_lines"),
)
_GAUGES = (
    ("turnout_queued_requests", "Waiting, copies too.", _DEPLOYMENT, "queued"),
    ("turnout_outstanding_requests", "At instances, copies too.", _DEPLOYMENT, "outstanding"),
    ("turnout_in_flight_requests", "Not yet answered.", _WORKER, "in_flight"),
    ("turnout_generation", "Of the snapshot in force.", _WORKER, "generation"),
)


class _Counted(Collector):
    """Workers' statistics as metrics.

    Args:
        by_worker: by the workers' numbers.
    """

    def __init__(self, by_worker: Mapping[int, WorkerStatistics]) -> None:
        self._rows = {
            labels: list(_rows(by_worker, len(labels)))
            for labels in (_WORKER, _ENDPOINT, _DEPLOYMENT)
        }

    def collect(self) -> Iterable[Metric]:
        """Each metric with a row for each of what it is counted of."""
        for family, table in (CounterMetricFamily, _COUNTERS), (GaugeMetricFamily, _GAUGES):
            for name, meaning, labels, field in table:
                metric = family(name, meaning, labels=labels)
                for values, counted in self._rows[labels]:
                    found = attrgetter(field)(counted)
                    metric.add_metric(values, found / NS_PER_S if field.endswith("_ns") else found)
                yield metric


class Metrics:
    """The page that Prometheus reads: workers' counters, and this process' own memory and files.

    Args:
        by_worker: asks the workers for their counters.
        others: what else there is to tell.
    """

    def __init__(
        self,
        by_worker: Callable[[], Awaitable[dict[int, WorkerStatistics]]],
        others: Sequence[Collector] = (),
    ) -> None:
        self._by_worker = by_worker
        self._others = others

    @described("Counters, for Prometheus", {200: None})
    async def get(self, _: web.Request) -> web.Response:
        """Answers with it."""
        registry = CollectorRegistry()
        registry.register(_Counted(await self._by_worker()))
        for collector in self._others:
            registry.register(collector)
        ProcessCollector(namespace="turnout_control_plane", registry=registry)
        text = generate_latest(registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _rows(by_worker: Mapping[int, WorkerStatistics], depth: int) -> Iterator[Row]:
    """What is counted of workers (1), of endpoints (2) or of deployments (3), with its labels."""
    for number, worker in by_worker.items():
        labels = (str(number),)
        if depth == len(_WORKER):
            yield labels, worker
            continue
        for endpoint in worker.endpoints:
            if depth == len(_ENDPOINT):
                yield (*labels, endpoint.name), endpoint
                continue
            for deployment in endpoint.deployments:
                yield (*labels, endpoint.name, deployment.name), deployment
