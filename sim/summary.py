"""What a run says, in numbers: the content of the report in any of its forms.

Nothing of the wall clock is in it: the same scenario and seed give the same bytes
(invariant 12).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from sim.asked import OK
from sim.clock import NS_PER_MS, NS_PER_S
from sim.expectations import Numbers, expectation
from sim.record import Operation, Part, Record, Tally
from sim.scenario import Scenario
from sim.steps import doing

PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
NOTHING: Mapping[str, Sequence[int]] = MappingProxyType({})
# What the router answers before a deployment has seen the request.
REFUSED = frozenset(
    {"too_many_pending_request", "rate_limited", "no_traffic", "unknown_deployment"}
)


class DeploymentSummary(Struct, frozen=True, kw_only=True):
    """One deployment's requests.

    Attributes:
        share_percent: of the live requests that found a deployment.
        errors: requests without a good answer, whatever the reason; outcomes say which.
        p50_ms, p95_ms, p99_ms, max_ms: of good answers; None without any.
        pending_max: the most that was queued or outstanding at any tick.
    """

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
        refused: those that reached no instance.
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


def summarize(
    scenario: Scenario, record: Record, measured_ns: Mapping[str, Sequence[int]] = NOTHING
) -> Summary:
    """The numbers of a run that has ended.

    Args:
        measured_ns: real latencies by deployment, sorted.
    """
    names = ["start", *(_name_of(scenario, number) for number in range(len(scenario.timeline)))]
    times = [0.0, *(step.at_s for step in scenario.timeline)]
    wanted = [[], *(step.expect for step in scenario.timeline)]
    refused_operations = sum(one.outcome != "done" for one in record.operations)
    parts = record.steps()
    steps = [
        _step(scenario, name, at_s, [part], words, refused_operations, measured_ns)
        for name, at_s, part, words in zip(names, times, parts, wanted, strict=True)
    ]
    whole = _step(
        scenario, "the whole run", 0, parts, scenario.expect, refused_operations, measured_ns
    )
    return Summary(
        scenario=scenario.name,
        seed=scenario.seed,
        held=all(one.held for step in (*steps, whole) for one in step.expected),
        steps=[step for step in steps if step.requests or step.expected],
        whole=whole,
        operations=[_operation(one, record) for one in record.operations],
        compared=[
            _compared(name, key, percentile_ms(times_ns, part), whole)
            for name, times_ns in measured_ns.items()
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
    words: Sequence[str],
    refused_operations: int,
    measured_ns: Mapping[str, Sequence[int]],
) -> StepSummary:
    by_name: dict[str, list[Tally]] = {}
    for part in parts:
        for deployment, tally in part.by_deployment.items():
            by_name.setdefault(deployment, []).append(tally)
    live = sum(t.live for name, tallies in by_name.items() if name for t in tallies)
    deployments = [
        _deployment(one, tallies, live, max(part.pending.get(one, 0) for part in parts))
        for one, tallies in sorted(by_name.items())
    ]
    took_ns = sorted(ns for tallies in by_name.values() for t in tallies for ns in t.took_ns)
    outcomes = Counter[str]()
    for one in deployments:
        outcomes.update(one.outcomes)
    numbers = Numbers(
        requests=sum(outcomes.values()),
        live={one.name: one.live for one in deployments if one.name},
        copies=sum(part.copies for part in parts),
        errors=sum(outcomes.values()) - outcomes[OK],
        refused=sum(outcomes[reason] for reason in REFUSED),
        throttled_bytes=sum(part.throttled_bytes for part in parts),
        refused_operations=refused_operations,
        times_ms={
            key: {
                "": percentile_ms(took_ns, part),
                **{one.name: getattr(one, f"{key}_ms") for one in deployments},
            }
            for key, part in PERCENTILES.items()
        },
        measured_ms={
            key: {name: percentile_ms(times_ns, part) for name, times_ns in measured_ns.items()}
            for key, part in PERCENTILES.items()
        },
        workers=scenario.workers,
    )
    return StepSummary(
        name=name,
        at_s=at_s,
        requests=numbers.requests,
        copies=numbers.copies,
        errors=numbers.errors,
        refused=numbers.refused,
        throttled_bytes=numbers.throttled_bytes,
        deployments=deployments,
        expected=[_expected(one, numbers) for one in words],
    )


def _deployment(
    name: str, tallies: Sequence[Tally], live_of_all: int, pending_max: int
) -> DeploymentSummary:
    took_ns = sorted(ns for tally in tallies for ns in tally.took_ns)
    outcomes = Counter[str]()
    for tally in tallies:
        outcomes.update(tally.outcomes)
    live = sum(tally.live for tally in tallies)
    return DeploymentSummary(
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


def _compared(name: str, key: str, measured_ms: float | None, whole: StepSummary) -> Compared:
    found = [getattr(one, f"{key}_ms") for one in whole.deployments if one.name == name]
    simulated_ms = found[0] if found else None
    off_percent = None
    if measured_ms and simulated_ms is not None:
        off_percent = round(100 * (simulated_ms - measured_ms) / measured_ms, 1)
    return Compared(
        name=name,
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
