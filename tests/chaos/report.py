"""What a run came to, for people: counts, what was done, resources, and how to see it again."""

import json

from rich.console import Console
from rich.table import Table

from tests.chaos.judge import Verdict
from tests.chaos.requests import Asked, Ended
from tests.chaos.run import Run

FAILURES_SHOWN = 10
# Of what happened around a failure.
BEFORE_S, AFTER_S = 6.0, 1.0
BODY_SHOWN = 300


def to_json(run: Run) -> str:
    """The same for machines."""
    flatness = run.resources.flatness()
    said = {
        "seed": run.seed,
        "minutes": run.minutes,
        "requests": run.audit.sent,
        "requests_per_s": run.rate_per_s,
        "outcomes": run.audit.counts,
        "unaccounted": run.audit.unaccounted,
        "not_sent": run.load.held_back,
        "slowest_s": run.audit.slowest_s,
        "healed_s": run.healed_s,
        "done": run.story.done,
        "resources": {one.of: (one.early._asdict(), one.late._asdict()) for one in flatness},
        "failures": run.failures,
    }
    return json.dumps(said, indent=2)


def tell_all(run: Run) -> str:
    """All that happened, a line for each."""
    lines = sorted(run.story.lines)
    return "".join(f"{at_s - run.began_s:8.3f} {words}\n" for at_s, words in lines)


def show(run: Run, console: Console) -> None:
    """Prints it; the failures last."""
    console.print(_requests(run))
    console.print(_actions(run))
    console.print(_resources(run))
    for failed in run.audit.failed[:FAILURES_SHOWN]:
        _show_failed(run, *failed, console)
    if run.story.failures:
        _tell(run, run.began_s, float("inf"), console)
    for failure in run.failures:
        console.print(f"FAILED: {failure}", markup=False, style="bold red")
    if run.failures:
        console.print(f"again: make chaos SEED={run.seed} MINUTES={run.minutes:g}")


def _show_failed(run: Run, verdict: Verdict, asked: Asked, ended: Ended, console: Console) -> None:
    made_s, sent_s, ended_s = (
        at_s - run.began_s for at_s in (ended.over.connected_s, asked.sent_s, ended.ended_s)
    )
    console.print(f"\n{verdict}: request {asked.number}, for {asked.pinned or 'all'}", style="bold")
    console.print(
        f"  sent at {sent_s:.3f} s, {ended.how} at {ended_s:.3f} s over port {ended.over.port}, "
        f"connected at {made_s:.3f} s"
    )
    body = ended.body[:BODY_SHOWN].decode(errors="replace")
    console.print(f"  {ended.status} {ended.deployment} {ended.words} {body}", markup=False)
    _tell(run, asked.sent_s - BEFORE_S, ended.ended_s + AFTER_S, console)


def _tell(run: Run, from_s: float, to_s: float, console: Console) -> None:
    """What happened in that time."""
    for at_s, words in sorted(run.story.lines):
        if from_s <= at_s <= to_s:
            line = f"    {at_s - run.began_s:8.3f} {words}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _requests(run: Run) -> Table:
    table = Table(title=f"seed {run.seed}: {run.audit.sent} requests, {run.rate_per_s:.0f}/s")
    table.add_column("outcome")
    table.add_column("requests", justify="right")
    for verdict in Verdict:
        count = run.audit.counts[verdict]
        style = "red" if verdict.is_failure and count else ""
        table.add_row(verdict, f"{count:,}", style=style)
    table.add_row("unaccounted", f"{run.audit.unaccounted:,}")
    table.add_row("not sent, as no connection was free", f"{run.load.held_back:,}")
    table.add_row("slowest right answer", f"{run.audit.slowest_s:.2f} s")
    table.add_row("everything back after", f"{run.healed_s:.1f} s")
    return table


def _actions(run: Run) -> Table:
    table = Table(title="what was done")
    table.add_column("action")
    table.add_column("times", justify="right")
    for words, count in sorted(run.story.done.items()):
        table.add_row(words, str(count))
    return table


def _resources(run: Run) -> Table:
    table = Table(title="medians of the first third -> of the last third")
    for column in "processes", "memory, MiB", "open files":
        table.add_column(column)
    for of, early, late in run.resources.flatness():
        memory = f"{early.memory_mib:.1f} -> {late.memory_mib:.1f}"
        table.add_row(of, memory, f"{early.files} -> {late.files}")
    return table
