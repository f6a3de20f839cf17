"""What must be reached, as ratios of samples of the same round; the median round decides.

A bar names two measurements and a limit; nothing here measures.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from loadtests.bench.balance import Balance
from loadtests.bench.behaviours import Pair
from loadtests.bench.load import Load
from loadtests.bench.memory import Growth
from loadtests.bench.sidebyside import Sample, Samples

AT_LEAST, AT_MOST = "≥", "≤"


class Verdict(NamedTuple):
    """One bar and what came of it.

    Attributes:
        got: the median of ``rounds``.
    """

    name: str
    comparison: str
    limit: float
    got: float
    rounds: list[float]

    @property
    def holds(self) -> bool:
        """Whether the bar is reached."""
        return self.got >= self.limit if self.comparison == AT_LEAST else self.got <= self.limit


def verdict(name: str, comparison: str, limit: float, rounds: Iterable[float]) -> Verdict:
    """Judges by the median round."""
    values = [round(value, 3) for value in rounds]
    return Verdict(name, comparison, limit, statistics.median(values), values)


# Contender and how many times as many requests per second of a router's core as it.
_THROUGHPUT = {"nginx": 1.2, "Envoy": 3.0, "Traefik": 3.0, "HAProxy": 0.9, "ceiling": 0.40}


def of_routers(samples: Samples) -> list[Verdict]:
    """Turnout beside the others; what was not measured is left out."""
    wanted: list[tuple[str, str, str, str, float, Callable[[Sample], float]]] = [
        (work, other, "requests/s per core", AT_LEAST, limit, lambda one: one.requests_per_core_s)
        for work in ("64 connections", "256 connections")
        for other, limit in _THROUGHPUT.items()
    ]
    wanted += [
        ("100 kB bodies, 32 connections", "Envoy", "requests/s per core", AT_LEAST, 1.0,
         lambda one: one.requests_per_core_s),
        ("1 connection", "Envoy", "p50", AT_MOST, 1.1, lambda one: one.p50_ms),
        ("64 connections", "nginx", "p99", AT_MOST, 1.0, lambda one: one.p99_ms),
    ]  # fmt: skip
    verdicts = []
    for work, other, what, comparison, limit, value in wanted:
        ours, theirs = (samples.get(work, {}).get(name, []) for name in ("Turnout", other))
        if ours and theirs:
            rounds = [value(a) / value(b) for a, b in zip(ours, theirs, strict=True)]
            verdicts.append(verdict(f"{work}: {what} / {other}", comparison, limit, rounds))
    return verdicts


def of_behaviours(pairs: Mapping[str, list[Pair]]) -> list[Verdict]:
    """What happens beside the load, against the load alone."""
    bars: dict[str, tuple[str, str, float, Callable[[Pair], float]]] = {
        "a 4 MB body in flight": (
            "p99 more, ms", AT_MOST, 5.0, lambda pair: pair.beside.p99_ms - pair.without.p99_ms),
        "half mirrored to a stopped shadow": ("p99", AT_MOST, 1.1, _p99),
        "half mirrored to a shadow of 1 s": ("p99", AT_MOST, 1.1, _p99),
        "20 swaps a second": ("requests/s", AT_LEAST, 0.95, _throughput),
        "every limit on": ("requests/s", AT_LEAST, 0.95, _throughput),
        "1,000 endpoints": ("requests/s", AT_LEAST, 0.95, _throughput),
    }  # fmt: skip
    verdicts = []
    for name, (what, comparison, limit, value) in bars.items():
        if found := pairs.get(name):
            rounds = [value(pair) for pair in found]
            verdicts.append(verdict(f"{name}: {what}", comparison, limit, rounds))
            failed = [float(pair.beside.failed) for pair in found]
            verdicts.append(verdict(f"{name}: failed requests", AT_MOST, 0, [max(failed)]))
    return verdicts


def of_services(throughput: Mapping[str, Sequence[Load]]) -> list[Verdict]:
    """The whole service against others."""
    limits = {"MLServer": 8.0, "Envoy + azureml": 10.0}
    ours = throughput.get("Turnout", ())
    return [
        verdict(
            f"whole service: requests/s / {other}",
            AT_LEAST,
            limit,
            [a.requests_per_s / b.requests_per_s for a, b in zip(ours, theirs, strict=True)],
        )
        for other, limit in limits.items()
        if (theirs := throughput.get(other))
    ]


def of_balance(seen: Balance) -> Verdict:
    """Two slow instances at 80 % load against one ideal queue for both."""
    rounds = [one.ratio for one in seen.rounds]
    return verdict("Poisson arrivals at 80 %: p99 / ideal M/D/2", AT_MOST, 1.5, rounds)


def of_memory(grown: Growth) -> Verdict:
    """Resident memory under full load."""
    return verdict("memory: growth after the first fifth, %", AT_MOST, 5.0, [grown.percent])


def _p99(pair: Pair) -> float:
    return pair.beside.p99_ms / pair.without.p99_ms


def _throughput(pair: Pair) -> float:
    return pair.beside.requests_per_s / pair.without.requests_per_s
