"""Invariant 11: what operations were acknowledged with is in force, whoever restarts.

It carries out each operation again, on plain values of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sim.checkers.broken import Broken, EndpointRules, Rules


@dataclass(frozen=True)
class _Acknowledged:
    """An endpoint as operations left it: percents above 0, and how many instances are wanted."""

    traffic: Mapping[str, int] = field(default_factory=dict)
    mirror: Mapping[str, int] = field(default_factory=dict)
    instance_counts: Mapping[str, int] = field(default_factory=dict)


class DurabilityChecker:
    """Keeps what was acknowledged, and compares all that is published with it.

    An operation that runs may have happened or not. It may be the restart of the control plane:
    then everything must be as before.
    """

    def __init__(self) -> None:
        self._acknowledged: dict[str, _Acknowledged] = {}
        self._running: dict[str, _Acknowledged] = {}

    def on_begun(
        self, endpoint: str, verb: str, name: str, numbers: Mapping[str, float], count: int
    ) -> None:
        """An operation was taken, and may happen from now on.

        Args:
            count: how many instances the deployment has if it is created.
        """
        before = self._acknowledged[endpoint]
        counts = before.instance_counts
        wanted = {one: int(number) for one, number in numbers.items() if number}
        match verb:
            case "traffic":
                after = replace(before, traffic=wanted)
            case "mirror_traffic":
                after = replace(before, mirror=wanted)
            case "instance_count":
                after = replace(before, instance_counts={**counts, **wanted})
            case "create":
                after = replace(before, instance_counts={**counts, name: count})
            case "delete":
                left = {one: count for one, count in counts.items() if one != name}
                after = replace(before, instance_counts=left)
        self._running[endpoint] = after

    def on_done(self, endpoint: str) -> None:
        """It was acknowledged, and stays so."""
        self._acknowledged[endpoint] = self._running.pop(endpoint)

    def on_published(self, generation: int, rules: Rules) -> None:
        """11: neither less nor more than was acknowledged, but for what is being done.

        What is published first was declared, before any operation.
        """
        if not self._acknowledged:
            self._acknowledged = {name: _seen(endpoint) for name, endpoint in rules.items()}
        if rules.keys() != self._acknowledged.keys():
            raise Broken(
                11, f"generation {generation} has {sorted(rules)}, not {sorted(self._acknowledged)}"
            )
        for name, endpoint in rules.items():
            seen, acknowledged = _seen(endpoint), self._acknowledged[name]
            if seen not in (acknowledged, self._running.get(name, acknowledged)):
                raise Broken(
                    11,
                    f"{name} is {seen} in generation {generation}; acknowledged was {acknowledged}",
                )


def _seen(endpoint: EndpointRules) -> _Acknowledged:
    return _Acknowledged(
        traffic={name: percent for name, percent in endpoint.traffic if percent},
        mirror={name: percent for name, percent in endpoint.mirror if percent},
        instance_counts={name: one.instance_count for name, one in endpoint.deployments.items()},
    )
