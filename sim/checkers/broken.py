"""What a checker raises, and what it knows of the configuration."""

from typing import NamedTuple


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
    """What was published of a deployment: how many requests may be in flight, who serves."""

    in_flight_max: int
    instances: tuple[str, ...]


class EndpointRules(NamedTuple):
    """What was published of an endpoint. Percents in the order in which they were declared.

    Attributes:
        bytes_per_s: None without a limit.
    """

    traffic: tuple[tuple[str, int], ...]
    mirror: tuple[tuple[str, int], ...]
    deployments: dict[str, DeploymentRules]
    bytes_per_s: int | None


Rules = dict[str, EndpointRules]
