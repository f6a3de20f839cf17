"""Reads a rollout plan: the words are those of `turnout simulate`, which sim/steps.py keeps.

A plan is checked whole before any of it is done. What its steps do is conductor.py's.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from router.core.errors import BadRequest
from router.core.parse import parse
from sim.expectations import expectation
from sim.files import read_scenario
from sim.scenario import Step
from sim.steps import FAULTS, Doing, doing, whole

Steps = Sequence[Mapping[str, object]]
RULES = ("traffic", "mirror_traffic", "instance_count")
# The counters of a real daemon don't say the bytes; a step that is refused raises; and what was
# measured is what is to be compared with.
NOT_MEASURED = ("throttled bytes", "refused operations", "as measured")


class Planned(NamedTuple):
    """One step of a plan.

    Attributes:
        name: as in the report.
        doing: what it does; None if it only sends requests.
        expect: what is expected of the requests after it.
    """

    name: str
    doing: Doing | None
    expect: Sequence[str]


def read_plan(
    plan: Steps | Path | str,
    endpoint: str,
    creatable: Collection[str],
    scripted: Collection[str],
) -> list[Planned]:
    """The steps of a plan.

    Args:
        plan: steps, or a scenario's file, of which the timeline is taken.
        endpoint: the one that it is for; steps for others are refused.
        creatable: deployments that can be created.
        scripted: deployments that faults can befall.

    Raises:
        BadRequest: the first thing that is wrong.
    """
    return [_planned(step, n, endpoint, creatable, scripted) for n, step in enumerate(_steps(plan))]


def _steps(plan: Steps | Path | str) -> Sequence[Step]:
    if isinstance(plan, Path | str):
        return read_scenario(Path(plan))[0].timeline
    return [
        parse(Step, {"at_s": number, **step}, f"step {number}") for number, step in enumerate(plan)
    ]


def _planned(
    step: Step, number: int, endpoint: str, creatable: Collection[str], scripted: Collection[str]
) -> Planned:
    at = f"$.timeline[{number}]"
    if step.endpoint not in {None, endpoint}:
        raise BadRequest(
            f"expected steps for the endpoint {endpoint!r}, got one for {step.endpoint!r}, at "
            f"`{at}.endpoint`. Roll out one endpoint at a time."
        )
    for words in step.expect:
        expectation(words, f"{at}.expect")
        if any(what in words for what in NOT_MEASURED):
            raise BadRequest(
                f"expected words about shares, copies, errors, requests, refused or times, got "
                f"{words!r}, at `{at}.expect`. Only `turnout simulate` can tell."
            )
    found = doing(step, number)
    if found is not None:
        _check(found, at, creatable, scripted)
    name = step.name or (found.words if found else f"step {number}")
    return Planned(name, found, step.expect)


def _check(found: Doing, at: str, creatable: Collection[str], scripted: Collection[str]) -> None:
    if found.verb in RULES:
        whole(found.numbers, f"timeline{at.removeprefix('$.timeline')}.{found.verb}")
    if found.verb == "create" and found.name not in creatable:
        raise BadRequest(
            f"expected the name of a deployment that was given in `create=` "
            f"({', '.join(sorted(creatable)) or 'none'}), got {found.name!r}, at `{at}.create`"
        )
    befallen = {found.name, *found.numbers} - {""} if found.verb in FAULTS else set()
    if not befallen <= set(scripted):
        raise BadRequest(
            f"expected a Scripted deployment ({', '.join(sorted(scripted)) or 'none'}), got "
            f"{', '.join(sorted(befallen - set(scripted)))}, at `{at}.{found.verb}`. Faults can "
            f"befall these only: a real script has its own."
        )
