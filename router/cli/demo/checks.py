"""What must hold of each sample and of the whole demo. Pure: findings in, complaints out."""

from collections.abc import Mapping
from dataclasses import dataclass

from router.testing.answers import Answers
from router.testing.counters import BLOCK

SAMPLE_REQUESTS = 1000
FAILURES_SHOWN = 5


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
        answers: as the client saw them.
        copies: deployment to the mirrored copies that the router gave it meanwhile.
        scored_copies: deployment to the copies that its own log says it scored.
    """

    answers: Answers
    copies: Mapping[str, int]
    scored_copies: Mapping[str, int]


def requests_of(percent: int) -> int:
    """How many of a sample's requests are ``percent`` of them; always a whole number."""
    return SAMPLE_REQUESTS * percent // BLOCK


def problems_of_sample(expected: Expected, sample: Sample) -> list[str]:
    """Everything about the sample that is not exactly as the rules say."""
    problems = _failures("a request failed", sample.answers)
    problems += _differences("requests", expected.traffic, sample.answers.shares)
    problems += _differences("copies", expected.mirror_traffic, sample.copies)
    problems += _differences(
        "copies scored by its log", expected.mirror_traffic, sample.scored_copies
    )
    return problems


def problems_of_direct_calls(deployment: str, answers: Answers, moved: int) -> list[str]:
    """Everything wrong with direct calls.

    Args:
        deployment: the one that was named.
        answers: how they ended.
        moved: by how many requests the traffic schedule moved on meanwhile.
    """
    problems = _failures("a direct call failed", answers)
    others = {name: n for name, n in answers.shares.items() if name != deployment}
    if others:
        problems.append(f"expected all direct calls at {deployment}, got {_shown(others)}")
    if moved:
        problems.append(f"expected direct calls to count in no schedule, got {moved} that did")
    return problems


def problems_of_load(answers: Answers) -> list[str]:
    """Everything wrong with the load in the background."""
    if not answers.sent:
        return ["expected load while the steps changed, got none"]
    return _failures("a request failed while a step changed", answers)


def _failures(what: str, answers: Answers) -> list[str]:
    failed = answers.failed
    problems = [f"{what}: {reply}" for reply in failed[:FAILURES_SHOWN]]
    if len(failed) > FAILURES_SHOWN:
        problems.append(f"and {len(failed) - FAILURES_SHOWN} more")
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
