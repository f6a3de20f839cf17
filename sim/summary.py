"""What a run says, in numbers: the content of the report in any of its forms.

Nothing of the wall clock is in it: the same scenario and seed give the same bytes
(invariant 12).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from sim.asked import OK
from sim.checkers.broken import Place
from sim.clock import NS_PER_MS, NS_PER_S
from sim.expectations import Numbers, expectation
from sim.record import Operation, Part, Record, Tally
from sim.scenario import Scenario
from sim.steps import doing

PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
REFUSED_LABEL = "(refused)"
NOTHING: Mapping[Place, Sequence[int]] = MappingProxyType({})
# What the router answers before a deployment has seen the request.
REFUSED = frozenset(
    {"too_many_pending_request", "rate_limited", "no_traffic", "unknown_deployment"}
)


class DeploymentSummary(Struct, frozen=True, kw_only=True):
    """One deployment's requests.

    Attributes:
        name: empty for the endpoint's requests that found no deployment.
        share_percent: of the endpoint's live requests that found a deployment.
        errors: requests without a good answer, whatever the reason; outcomes say which.
        p50_ms, p95_ms, p99_ms, max_ms: of good answers; None without any.
        pending_max: the most that was queued or outstanding at any tick.
    """

    endpoint: str
    name: str
    live: int
    direct: int
    share_percent: float
    errors: int
    outcomes: dict[str, int]
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    pending_max: int


class Expected(Struct, frozen=True, kw_only=True):
    """One expectation, and what was found."""

    words: str
    held: bool
    found: str


class StepSummary(Struct, frozen=True, kw_only=True):
    """One part of the timeline.

    Attributes:
        requests: of all clients, asked in this part.
        refused: those that were turned away as they came.
        throttled_bytes: that had to wait for the bandwidth.
    """

    name: str
    at_s: float
    requests: int
    copies: int
    errors: int
    refused: int
    throttled_bytes: int
    deployments: list[DeploymentSummary]
    expected: list[Expected]


class Compared(Struct, frozen=True, kw_only=True):
    """A deployment's latencies as clients measured them of real requests, beside the run's.

    Attributes:
        off_percent: of what was measured; None where one of the two is missing.
    """

    endpoint: str
    name: str
    percentile: str
    measured_ms: float | None
    simulated_ms: float | None
    off_percent: float | None


class OperationSummary(Struct, frozen=True, kw_only=True):
    """One operation; ``outcome`` is "done" or why it was refused."""

    at_s: float
    words: str
    outcome: str
    took_s: float | None


class Summary(Struct, frozen=True, kw_only=True):
    """The whole run.

    Attributes:
        held: whether every expectation did.
    """

    scenario: str
    seed: int
    held: bool
    steps: list[StepSummary]
    whole: StepSummary
    operations: list[OperationSummary]
    compared: list[Compared]

    def label(self, place: Place) -> str:
        """What people read of it: the deployment, with its endpoint where there are several."""
        endpoint, name = place
        several = len({one.endpoint for one in self.whole.deployments}) > 1
        return f"{endpoint}/{name or REFUSED_LABEL}" if several else name or REFUSED_LABEL


def summarize(
    scenario: Scenario, record: Record, measured_ns: Mapping[Place, Sequence[int]] = NOTHING
) -> Summary:
    """The numbers of a run that has ended.

    Args:
        measured_ns: real latencies, sorted.
    """
    first = scenario.endpoints[0].name
    names = ["start", *(_name_of(scenario, number) for number in range(len(scenario.timeline)))]
    times = [0.0, *(step.at_s for step in scenario.timeline)]
    wanted = [(first, []), *((s.endpoint or first, s.expect) for s in scenario.timeline)]
    refused_operations = sum(one.outcome.startswith("refused") for one in record.operations)
    parts = record.steps()
    steps = [
        _step(scenario, name, at_s, [part], of, refused_operations, measured_ns)
        for name, at_s, part, of in zip(names, times, parts, wanted, strict=True)
    ]
    whole = _step(
        scenario,
        "the whole run",
        0,
        parts,
        (first, scenario.expect),
        refused_operations,
        measured_ns,
    )
    return Summary(
        scenario=scenario.name,
        seed=scenario.seed,
        held=all(one.held for step in (*steps, whole) for one in step.expected),
        steps=[step for step in steps if step.requests or step.expected],
        whole=whole,
        operations=[_operation(one, record) for one in record.operations],
        compared=[
            _compared(place, key, percentile_ms(times_ns, part), whole)
            for place, times_ns in measured_ns.items()
            for key, part in PERCENTILES.items()
            if key != "max"
        ],
    )


def percentile_ms(took_ns: Sequence[int], part: float) -> float | None:
    """The time that this part of the sorted times does not exceed; None of none."""
    if not took_ns:
        return None
    return round(took_ns[min(int(part * len(took_ns)), len(took_ns) - 1)] / NS_PER_MS, 3)


def _step(
    scenario: Scenario,
    name: str,
    at_s: float,
    parts: Sequence[Part],
    wanted: tuple[str, Sequence[str]],
    refused_operations: int,
    measured_ns: Mapping[Place, Sequence[int]],
) -> StepSummary:
    """One part of the timeline, or all of them.

    Args:
        wanted: what is expected of it, and of which endpoint where the words name none.
    """
    by_place: dict[Place, list[Tally]] = {}
    copies = Counter[str]()
    for part in parts:
        copies.update(part.copies)
        for place, tally in part.by_place.items():
            by_place.setdefault(place, []).append(tally)
    live = Counter[str]()
    for (endpoint, one), tallies in by_place.items():
        live[endpoint] += sum(tally.live for tally in tallies) if one else 0
    deployments = [
        _deployment(
            place, tallies, live[place[0]], max(part.pending.get(place, 0) for part in parts)
        )
        for place, tallies in sorted(by_place.items())
    ]
    took_ns = sorted(ns for tallies in by_place.values() for t in tallies for ns in t.took_ns)
    outcomes = Counter[str]()
    for found in deployments:
        outcomes.update(found.outcomes)
    endpoint, words = wanted
    numbers = Numbers(
        endpoint=endpoint,
        requests=sum(outcomes.values()),
        live={(one.endpoint, one.name): one.live for one in deployments if one.name},
        copies=copies,
        errors=sum(outcomes.values()) - outcomes[OK],
        refused=sum(outcomes[reason] for reason in REFUSED),
        throttled_bytes=sum(part.throttled_bytes for part in parts),
        refused_operations=refused_operations,
        times_ms={
            key: {
                None: percentile_ms(took_ns, part),
                **{(one.endpoint, one.name): getattr(one, f"{key}_ms") for one in deployments},
            }
            for key, part in PERCENTILES.items()
        },
        measured_ms={
            key: {place: percentile_ms(times_ns, part) for place, times_ns in measured_ns.items()}
            for key, part in PERCENTILES.items()
        },
        workers=scenario.workers,
    )
    return StepSummary(
        name=name,
        at_s=at_s,
        requests=numbers.requests,
        copies=copies.total(),
        errors=numbers.errors,
        refused=numbers.refused,
        throttled_bytes=numbers.throttled_bytes,
        deployments=deployments,
        expected=[_expected(one, numbers) for one in words],
    )


def _deployment(
    place: Place, tallies: Sequence[Tally], live_of_all: int, pending_max: int
) -> DeploymentSummary:
    endpoint, name = place
    took_ns = sorted(ns for tally in tallies for ns in tally.took_ns)
    outcomes = Counter[str]()
    for tally in tallies:
        outcomes.update(tally.outcomes)
    live = sum(tally.live for tally in tallies)
    return DeploymentSummary(
        endpoint=endpoint,
        name=name,
        live=live,
        direct=sum(tally.direct for tally in tallies),
        share_percent=round(100 * live / live_of_all, 4) if live_of_all and name else 0.0,
        errors=sum(outcomes.values()) - outcomes[OK],
        outcomes=dict(sorted(outcomes.items())),
        pending_max=pending_max,
        **{f"{key}_ms": percentile_ms(took_ns, part) for key, part in PERCENTILES.items()},
    )


def _expected(words: str, numbers: Numbers) -> Expected:
    held, found = expectation(words)(numbers)
    return Expected(words=words, held=held, found=found)


def _compared(place: Place, key: str, measured_ms: float | None, whole: StepSummary) -> Compared:
    found = [
        getattr(one, f"{key}_ms") for one in whole.deployments if (one.endpoint, one.name) == place
    ]
    simulated_ms = found[0] if found else None
    off_percent = None
    if measured_ms and simulated_ms is not None:
        off_percent = round(100 * (simulated_ms - measured_ms) / measured_ms, 1)
    return Compared(
        endpoint=place[0],
        name=place[1],
        percentile=key,
        measured_ms=measured_ms,
        simulated_ms=simulated_ms,
        off_percent=off_percent,
    )


def _operation(one: Operation, record: Record) -> OperationSummary:
    return OperationSummary(
        at_s=(one.at_ns - record.begin_ns) / NS_PER_S,
        words=one.words,
        outcome=one.outcome,
        took_s=None if one.ended_ns is None else (one.ended_ns - one.at_ns) / NS_PER_S,
    )


def _name_of(scenario: Scenario, number: int) -> str:
    step = scenario.timeline[number]
    if step.name is not None:
        return step.name
    found = doing(step, number)
    return found.words if found is not None else f"from {step.at_s:g} s"
