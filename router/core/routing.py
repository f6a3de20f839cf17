"""The routing configuration: all that a worker must know to route, and nothing else.

The control plane derives it from what users declared and from the instances that are
warm; each worker compiles it to a snapshot (snapshot.py). It crosses process borders
whole (worker_protocol.py), so that one request can never see half of an update.
"""

from msgspec import Struct


class InstanceRoute(Struct, frozen=True, kw_only=True):
    """A warm instance. An id is never used twice, so a new process is a new instance."""

    id: str
    # gRPC target, e.g. unix:/run/turnout/i7.sock
    target: str


class DeploymentRoute(Struct, frozen=True, kw_only=True):
    """One version: limits and the warm instances that may serve it.

    Attributes:
        instance_count: as declared; limits count with it, not with what happens to be up.
        parallel_runs: how many run() an instance executes at once (WORKER_COUNT).
        retries: how often a request is sent to another instance if the one that had it is
            lost: 1 or 0.
    """

    name: str
    request_timeout_ms: int
    max_concurrent_requests_per_instance: int
    instance_count: int
    parallel_runs: int = 1
    retries: int = 1
    instances: tuple[InstanceRoute, ...] = ()


class EndpointQuota(Struct, frozen=True, kw_only=True):
    """What an endpoint may use; None is no limit. See quota_settings.py."""

    bandwidth_bytes_per_s: int | None = None
    requests_per_s: int | None = None
    connections: int | None = None
    connections_per_s: int | None = None


class EndpointRoute(Struct, frozen=True, kw_only=True):
    """An endpoint with its credentials, rules and deployments.

    Attributes:
        keys: either one opens it; none if it takes tokens.
        token_secret: tokens made with it open it; None if it takes keys.
    """

    name: str
    keys: tuple[str, ...]
    token_secret: str | None = None
    deployments: tuple[DeploymentRoute, ...] = ()
    traffic: dict[str, int] = {}
    mirror_traffic: dict[str, int] = {}
    quota: EndpointQuota = EndpointQuota()


class Routing(Struct, frozen=True, kw_only=True):
    """Everything, at one generation; generations grow by one with each swap."""

    generation: int
    endpoints: tuple[EndpointRoute, ...] = ()
