"""`python -m loadtests.bench`: runs the parts, prints their tables, writes the JSON.

Exit code 1 if a bar does not hold or a request failed, 2 if a program is missing.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.table import Table

from loadtests.bench import balance, bars, memory, report, services, sidebyside
from loadtests.bench.bars import Verdict
from loadtests.bench.behaviours import BEHAVIOURS
from loadtests.bench.tools import DEBIAN, ROOT, missing_packages
from loadtests.bench.work import LOAD_CORE

RESULTS = ROOT / "loadtests" / "results" / "bench.json"
EXIT_MISSING, EXIT_TERMINATED = 2, 143


class Plan(NamedTuple):
    """How long everything takes."""

    rounds: int
    seconds: float
    memory_seconds: float
    folder: Path


class Part(NamedTuple):
    """What a part brings: entries of the JSON, tables and verdicts."""

    results: Mapping[str, Any]
    tables: tuple[Table, ...]
    verdicts: list[Verdict]


def routers(plan: Plan) -> Part:
    """Turnout beside nginx, Envoy, HAProxy and Traefik."""
    samples, versions = sidebyside.run(
        plan.folder,
        list(sidebyside.CONTENDERS),
        sidebyside.WORKS,
        rounds=plan.rounds,
        seconds=plan.seconds,
    )
    results = {"versions": versions, "routers": samples}
    return Part(results, (report.routers_table(samples),), bars.of_routers(samples))


def behaviours(plan: Plan) -> Part:
    """Live requests while something else happens."""
    pairs = {}
    for name, measure in BEHAVIOURS.items():
        with tempfile.TemporaryDirectory(dir=plan.folder) as own:
            pairs[name] = measure(plan.rounds, plan.seconds, Path(own))
    results = {"behaviours": pairs}
    return Part(results, (report.behaviours_table(pairs),), bars.of_behaviours(pairs))


def balancing(plan: Plan) -> Part:
    """Two instances against the ideal queue; the bar is the slow ones'."""
    seconds = BALANCE_SECONDS_FACTOR * plan.seconds
    seen = {}
    for sleep_ms in (balance.RUN_MS, balance.SHORT_RUN_MS):
        with tempfile.TemporaryDirectory(dir=plan.folder) as own:
            seen[sleep_ms] = balance.measure(Path(own), seconds, plan.rounds, sleep_ms=sleep_ms)
    results = {f"balance_{sleep_ms:g}_ms": list(one.rounds) for sleep_ms, one in seen.items()}
    table = report.balance_table(seen)
    return Part(results, (table,), [bars.of_balance(seen[balance.RUN_MS])])


def whole_services(plan: Plan) -> Part:
    """Router and scoring process together, against other model servers."""
    seen, versions = services.run(plan.folder, rounds=plan.rounds, seconds=plan.seconds)
    results = {"service_versions": versions, "services": seen}
    return Part(results, (report.services_table(seen),), bars.of_services(seen))


def flat_memory(plan: Plan) -> Part:
    """Five minutes at full load."""
    grown = memory.growth(plan.memory_seconds, plan.folder)
    return Part({"memory": grown}, (), [bars.of_memory(grown)])


# At least 20 s of Poisson arrivals at the default of 4.
BALANCE_SECONDS_FACTOR = 5
PARTS: Mapping[str, Callable[[Plan], Part]] = {
    "routers": routers,
    "behaviours": behaviours,
    "balancing": balancing,
    "services": whole_services,
    "memory": flat_memory,
}


@click.command()
@click.option("--part", "names", multiple=True, type=click.Choice(list(PARTS)), help="Only these.")
@click.option("--rounds", default=5, show_default=True, help="Samples of each.")
@click.option("--seconds", default=4.0, show_default=True, help="Length of a sample.")
@click.option("--memory-seconds", default=300.0, show_default=True, help="At full load.")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(
    names: tuple[str, ...], rounds: int, seconds: float, memory_seconds: float, output: Path
) -> None:
    """Measure Turnout beside other routers and services, on this machine."""
    if missing := missing_packages():
        packages = " ".join(missing)
        click.echo(f"of {', '.join(DEBIAN)} some are missing: apt-get install {packages}", err=True)
        sys.exit(EXIT_MISSING)
    # As by Ctrl-C: what runs is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
    # What this process does itself is a client's work.
    os.sched_setaffinity(0, {LOAD_CORE})
    results: dict[str, Any] = {}
    verdicts: list[Verdict] = []
    for name in names or PARTS:
        click.echo(f"{name} ...", err=True)
        with tempfile.TemporaryDirectory(prefix="turnout-bench-") as folder:
            part = PARTS[name](Plan(rounds, seconds, memory_seconds, Path(folder)))
        report.show(*part.tables)
        results |= part.results
        verdicts += part.verdicts
        # After each part: the run is long, and what is measured must not be lost.
        report.write(output, results, verdicts)
    report.show(report.bars_table(verdicts))
    sys.exit(0 if all(verdict.holds for verdict in verdicts) else 1)


if __name__ == "__main__":
    main()
