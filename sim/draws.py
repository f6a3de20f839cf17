"""Chance: when clients ask, how long models run. Each from a generator of its own.

A generator is seeded by the scenario's seed and a name, so that one more client or another
latency shifts nothing of what the others draw (invariants 5 and 12).
"""

import itertools
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from router.core.errors import BadRequest
from router.yaml_files import read_bytes
from sim.clock import NS_PER_MS, NS_PER_S
from sim.scenario import Arrivals, Client, Latency

_FORMS = ("constant_ms", "median_ms", "p99_ms", "measured")
# Of the standard normal distribution.
_Z_P99 = 2.3263478740408408
# Of a line that is no number.
_CHARS_SHOWN = 40
Draw = Callable[[], int]


def generator(seed: int, *names: str) -> random.Random:
    """A generator for what is named; the same in every process, whatever PYTHONHASHSEED is."""
    return random.Random("/".join((str(seed), *names)))  # noqa: S311 - to be repeated


def latencies(latency: Latency, rng: random.Random, folder: Path, at: str) -> Draw:
    """A function that draws how long a ``run()`` takes, in ns.

    Args:
        folder: what the path of ``measured`` is relative to.
        at: where the latency is in the scenario.

    Raises:
        BadRequest: not exactly one of the forms is given, or the file is wrong.
    """
    given = [key for key in _FORMS if getattr(latency, key) is not None]
    if given not in (["constant_ms"], ["median_ms", "p99_ms"], ["measured"]):
        raise BadRequest(
            f"expected either constant_ms, or median_ms and p99_ms, or measured, got "
            f"{' and '.join(given) or 'none of them'}, at `{at}`"
        )
    if latency.constant_ms is not None:
        constant_ns = round(latency.constant_ms * NS_PER_MS)
        return lambda: constant_ns
    if latency.measured is not None:
        times_ns = measured(folder / latency.measured, f"{at}.measured")
        if latency.in_order:
            return itertools.cycle(times_ns).__next__
        return lambda: times_ns[int(rng.random() * len(times_ns))]
    assert latency.median_ms is not None
    assert latency.p99_ms is not None
    return _lognormal(latency.median_ms, latency.p99_ms, rng, at)


def arrivals(client: Client, end_ns: int, rng: random.Random) -> Iterator[int]:
    """When the client asks, in ns, in order.

    Args:
        end_ns: no later than this.
    """
    assert client.arrivals is not None
    begin_ns, end_ns = span_ns(client, end_ns)
    times = _TIMES[client.arrivals.kind](client.arrivals, rng)
    for count, time_s in enumerate(times):
        time_ns = begin_ns + round(time_s * NS_PER_S)
        if time_ns >= end_ns or count == client.requests:
            return
        yield time_ns


def span_ns(client: Client, end_ns: int) -> tuple[int, int]:
    """From when on and until when a client asks, in ns."""
    if client.until_s is not None:
        end_ns = min(end_ns, round(client.until_s * NS_PER_S))
    return round(client.from_s * NS_PER_S), end_ns


def sizes(client: Client, rng: random.Random) -> Draw:
    """A function that draws a body's bytes, each size as likely as the next."""
    least, most = client.body_bytes, client.body_bytes_max
    if most is None:
        return lambda: least
    return lambda: least + int(rng.random() * (most - least + 1))


def _lognormal(median_ms: float, p99_ms: float, rng: random.Random, at: str) -> Draw:
    if not 0 < median_ms <= p99_ms:
        raise BadRequest(
            f"expected a median_ms above 0 and a p99_ms not below it, got {median_ms:g} and "
            f"{p99_ms:g}, at `{at}`"
        )
    mu = math.log(median_ms * NS_PER_MS)
    sigma = math.log(p99_ms / median_ms) / _Z_P99
    return _lognormals(mu, sigma, rng.random).__next__


def _lognormals(mu: float, sigma: float, chance: Callable[[], float]) -> Iterator[int]:
    """Draws in pairs (Box and Muller), which takes half the time of one after the other."""
    sqrt, log, exp, cos, sin = math.sqrt, math.log, math.exp, math.cos, math.sin
    while True:
        distance, angle = sigma * sqrt(-2 * log(1 - chance())), math.tau * chance()
        yield round(exp(mu + distance * cos(angle)))
        yield round(exp(mu + distance * sin(angle)))


def measured(path: Path, at: str) -> list[int]:
    """Times of a file, in ns: a number of milliseconds on each line.

    Args:
        at: where the scenario names it.

    Raises:
        BadRequest: there is no such file, or something else in it.
    """
    times_ns = []
    try:
        text = read_bytes(path).decode(errors="replace")
    except BadRequest as error:
        raise BadRequest(f"{error.message} It is named at `{at}`.") from None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            time_ms = float(line)
        except ValueError:
            time_ms = -1
        if not 0 <= time_ms < math.inf:
            raise BadRequest(
                f"{path}: expected a number of milliseconds on each line, got "
                f"{line[:_CHARS_SHOWN]!r} on line {number}, at `{at}`"
            )
        times_ns.append(round(time_ms * NS_PER_MS))
    if not times_ns:
        raise BadRequest(
            f"{path}: expected a number of milliseconds on each line, got none, at `{at}`"
        )
    return times_ns


def _constant(wanted: Arrivals, _: random.Random) -> Iterator[float]:
    count = 0
    while True:
        count += 1
        yield count / wanted.per_s


def _periodic(wanted: Arrivals, rng: random.Random) -> Iterator[float]:
    for time_s in _constant(wanted, rng):
        for _ in range(wanted.group):
            yield time_s


def _poisson(wanted: Arrivals, rng: random.Random) -> Iterator[float]:
    log, chance, per_s, time_s = math.log, rng.random, wanted.per_s, 0.0
    while True:
        # As rng.expovariate does, without calling it: there are millions.
        time_s -= log(1 - chance()) / per_s
        yield time_s


def _thinned(
    peak_per_s: float, per_s_at: Callable[[float], float], rng: random.Random
) -> Iterator[float]:
    """Poisson arrivals of a changing rate, by thinning those of the highest."""
    time_s = 0.0
    while True:
        time_s += rng.expovariate(peak_per_s)
        if rng.random() * peak_per_s < per_s_at(time_s):
            yield time_s


def _bursts(wanted: Arrivals, rng: random.Random) -> Iterator[float]:
    peak = wanted.peak_per_s or wanted.per_s

    def per_s_at(time_s: float) -> float:
        return peak if time_s % wanted.every_s < wanted.for_s else wanted.per_s

    return _thinned(max(peak, wanted.per_s), per_s_at, rng)


def _diurnal(wanted: Arrivals, rng: random.Random) -> Iterator[float]:
    peak = wanted.peak_per_s or wanted.per_s

    def per_s_at(time_s: float) -> float:
        noon = (1 - math.cos(2 * math.pi * time_s / wanted.every_s)) / 2
        return wanted.per_s + (peak - wanted.per_s) * noon

    return _thinned(max(peak, wanted.per_s), per_s_at, rng)


_TIMES: dict[str, Callable[[Arrivals, random.Random], Iterator[float]]] = {
    "constant": _constant,
    "periodic": _periodic,
    "poisson": _poisson,
    "bursts": _bursts,
    "diurnal": _diurnal,
}
