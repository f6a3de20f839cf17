"""What the parts of a scenario must agree in, beyond what each may be by itself.

An operation of the timeline may name what is not there, and be refused when its time comes: that is
an operator's mistake, which a scenario may be about. A fault or an expectation may not.
"""

import math
from collections.abc import Iterable, Iterator

from router.core.errors import BadRequest
from sim.expectations import expectation, named
from sim.scenario import Client, Scenario
from sim.steps import FAULTS, Doing, doing

# Of the numbers that faults take.
RANGES = {"slow": (0.001, 1_000_000.0), "error_percent": (0.0, 100.0)}


def check(scenario: Scenario) -> None:
    """Refuses a scenario whose parts do not fit together.

    Raises:
        BadRequest: the first thing that is wrong, with its place.
    """
    _check_names(scenario)
    for number, client in enumerate(scenario.clients):
        _check_client(client, scenario, f"$.clients[{number}]")
    _check_timeline(scenario)
    for words, endpoint, at in _expectations(scenario):
        expectation(words, at)
        _check_named(words, endpoint, scenario, at)


def _check_names(scenario: Scenario) -> None:
    """Names tell endpoints apart, and clients' draws."""
    _check_unique((one.name for one in scenario.endpoints), "$.endpoints")
    _check_unique((one.name for one in scenario.clients), "$.clients")
    for number, endpoint in enumerate(scenario.endpoints):
        names = (one.name for one in endpoint.deployments)
        _check_unique(names, f"$.endpoints[{number}].deployments")


def _check_unique(names: Iterable[str], at: str) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            raise BadRequest(
                f"expected a name of its own, got {name!r} again, at `{at}[{number}].name`"
            )
        seen.add(name)


def _check_client(client: Client, scenario: Scenario, at: str) -> None:
    _check_endpoint(client.endpoint, scenario, at)
    if (client.arrivals is None) == (client.loop is None):
        got = "neither" if client.loop is None else "both"
        raise BadRequest(f"expected either arrivals or loop, got {got}, at `{at}`")
    most = client.body_bytes_max
    if most is not None and most < client.body_bytes:
        raise BadRequest(
            f"expected at least the client's body_bytes ({client.body_bytes}), got {most}, at "
            f"`{at}.body_bytes_max`"
        )
    if client.until_s is not None and client.until_s <= client.from_s:
        raise BadRequest(
            f"expected more than the client's from_s ({client.from_s:g}), got {client.until_s:g}, "
            f"at `{at}.until_s`"
        )


def _check_endpoint(name: str | None, scenario: Scenario, at: str) -> None:
    known = sorted(endpoint.name for endpoint in scenario.endpoints)
    if name is not None and name not in known:
        raise BadRequest(
            f"expected one of the endpoints ({', '.join(known)}), got {name!r}, at `{at}.endpoint`"
        )


def _check_timeline(scenario: Scenario) -> None:
    before_s = 0.0
    for number, step in enumerate(scenario.timeline):
        at = f"$.timeline[{number}]"
        if not before_s <= step.at_s <= scenario.for_s:
            raise BadRequest(
                f"expected a time from {before_s:g} (the step before) to {scenario.for_s:g} "
                f"(for_s), got {step.at_s:g}, at `{at}.at_s`. Steps stand in the order of time."
            )
        before_s = step.at_s
        _check_endpoint(step.endpoint, scenario, at)
        found = doing(step, number)
        if found is not None and found.verb in FAULTS:
            _check_fault(step.endpoint or scenario.endpoints[0].name, found, scenario, at)


def _check_fault(endpoint: str, fault: Doing, scenario: Scenario, at: str) -> None:
    (found,) = (one for one in scenario.endpoints if one.name == endpoint)
    known = sorted(one.name for one in found.deployments)
    for name in fault.numbers or [fault.name]:
        if name not in known:
            raise BadRequest(
                f"expected a deployment of endpoint {endpoint!r} ({', '.join(known)}), got "
                f"{name!r}, at `{at}.{fault.verb}`"
            )
    least, most = RANGES.get(fault.verb, (0.0, math.inf))
    for name, number in fault.numbers.items():
        if not least <= number <= most:
            raise BadRequest(
                f"expected from {least:g} to {most:g}, got {number:g}, at "
                f"`{at}.{fault.verb}.{name}`"
            )


def _check_named(words: str, endpoint: str, scenario: Scenario, at: str) -> None:
    """Whom an expectation is about must be there: an endpoint, or one of its deployments."""
    found = named(words, endpoint)
    if found is None:
        return
    of, name = found
    known = {one.name: sorted(d.name for d in one.deployments) for one in scenario.endpoints}
    if of not in known:
        raise BadRequest(
            f"expected one of the endpoints ({', '.join(sorted(known))}), got {of!r}, at `{at}`"
        )
    if name is not None and name not in known[of]:
        raise BadRequest(
            f"expected a deployment of endpoint {of!r} ({', '.join(known[of])}), got {name!r}, at "
            f"`{at}`. Write ENDPOINT/DEPLOYMENT for one of another endpoint."
        )


def _expectations(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """All of them, each with the endpoint that it is about by default, and its place."""
    first = scenario.endpoints[0].name
    for number, step in enumerate(scenario.timeline):
        for place, words in enumerate(step.expect):
            yield words, step.endpoint or first, f"$.timeline[{number}].expect[{place}]"
    for place, words in enumerate(scenario.expect):
        yield words, first, f"$.expect[{place}]"
