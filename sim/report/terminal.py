"""The summary as tables for a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.summary import DeploymentSummary, Expected, StepSummary, Summary


def print_summary(summary: Summary, console: Console) -> None:
    """Prints what happened step by step, what was expected, and whether all of it held."""
    table = Table(title=f"{summary.scenario}, seed {summary.seed}", title_justify="left")
    table.add_column("from s", justify="right")
    table.add_column("step", overflow="fold", max_width=34)
    table.add_column("served by")
    for name in ("requests", "share %", "p50 ms", "p95 ms", "p99 ms", "errors", "copies"):
        table.add_column(name, justify="right")
    table.add_column("throttled", justify="right")
    for step in summary.steps:
        _add_step(table, summary, step)
        table.add_section()
    _add_step(table, summary, summary.whole)
    console.print(table)
    if summary.compared:
        console.print(_comparison(summary))
    for operation in summary.operations:
        if operation.outcome != "done":
            console.print(
                Text(f"{operation.at_s:g} s, {operation.words}: {operation.outcome}", "yellow")
            )
    for step in (*summary.steps, summary.whole):
        for expected in step.expected:
            console.print(_verdict(step.name, expected))


def _comparison(summary: Summary) -> Table:
    table = Table(title="latencies that clients measured, and simulated ones", title_justify="left")
    table.add_column("served by")
    for name in ("percentile", "measured ms", "simulated ms", "off %"):
        table.add_column(name, justify="right")
    for one in summary.compared:
        off = "" if one.off_percent is None else f"{one.off_percent:+.0f}"
        times = (one.measured_ms, one.simulated_ms)
        cells = ["" if time_ms is None else f"{time_ms:.2f}" for time_ms in times]
        table.add_row(summary.label((one.endpoint, one.name)), one.percentile, *cells, off)
    return table


def _add_step(table: Table, summary: Summary, step: StepSummary) -> None:
    for number, one in enumerate(step.deployments):
        first = number == 0
        table.add_row(
            f"{step.at_s:g}" if first else "",
            step.name if first else "",
            summary.label((one.endpoint, one.name)),
            *_cells(one),
            f"{step.copies:,}" if first else "",
            _bytes(step.throttled_bytes) if first else "",
        )
    if not step.deployments:
        table.add_row(f"{step.at_s:g}", step.name, "nobody", "0")


def _cells(one: DeploymentSummary) -> list[str]:
    times = (one.p50_ms, one.p95_ms, one.p99_ms)
    direct = f" + {one.direct:,} direct" if one.direct else ""
    return [
        f"{one.live:,}{direct}",
        f"{one.share_percent:.2f}" if one.name else "",
        *("" if time_ms is None else f"{time_ms:.1f}" for time_ms in times),
        ", ".join(f"{count:,} {why}" for why, count in one.outcomes.items() if why != "ok") or "0",
    ]


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count else "0"


def _verdict(step: str, expected: Expected) -> Text:
    mark, style = ("held", "green") if expected.held else ("BROKEN", "bold red")
    return Text.assemble((f"{mark:>6}  ", style), f"{step}: {expected.words}, got {expected.found}")
