"""What was declared and what is warm, as the routing that workers get. A pure function."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from router.control_plane.records import StoredDeployment, StoredEndpoint
from router.core.deployment_spec import DeploymentSpec
from router.core.errors import BadRequest
from router.core.quota_settings import QuotaOf
from router.core.routing import DeploymentRoute, EndpointRoute, InstanceRoute, Routing
from router.core.scaling import count_to_start_with


class Placed(NamedTuple):
    """A deployment's instances.

    Attributes:
        wanted: how many there are to be; what it may take in follows it (azure.md 4.4).
        warm: those that serve.
    """

    wanted: int
    warm: tuple[InstanceRoute, ...]


Instances = Mapping[tuple[str, str], Placed]
WORKER_COUNT = "WORKER_COUNT"
# More processes or threads than any machine has a use for.
WORKER_COUNT_MAX = 1000
_NUMBER = re.compile("[0-9]{1,4}")


def routing_of(
    generation: int,
    endpoints: Sequence[tuple[StoredEndpoint, Sequence[StoredDeployment]]],
    instances: Instances,
    quota_of: QuotaOf,
) -> Routing:
    """The routing of what is not being deleted.

    Args:
        generation: its number.
        endpoints: each with its deployments.
        instances: those of each (endpoint name, deployment name); none while it is new.
        quota_of: by an endpoint's name.
    """
    return Routing(
        generation=generation,
        endpoints=tuple(
            _endpoint(endpoint, deployments, instances, quota_of)
            for endpoint, deployments in endpoints
            if endpoint.state != "Deleting"
        ),
    )


def parallel_runs(spec: DeploymentSpec) -> int:
    """How many run() an instance executes at once: its WORKER_COUNT (azure.md 4.4)."""
    return int(spec.environment_variables.get(WORKER_COUNT, "1"))


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


def _endpoint(
    endpoint: StoredEndpoint,
    deployments: Sequence[StoredDeployment],
    instances: Instances,
    quota_of: QuotaOf,
) -> EndpointRoute:
    spec = endpoint.spec
    takes_keys = spec.auth_mode == "key"
    return EndpointRoute(
        name=spec.name,
        keys=(endpoint.primary_key, endpoint.secondary_key) if takes_keys else (),
        token_secret=None if takes_keys else endpoint.token_secret,
        deployments=tuple(
            _deployment(deployment, instances.get((spec.name, deployment.spec.name)))
            for deployment in deployments
            if deployment.state != "Deleting"
        ),
        traffic=spec.traffic,
        mirror_traffic=spec.mirror_traffic,
        quota=quota_of(spec.name),
    )


def _deployment(deployment: StoredDeployment, placed: Placed | None) -> DeploymentRoute:
    """By the spec that serves: a newer one is in force only once it came up."""
    spec = deployment.serving.spec if deployment.serving is not None else deployment.spec
    return DeploymentRoute(
        name=spec.name,
        request_timeout_ms=spec.request_settings.request_timeout_ms,
        max_concurrent_requests_per_instance=(
            spec.request_settings.max_concurrent_requests_per_instance
        ),
        instance_count=placed.wanted if placed is not None else count_to_start_with(spec, 0),
        parallel_runs=parallel_runs(spec),
        instances=placed.warm if placed is not None else (),
    )
