"""The words of a timeline: which operation or fault a step is, and of what."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from router.core.errors import BadRequest
from sim.scenario import Scenario, Step

OPERATIONS = ("traffic", "mirror_traffic", "instance_count", "create", "delete", "restart")
FAULTS = ("crash", "crash_loop", "hang", "slow", "error_percent", "heal")


class Doing(NamedTuple):
    """What a step does.

    Attributes:
        verb: one of OPERATIONS or FAULTS.
        numbers: by deployment, where the verb takes ``NAME=NUMBER``.
        name: the deployment, where it takes one.
        words: as in the scenario, for people.
    """

    verb: str
    numbers: dict[str, float]
    name: str
    words: str


def doing(step: Step, number: int) -> Doing | None:
    """What the step does; None if it only begins a part of the report.

    Args:
        number: its place in the timeline, for the message.

    Raises:
        BadRequest: it does two things, or its words are wrong.
    """
    given = [verb for verb in (*OPERATIONS, *FAULTS) if getattr(step, verb) is not None]
    at = f"$.timeline[{number}]"
    if len(given) > 1:
        raise BadRequest(
            f"expected one operation or fault, got {' and '.join(given)}, at `{at}`. Write two "
            f"steps with the same at_s."
        )
    if not given:
        return None
    (verb,) = given
    value = getattr(step, verb)
    if verb in {"traffic", "mirror_traffic", "instance_count", "slow", "error_percent"}:
        numbers = _numbers(value, f"{at}.{verb}") if isinstance(value, str) else dict(value)
        for name, amount in numbers.items():
            if not math.isfinite(amount):
                raise BadRequest(f"expected a number, got {amount}, at `{at}.{verb}.{name}`")
        words = " ".join(f"{name}={amount:g}" for name, amount in numbers.items())
        if verb == "instance_count" and len(numbers) != 1:
            raise BadRequest(
                f"expected NAME=COUNT of one deployment, got {words or 'nothing'}, at "
                f"`{at}.{verb}`. Write a step for each; one operation runs at a time."
            )
        return Doing(verb, numbers, "", f"{verb}: {words}")
    return Doing(verb, {}, value, f"{verb}: {value}")


def created_later(scenario: Scenario) -> set[tuple[str, str]]:
    """Deployments (with their endpoint) that are not there at the start."""
    first = scenario.endpoints[0].name
    return {(s.endpoint or first, s.create) for s in scenario.timeline if s.create is not None}


def whole(numbers: Mapping[str, float], key: str) -> dict[str, int]:
    """The numbers, as those of a rule.

    Raises:
        BadRequest: one has a fraction.
    """
    for name, number in numbers.items():
        if number != int(number):
            raise BadRequest(f"expected a whole number, got {number}, at `$.{key}.{name}`")
    return {name: int(number) for name, number in numbers.items()}


def _numbers(text: str, at: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for pair in text.split():
        name, equals, number = pair.partition("=")
        if name in found:
            raise BadRequest(f"expected each name once, got {name!r} again, at `{at}`")
        try:
            found[name] = float(number)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise BadRequest(f"expected NAME=NUMBER pairs, got {pair!r}, at `{at}`")
    if not found:
        raise BadRequest(f"expected NAME=NUMBER pairs, got nothing, at `{at}`")
    return found
