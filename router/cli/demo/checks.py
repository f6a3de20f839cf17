"""What must hold of each sample and of the whole demo. Pure: findings in, complaints out."""

from collections.abc import Mapping
from dataclasses import dataclass

from router.cli.demo.client import Tally

SAMPLE_REQUESTS = 1000
BLOCK = 100


@dataclass(frozen=True)
class Expected:
    """The rules in force, in percent of live requests.

    Attributes:
        traffic: deployment to its share.
        mirror_traffic: deployment to the share that is copied to it.
    """

    traffic: Mapping[str, int]
    mirror_traffic: Mapping[str, int]


@dataclass(frozen=True)
class Sample:
    """What came of SAMPLE_REQUESTS live requests.

    Attributes:
        tally: as the client saw it.
        copies: deployment to the mirrored copies that the router gave it meanwhile.
        scored_copies: deployment to the copies that its own log says it scored.
    """

    tally: Tally
    copies: Mapping[str, int]
    scored_copies: Mapping[str, int]


def requests_of(percent: int) -> int:
    """How many of a sample's requests are ``percent`` of them; always a whole number."""
    return SAMPLE_REQUESTS * percent // BLOCK


def to_whole_block(position: int) -> int:
    """How many requests a schedule at ``position`` is from the end of its block of 100."""
    return -position % BLOCK


def problems_of_sample(expected: Expected, sample: Sample) -> list[str]:
    """Everything about the sample that is not exactly as the rules say."""
    problems = [f"a request failed: {what}" for what in sample.tally.failures]
    problems += _differences("requests", expected.traffic, sample.tally.shares)
    problems += _differences("copies", expected.mirror_traffic, sample.copies)
    problems += _differences(
        "copies scored by its log", expected.mirror_traffic, sample.scored_copies
    )
    return problems


def problems_of_direct_calls(deployment: str, tally: Tally, moved: int) -> list[str]:
    """Everything wrong with direct calls.

    Args:
        deployment: the one that was named.
        tally: how they ended.
        moved: by how many requests the traffic schedule moved on meanwhile.
    """
    problems = [f"a direct call failed: {what}" for what in tally.failures]
    others = {name: n for name, n in tally.shares.items() if name != deployment}
    if others:
        problems.append(f"expected all direct calls at {deployment}, got {_shown(others)}")
    if moved:
        problems.append(f"expected direct calls to count in no schedule, got {moved} that did")
    return problems


def problems_of_load(tally: Tally) -> list[str]:
    """Everything wrong with the load in the background."""
    if not tally.sent:
        return ["expected load while the steps changed, got none"]
    problems = [f"a request failed while a step changed: {what}" for what in tally.failures]
    if tally.failed > len(problems):
        problems.append(f"and {tally.failed - len(problems)} more")
    return problems


def _differences(what: str, percents: Mapping[str, int], got: Mapping[str, int]) -> list[str]:
    wanted = {name: requests_of(percent) for name, percent in percents.items()}
    names = sorted({*wanted, *got})
    return [
        f"expected {wanted.get(name, 0)} {what} at {name}, got {got.get(name, 0)}"
        for name in names
        if wanted.get(name, 0) != got.get(name, 0)
    ]


def _shown(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} at {name}" for name, count in sorted(counts.items()))
