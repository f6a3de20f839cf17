"""Whether what a plan expects of a step holds; the words are sim/expectations.py's."""

from collections.abc import Sequence

from router.testing.answers import Answers
from router.testing.rollout import Step
from sim.checkers.broken import Place
from sim.expectations import Numbers, expectation

# A plan has one endpoint.
STEPS_OWN = ""
PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}


def unmet(expect: Sequence[str], step: Step) -> list[str]:
    """The expectations that do not hold, each with what was found."""
    numbers = _numbers(step)
    judged = ((words, *expectation(words)(numbers)) for words in expect)
    return [f"expected {words}, got {found}" for words, held, found in judged if not held]


def _numbers(step: Step) -> Numbers:
    after = step.after
    return Numbers(
        endpoint=STEPS_OWN,
        requests=after.sent,
        live={(STEPS_OWN, name): count for name, count in after.shares.items()},
        copies={STEPS_OWN: sum(step.copies.values())},
        errors=len(after.failed),
        refused=sum(reply.deployment is None for reply in after.replies),
        # plan.py refuses expectations of these three.
        throttled_bytes=0,
        refused_operations=0,
        measured_ms={},
        times_ms={key: _times_ms(after, percent) for key, percent in PERCENTILES.items()},
        # A step's requests begin and end with a block: where one schedule chooses, shares have no
        # tolerance of their own.
        workers=step.unaligned,
    )


def _times_ms(answers: Answers, percent: float) -> dict[Place | None, float | None]:
    by_place: dict[Place | None, Answers] = {None: answers}
    by_place |= {(STEPS_OWN, name): answers.by(name) for name in answers.shares}
    return {
        place: some.percentile_ms(percent) if len(some.failed) < some.sent else None
        for place, some in by_place.items()
    }
