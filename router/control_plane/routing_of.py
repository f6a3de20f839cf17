"""What was declared and what is warm, as the routing that workers get. A pure function."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from router.control_plane.records import StoredDeployment, StoredEndpoint
from router.core.quota_settings import QuotaOf
from router.core.routes import deployment_route
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
    if placed is None:
        return deployment_route(spec, count_to_start_with(spec, 0), ())
    return deployment_route(spec, placed.wanted, placed.warm)
