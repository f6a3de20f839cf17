"""What the auditor's checkers are told of a routing: plain values, nothing of the core's own."""

from router.core.routing import Routing
from sim.checkers.broken import DeploymentRules, EndpointRules, Rules


def rules_seen(routing: Routing) -> Rules:
    """The rules that a routing carries.

    azure.md 4.4 is worked out here again: two requests in flight for each that may run.
    """
    return {
        endpoint.name: EndpointRules(
            traffic=tuple(endpoint.traffic.items()),
            mirror=tuple(endpoint.mirror_traffic.items()),
            deployments={
                one.name: DeploymentRules(
                    in_flight_max=2 * one.max_concurrent_requests_per_instance * one.instance_count,
                    instance_count=one.instance_count,
                    timeout_ns=one.request_timeout_ms * 1_000_000,
                    instances=tuple(instance.id for instance in one.instances),
                )
                for one in endpoint.deployments
            },
            bytes_per_s=endpoint.quota.bandwidth_bytes_per_s,
            requests_per_s=endpoint.quota.requests_per_s,
        )
        for endpoint in routing.endpoints
    }
