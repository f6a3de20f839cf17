"""Scaling by load: how many instances a deployment wants, from what waits and what runs.

The formula is azureml-fe's (azure.md 4.4): utilization = (busy instances + queued requests) /
instances. An instance that runs ``parallel_runs`` requests at once is busy with as many, and
whatever else is on its way counts as queued, in the worker or at the instance. So the
number that would bring the utilization to its target does not depend on the number there
is. Up at once; down only when less was wanted for a while, to the most that was.

No clock: who polls calls ``observe`` once a polling interval.
"""

from collections import deque

from router.core.deployment_spec import DeploymentSpec, ScaleSettings

# azure.md 4.4: scaling down takes about so many times as long as up.
POLLS_BEFORE_DOWN = 20
_PERCENT = 100


class Scaler:
    """Decides for one deployment.

    Args:
        settings: of the type target_utilization.
        parallel_runs: requests that an instance runs at once, its WORKER_COUNT.
    """

    def __init__(self, settings: ScaleSettings, parallel_runs: int) -> None:
        self._settings = settings
        self._parallel_runs = parallel_runs
        self._wanted: deque[int] = deque(maxlen=POLLS_BEFORE_DOWN)

    def observe(self, in_system: int, instances: int) -> int:
        """The number of instances that there should be now.

        Args:
            in_system: requests queued or outstanding, copies too: they are work as well.
            instances: how many there are.
        """
        wanted = self._clamped(self._at_target(in_system))
        self._wanted.append(wanted)
        if wanted >= instances:
            return wanted
        if len(self._wanted) < POLLS_BEFORE_DOWN:
            return self._clamped(instances)
        return self._clamped(min(max(self._wanted), instances))

    def _at_target(self, in_system: int) -> int:
        target = self._settings.target_utilization_percentage * self._parallel_runs
        return -(-in_system * _PERCENT // target)

    def _clamped(self, count: int) -> int:
        return max(self._settings.min_instances, min(count, self._settings.max_instances))


def scales_by_load(spec: DeploymentSpec) -> bool:
    """Whether the load decides how many instances there are."""
    return spec.scale_settings.type == "target_utilization"


def count_to_start_with(spec: DeploymentSpec, present: int) -> int:
    """How many instances a deployment is to have when it is declared, or taken up again.

    Args:
        present: how many it has already, 0 if it is new.
    """
    if not scales_by_load(spec):
        return spec.instance_count
    settings = spec.scale_settings
    return max(settings.min_instances, min(present, settings.max_instances))
