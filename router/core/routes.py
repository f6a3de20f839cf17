"""How a declared deployment becomes one that workers route to."""

import re
from collections.abc import Mapping

from router.core.deployment_spec import DeploymentSpec
from router.core.errors import BadRequest
from router.core.routing import DeploymentRoute, InstanceRoute

WORKER_COUNT = "WORKER_COUNT"
# More processes or threads than any machine has a use for.
WORKER_COUNT_MAX = 1000
_NUMBER = re.compile("[0-9]{1,4}")
# In a deployment's own `properties`, where Azure takes any key: its YAML knows none for this.
OWN_PREFIX = "turnout-"
RETRIES = f"{OWN_PREFIX}retries"


def deployment_route(
    spec: DeploymentSpec, wanted: int, warm: tuple[InstanceRoute, ...]
) -> DeploymentRoute:
    """The deployment as workers see it.

    Args:
        wanted: how many instances there are to be; what it may take in follows it
            (azure.md 4.4).
        warm: those that serve.
    """
    settings = spec.request_settings
    return DeploymentRoute(
        name=spec.name,
        request_timeout_ms=settings.request_timeout_ms,
        max_concurrent_requests_per_instance=settings.max_concurrent_requests_per_instance,
        instance_count=wanted,
        parallel_runs=parallel_runs(spec),
        retries=int(spec.properties.get(RETRIES, "1")),
        instances=warm,
    )


def parallel_runs(spec: DeploymentSpec) -> int:
    """How many run() an instance executes at once: its WORKER_COUNT (azure.md 4.4)."""
    return int(spec.environment_variables.get(WORKER_COUNT, "1"))


def check_own_properties(properties: Mapping[str, str]) -> None:
    """Refuses a key of Turnout's own that it does not know, and a wrong value.

    Raises:
        BadRequest: as it says.
    """
    for name, value in properties.items():
        at = f"at `$.properties.{name}`"
        if name.startswith(OWN_PREFIX) and name != RETRIES:
            raise BadRequest(
                f"expected {RETRIES}, the only key that begins with {OWN_PREFIX!r}, got "
                f"{name!r}, {at}"
            )
        if name == RETRIES and value not in {"0", "1"}:
            raise BadRequest(
                f"expected '1', to send what an instance held when it was lost to another one, or "
                f"'0', got {value!r}, {at}"
            )


def check_environment_variables(variables: Mapping[str, str]) -> None:
    """Refuses what no process can have in its environment, and a wrong WORKER_COUNT.

    Raises:
        BadRequest: a broken name or value.
    """
    for name, value in variables.items():
        at = f"at `$.environment_variables.{name}`"
        if not name or "=" in name or "\0" in name + value:
            raise BadRequest(
                f"expected a name without `=` and no zero character, got {name!r} with {value!r}, "
                f"{at}"
            )
        if name == WORKER_COUNT and not (
            _NUMBER.fullmatch(value) and 1 <= int(value) <= WORKER_COUNT_MAX
        ):
            raise BadRequest(f"expected a number from 1 to {WORKER_COUNT_MAX}, got {value!r}, {at}")
