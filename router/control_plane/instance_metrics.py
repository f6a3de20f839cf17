"""How deployments' instances fare, in `GET /metrics`."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from router.core.instances_state import InstancesState

_LABELS = ("endpoint", "deployment")


class InstanceMetrics(Collector):
    """Of every deployment that ever came up.

    Args:
        states: by the names of endpoint and deployment, as they are now.
    """

    def __init__(self, states: Callable[[], Mapping[tuple[str, str], InstancesState]]) -> None:
        self._states = states

    def collect(self) -> Iterable[Metric]:
        """Each metric with a row for each deployment."""
        for name, meaning, field in (
            ("turnout_wanted_instances", "How many there are to be.", "wanted"),
            ("turnout_ready_instances", "How many get requests.", "ready"),
            ("turnout_crash_loop", "1 while one ends again and again.", "loops"),
        ):
            yield self._metric(GaugeMetricFamily(name, meaning, labels=_LABELS), field)
        restarts = CounterMetricFamily(
            "turnout_instance_restarts", "In place of one that ended.", labels=_LABELS
        )
        yield self._metric(restarts, "restarts")

    def _metric(
        self, metric: GaugeMetricFamily | CounterMetricFamily, field: str
    ) -> GaugeMetricFamily | CounterMetricFamily:
        for names, state in self._states().items():
            metric.add_metric(names, getattr(state, field))
        return metric
