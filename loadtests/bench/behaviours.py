"""What Turnout does to live requests while something else happens: pairs of with and without.

Both of a pair are measured in the same round, one right after the other, on the same daemons.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from loadtests.bench import load
from loadtests.bench.contenders.turnout import NO_QUOTAS, Daemon, Scoring, Setup, daemon
from loadtests.bench.load import US_PER_S, Load
from loadtests.bench.processes import descendants, pin, usage
from loadtests.bench.work import LIVE_PERCENT, ROUTER_CORE

CONNECTIONS, FEW_CONNECTIONS = 64, 8
LARGE_BODY = b'{"data": "' + b"x" * 4_000_000 + b'"}'
SWAPS_PER_S = 20
# A few more, so that none that is late makes them too few.
SWAP_EVERY_MS = 49
# The share of green, in turn: on average what the load without swaps has.
SWAPPED_PERCENT = (LIVE_PERCENT["green"] - 2, LIVE_PERCENT["green"] + 2)
IDLE_ENDPOINTS = 999
MIRRORED_HALF = {"shadow": 50}
SLOW_SCRIPT = "slow.py"


class Pair(NamedTuple):
    """One round: the load alone, and the same load beside what happens."""

    without: Load
    beside: Load


Measure = Callable[[int, float, Path], list[Pair]]


def large_body(rounds: int, seconds: float, folder: Path) -> list[Pair]:
    """A client that sends one body of 4 MB after the other, beside small requests."""
    with _pinned(folder, Setup()) as made:
        (folder / "large").mkdir()

        def beside() -> Load:
            with load.under_load(
                made.url, connections=1, seconds=seconds + 2, folder=folder / "large",
                body=LARGE_BODY, key=made.key,
            ):  # fmt: skip
                return _load(made, seconds, folder, FEW_CONNECTIONS)

        return [
            Pair(_load(made, seconds, folder, FEW_CONNECTIONS), beside()) for _ in range(rounds)
        ]


def stopped_shadow(rounds: int, seconds: float, folder: Path) -> list[Pair]:
    """Half of the requests mirrored to an instance that takes them and never answers."""
    with _plain_and_mirrored(folder, sleep_ms=0) as (plain, mirrored):
        shadow = _instance(mirrored, SLOW_SCRIPT)
        shadow.suspend()
        try:
            return _pairs(plain, mirrored, rounds, seconds, folder)
        finally:
            shadow.resume()


def slow_shadow(rounds: int, seconds: float, folder: Path) -> list[Pair]:
    """Half of the requests mirrored to a model that takes a second for each."""
    with _plain_and_mirrored(folder, sleep_ms=1000) as (plain, mirrored):
        return _pairs(plain, mirrored, rounds, seconds, folder)


def swaps(rounds: int, seconds: float, folder: Path) -> list[Pair]:
    """Traffic rules changed 20 times a second, through the control plane's API."""
    with _pinned(folder, Setup()) as made:
        return [
            Pair(_load(made, seconds, folder), _while_swapping(made, seconds, folder))
            for _ in range(rounds)
        ]


def every_limit(rounds: int, seconds: float, folder: Path) -> list[Pair]:
    """Every limit on, and so high that none is reached, against all off."""
    with (
        _pinned(folder / "off", Setup(quotas=NO_QUOTAS)) as off,
        _pinned(folder / "on", Setup()) as on,
    ):
        return _pairs(off, on, rounds, seconds, folder)


def many_endpoints(rounds: int, seconds: float, folder: Path) -> list[Pair]:
    """A thousand endpoints, of which one is called, against that one alone."""
    with (
        _pinned(folder / "one", Setup()) as one,
        _pinned(folder / "many", Setup(idle_endpoints=IDLE_ENDPOINTS)) as many,
    ):
        return _pairs(one, many, rounds, seconds, folder)


def two_workers(rounds: int, seconds: float, folder: Path) -> list[Pair]:
    """Two workers against one, nothing pinned but the load generator: both cores for all."""
    cores = set(range(os.cpu_count() or 1))
    with daemon(folder / "one", Setup()) as one, daemon(folder / "two", Setup(workers=2)) as two:
        for made in (one, two):
            pids = (made.process.pid, *(child.pid for child in descendants(made.process.pid)))
            pin(pids, cores)
        return _pairs(one, two, rounds, seconds, folder)


BEHAVIOURS: Mapping[str, Measure] = {
    "a 4 MB body in flight": large_body,
    "half mirrored to a stopped shadow": stopped_shadow,
    "half mirrored to a shadow of 1 s": slow_shadow,
    "20 swaps a second": swaps,
    "every limit on": every_limit,
    "1,000 endpoints": many_endpoints,
    "2 workers": two_workers,
}


@contextlib.contextmanager
def _pinned(folder: Path, setup: Setup) -> Iterator[Daemon]:
    with daemon(folder, setup) as made:
        pin(made.worker_pids(), {ROUTER_CORE})
        load.run(made.url, connections=CONNECTIONS, seconds=1, folder=folder, key=made.key)
        yield made


def _load(
    made: Daemon, seconds: float, folder: Path, connections: int = CONNECTIONS
) -> Load:  # fmt: skip
    workers = made.worker_pids()
    before = usage(workers)
    seen = load.run(made.url, connections=connections, seconds=seconds, folder=folder, key=made.key)
    cpu_s = usage(workers).cpu_s - before.cpu_s
    return seen._replace(router_cpu_us=cpu_s / seen.requests * US_PER_S)


def _pairs(
    without: Daemon, beside: Daemon, rounds: int, seconds: float, folder: Path
) -> list[Pair]:
    return [
        Pair(_load(without, seconds, folder), _load(beside, seconds, folder)) for _ in range(rounds)
    ]


@contextlib.contextmanager
def _plain_and_mirrored(folder: Path, *, sleep_ms: int) -> Iterator[tuple[Daemon, Daemon]]:
    """The same deployments twice; the second daemon mirrors to the slow one of them."""
    shadow = Scoring(SLOW_SCRIPT, 1, {"SLEEP_MS": str(sleep_ms)})
    setup = Setup(deployments={**Setup().deployments, "shadow": shadow}, mirror_traffic={})
    with (
        _pinned(folder / "plain", setup) as plain,
        _pinned(folder / "mirrored", setup._replace(mirror_traffic=MIRRORED_HALF)) as mirrored,
    ):
        yield plain, mirrored


def _instance(made: Daemon, script: str) -> psutil.Process:
    """The process of the only instance that runs this script."""
    (found,) = (p for p in descendants(made.process.pid) if script in p.cmdline())
    return found


def _while_swapping(made: Daemon, seconds: float, folder: Path) -> Load:
    less, more = (made.with_traffic({"blue": 100 - n, "green": n}) for n in SWAPPED_PERCENT)
    with load.under_swaps(
        made.resource_url, (less, more), SWAP_EVERY_MS, seconds=seconds, folder=folder
    ) as process:
        seen = _load(made, seconds, folder)
        swaps = load.result(process)
    too_few = int(swaps.requests_per_s < SWAPS_PER_S)
    return seen._replace(failed=seen.failed + swaps.failed + too_few)
