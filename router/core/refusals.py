"""The words of each refusal: what was expected, what is the case, what to do.

Whether to refuse is decided in dispatcher.py; which HTTP status it becomes, in the
listener. Made only when a request is refused, so that serving costs nothing.
"""

from router.core.request import Reason, Refusal
from router.core.snapshot import NS_PER_MS, PENDING_PER_SLOT, SnapshotDeployment, SnapshotEndpoint
from router.core.token_bucket import NS_PER_S

UNAUTHORIZED = Refusal(
    Reason.UNAUTHORIZED,
    "expected the header `Authorization: Bearer KEY` with a key or token of this endpoint, got "
    "none, another or an expired one. Check the endpoint's name in the URL; `turnout ml "
    "online-endpoint get-credentials` prints what opens it.",
)


def no_traffic(endpoint: SnapshotEndpoint) -> Refusal:
    """The endpoint has no deployment with a percent above 0 (azure.md 4.3)."""
    return Refusal(
        Reason.NO_TRAFFIC,
        f"endpoint {endpoint.name!r} has no deployment with traffic above 0. Give one some with "
        f'`turnout ml online-endpoint update --traffic "NAME=100"`, or name one in the header '
        f"azureml-model-deployment.",
    )


def unknown_deployment(endpoint: SnapshotEndpoint, name: str) -> Refusal:
    """The header names a deployment that the endpoint has not."""
    known = ", ".join(sorted(endpoint.deployments)) or "none"
    return Refusal(
        Reason.UNKNOWN_DEPLOYMENT,
        f"expected in the header azureml-model-deployment a deployment of endpoint "
        f"{endpoint.name!r} ({known}), got {name!r}.",
    )


def too_many_pending(deployment: SnapshotDeployment) -> Refusal:
    """The deployment's places are all taken (azure.md 4.4)."""
    route = deployment.route
    return Refusal(
        Reason.TOO_MANY_PENDING,
        f"deployment {route.name!r} has {deployment.pending_max} requests in flight, which is its "
        f"limit: {PENDING_PER_SLOT} x max_concurrent_requests_per_instance "
        f"({route.max_concurrent_requests_per_instance}) x instance_count "
        f"({route.instance_count}). Try again, or raise one of the two.",
        deployment=route.name,
    )


def rate_limited(endpoint: SnapshotEndpoint, wait_ns: int) -> Refusal:
    """The endpoint has had its requests of this second (azure.md 4.5)."""
    return Refusal(
        Reason.RATE_LIMITED,
        f"endpoint {endpoint.name!r} takes {endpoint.quota.limits.requests_per_s} requests per "
        f"second. Try again, or raise `quotas.requests_per_s` in turnout.yml.",
        retry_after_s=-(-wait_ns // NS_PER_S),
    )


def too_many_connections(endpoint: SnapshotEndpoint, key: str) -> Refusal:
    """The endpoint has all the connections that it may (azure.md 4.5).

    Args:
        key: the limit, as it is named in turnout.yml.
    """
    most = getattr(endpoint.quota.limits, key)
    what = "connections at a time" if key == "connections" else "new connections per second"
    return Refusal(
        Reason.TOO_MANY_CONNECTIONS,
        f"endpoint {endpoint.name!r} takes {most} {what}. Send more requests over each, try "
        f"again, or raise `quotas.{key}` in turnout.yml.",
    )


def timed_out(deployment: SnapshotDeployment) -> Refusal:
    """No answer came within request_timeout_ms, time in the queue included."""
    return Refusal(
        Reason.TIMED_OUT,
        f"deployment {deployment.name!r} gave no answer within request_settings."
        f"request_timeout_ms ({deployment.timeout_ns // NS_PER_MS}).",
        deployment=deployment.name,
    )


def model_not_ready(deployment: SnapshotDeployment) -> Refusal:
    """The time was over and no instance was there that could have answered."""
    return Refusal(
        Reason.MODEL_NOT_READY,
        f"deployment {deployment.name!r} has no instance that is ready. `turnout ml "
        f"online-deployment get-logs --name {deployment.name}` says why.",
        deployment=deployment.name,
    )


def stopping(deployment: SnapshotDeployment) -> Refusal:
    """The router ends before an instance has answered."""
    return Refusal(
        Reason.STOPPING,
        f"the router ended before deployment {deployment.name!r} had answered. Try again.",
        deployment=deployment.name,
    )


def instance_lost(deployment: SnapshotDeployment) -> Refusal:
    """Its instance died; it was sent to another before, or its time is over."""
    return Refusal(
        Reason.INSTANCE_LOST,
        f"the instance of deployment {deployment.name!r} that had this request ended before it "
        f"answered. `turnout ml online-deployment get-logs --name {deployment.name}` says "
        f"why.",
        deployment=deployment.name,
    )
