"""A run's results: tables for people, JSON for what is kept."""

import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from loadtests.bench.balance import Balance
from loadtests.bench.bars import Verdict
from loadtests.bench.behaviours import Pair
from loadtests.bench.load import Load
from loadtests.bench.sidebyside import Sample, Samples
from loadtests.bench.tools import ROOT

BYTES_PER_GB = 1e9
_SAMPLE_COLUMNS = {
    "requests/s": "{0.requests_per_s:,.0f}",
    "per core": "{0.requests_per_core_s:,.0f}",
    "p50 ms": "{0.p50_ms:.2f}",
    "p99 ms": "{0.p99_ms:.2f}",
    "CPU µs": "{0.cpu_us:.1f}",
    "MB": "{0.rss_mb:.0f}",
    "failed": "{0.failed:.0f}",
}


def routers_table(samples: Samples) -> Table:
    """Medians by work and router."""
    table = Table("work", "router", title="Routers: medians of the rounds")
    for column in _SAMPLE_COLUMNS:
        table.add_column(column, justify="right")
    for work, by_router in samples.items():
        for router, found in by_router.items():
            middle = Sample(*(statistics.median(values) for values in zip(*found, strict=True)))
            cells = (text.format(middle) for text in _SAMPLE_COLUMNS.values())
            table.add_row(work, router, *cells)
        table.add_section()
    return table


def behaviours_table(pairs: Mapping[str, Sequence[Pair]]) -> Table:
    """Medians without and beside."""
    table = Table("beside", title="Turnout: medians without, and beside what happens")
    pairs_of = ("requests/s", "p50 ms", "p99 ms", "wrk's cores", "workers' µs")
    for column in (*(name for one in pairs_of for name in (one, "beside")), "failed"):
        table.add_column(column, justify="right")
    for name, found in pairs.items():
        without, beside = (
            Load(*(statistics.median(values) for values in zip(*loads, strict=True)))
            for loads in zip(*found, strict=True)
        )
        table.add_row(
            name,
            *(f"{load.requests_per_s:,.0f}" for load in (without, beside)),
            *(f"{load.p50_ms:.2f}" for load in (without, beside)),
            *(f"{load.p99_ms:.2f}" for load in (without, beside)),
            *(f"{load.generator_cores:.2f}" for load in (without, beside)),
            *(f"{load.router_cpu_us:.1f}" for load in (without, beside)),
            f"{beside.failed:.0f}",
        )
    return table


def balance_table(seen: Mapping[float, Balance]) -> Table:
    """Medians by the length of run()."""
    table = Table("run()", title="Two instances, Poisson arrivals at 80 %: medians of the rounds")
    for column in ("p99 ms", "ideal M/D/2 ms", "ratio", "failed"):
        table.add_column(column, justify="right")
    for sleep_ms, one in seen.items():
        figures = (f"{one.p99_ms:.2f}", f"{one.ideal_p99_ms:.2f}", f"{one.ratio:.2f}")
        table.add_row(f"{sleep_ms:g} ms", *figures, str(one.failed))
    return table


def services_table(services: Mapping[str, Sequence[Load]]) -> Table:
    """Medians by service."""
    table = Table("service", title="Whole services, run() of 20 µs: medians of the rounds")
    for column in ("requests/s", "p50 ms", "p99 ms", "failed"):
        table.add_column(column, justify="right")
    for name, loads in services.items():
        middle = Load(*(statistics.median(values) for values in zip(*loads, strict=True)))
        table.add_row(
            name,
            f"{middle.requests_per_s:,.0f}",
            f"{middle.p50_ms:.2f}",
            f"{middle.p99_ms:.2f}",
            f"{middle.failed:.0f}",
        )
    return table


def bars_table(verdicts: Sequence[Verdict]) -> Table:
    """Each bar with every round."""
    table = Table("bar", "wanted", title="Bars: the median round, and each")
    table.add_column("got", justify="right")
    table.add_column("holds")
    table.add_column("rounds")
    for one in verdicts:
        table.add_row(
            one.name,
            f"{one.comparison} {one.limit:g}",
            f"{one.got:.2f}",
            "yes" if one.holds else "[bold red]no",
            " ".join(f"{value:.2f}" for value in one.rounds),
        )
    return table


def machine() -> dict[str, Any]:
    """What the numbers hold for."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / BYTES_PER_GB),
        # With its build, which matters: results/README.md.
        "python": sys.version,
    }


def write(path: Path, results: Mapping[str, Any], verdicts: Sequence[Verdict]) -> None:
    """Everything as JSON; tuples with names become objects."""
    document = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": machine(),
        **{name: _plain(value) for name, value in results.items()},
        "bars": [{**one._asdict(), "holds": one.holds} for one in verdicts],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def show(*tables: Table) -> None:
    """On standard output, wide enough for all columns when that is no terminal."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    for table in tables:
        console.print(table)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _commit() -> str:
    """The one that is checked out; says if files other than results differ from it."""
    changed = _git("status", "--short", "--", ".", ":!loadtests/results")
    return _git("rev-parse", "HEAD") + (" changed" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else "unknown"
