"""What a checker raises, and what it knows of the configuration."""

from typing import NamedTuple

# An endpoint and one of its deployments, which others may have by the same name.
Place = tuple[str, str]


class Broken(Exception):
    """An invariant does not hold.

    Args:
        message: what was found; it names the request, where it is about one.

    Attributes:
        invariant: its number in DESIGN.md.
    """

    def __init__(self, invariant: int, message: str) -> None:
        super().__init__(f"invariant {invariant}: {message}")
        self.invariant = invariant


class DeploymentRules(NamedTuple):
    """What was published of a deployment.

    Attributes:
        in_flight_max: how many requests of clients may be in flight.
        instance_count: how many there are to be.
        timeout_ns: how long a request may take.
        instances: who serves.
    """

    in_flight_max: int
    instance_count: int
    timeout_ns: int
    instances: tuple[str, ...]


class EndpointRules(NamedTuple):
    """What was published of an endpoint. Percents in the order in which they were declared.

    Attributes:
        bytes_per_s, requests_per_s: None without a limit.
    """

    traffic: tuple[tuple[str, int], ...]
    mirror: tuple[tuple[str, int], ...]
    deployments: dict[str, DeploymentRules]
    bytes_per_s: int | None
    requests_per_s: int | None


Rules = dict[str, EndpointRules]


def instances_of(rules: Rules) -> dict[str, Place]:
    """Whose each instance is."""
    return {
        instance: (name, deployment)
        for name, endpoint in rules.items()
        for deployment, found in endpoint.deployments.items()
        for instance in found.instances
    }
