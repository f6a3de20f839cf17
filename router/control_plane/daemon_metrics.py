"""The configuration and the store in `GET /metrics`.

Those of the configuration have the names that Prometheus gives its own.
"""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from router.control_plane.config_file import ConfigFile
from router.control_plane.service import ControlPlane


class StoreMetrics(Collector):
    """Whether the state can be written."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    def collect(self) -> Iterable[Metric]:
        """The one there is."""
        yield CounterMetricFamily(
            "turnout_store_failures",
            "Reads and writes that a full or broken disk refused.",
            value=self._plane.store_failures,
        )


class ConfigMetrics(Collector):
    """Whether the newest configuration is in force."""

    def __init__(self, file: ConfigFile) -> None:
        self._file = file

    def collect(self) -> Iterable[Metric]:
        """Each metric, as it is now."""
        state = self._file.state
        failed = sum(endpoint.state == "Failed" for endpoint in state.endpoints.values())
        for name, meaning, value in (
            (
                "last_reload_successful",
                "Whether what was read last is in force: 1, or 0 if it was refused.",
                state.error is None,
            ),
            (
                "last_reload_success_timestamp_seconds",
                "When what is in force was read.",
                datetime.fromisoformat(state.loaded_at).timestamp(),
            ),
            (
                "keys_for_restart",
                "Keys that have changed and wait for a restart.",
                len(state.needs_restart),
            ),
            (
                "failed_endpoints",
                "Declared endpoints that could not be brought up.",
                failed,
            ),
        ):
            yield GaugeMetricFamily(f"turnout_config_{name}", meaning, value=float(value))
        yield CounterMetricFamily(
            "turnout_config_refused_reloads",
            "Readings of the configuration that were refused.",
            value=self._file.refusals,
        )
