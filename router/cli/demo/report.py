"""What the demo prints: commands, answers, progress and the closing table."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from router.cli.demo.checks import SAMPLE_REQUESTS, Sample

DEPLOYMENTS = ("blue", "green")
ANSWER_LINES_MAX = 12


@dataclass(frozen=True)
class Row:
    """A sample with its place in the show.

    Attributes:
        failed: requests that failed since the row before, in the sample or beside it.
        problems: what was not as expected.
    """

    title: str
    sample: Sample
    failed: int
    problems: Sequence[str] = field(default_factory=list)


class Report:
    """Prints the show; progress moves only where a person can see it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextlib.contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """A spinner while something goes on that takes no predictable time."""
        with self._console.status(escape(what)):
            yield

    @contextlib.contextmanager
    def sampling(self) -> Iterator[Callable[[int], None]]:
        """A bar that fills with the requests of a sample."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns,
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        ) as bar:
            task = bar.add_task("live requests", total=SAMPLE_REQUESTS)
            yield lambda sent: bar.update(task, completed=sent)

    def heading(self, title: str) -> None:
        """The begin of a step."""
        self._console.print(f"\n[bold]{escape(title)}[/]")

    def command(self, line: str) -> None:
        """What a user would type."""
        self._console.print(f"[cyan]$ {escape(line)}[/]", soft_wrap=True, highlight=False)

    def answer(self, text: str) -> None:
        """What a command printed, cut where it is long."""
        lines = text.splitlines()
        for line in lines[:ANSWER_LINES_MAX]:
            self._console.print(escape(line), soft_wrap=True, highlight=False)
        if len(lines) > ANSWER_LINES_MAX:
            self._console.print(f"[dim]… {len(lines) - ANSWER_LINES_MAX} more lines[/]")

    def note(self, text: str) -> None:
        """A fact beside the commands."""
        self._console.print(f"[dim]{escape(text)}[/]", soft_wrap=True, highlight=False)

    def row(self, row: Row) -> None:
        """The sample after a step, in one line, and what is wrong with it."""
        shares = "  ".join(f"{name} {_share(row.sample, name)}" for name in DEPLOYMENTS)
        answers = row.sample.answers
        self._console.print(
            f"  of {SAMPLE_REQUESTS:,} live requests: [bold]{shares}[/]  "
            f"copies {_copies(row.sample)}  p50 {answers.percentile_ms(50):.1f} ms  "
            f"p99 {answers.percentile_ms(99):.1f} ms  failed {row.failed}",
            soft_wrap=True,
            highlight=False,
        )
        self.problems(row.problems)

    def problems(self, problems: Sequence[str]) -> None:
        """What is not as it must be, loudly."""
        for problem in problems:
            self._console.print(f"[bold red]  FAILED: {escape(problem)}[/]", soft_wrap=True)

    def closing(self, rows: Sequence[Row], sent: int, problems: Sequence[str]) -> None:
        """The table of all samples, and the verdict."""
        table = Table(
            title=f"Who served {SAMPLE_REQUESTS:,} live requests after each step",
            caption="copies: mirrored to the shadow, answers thrown away; p50 and p99 in ms",
            box=SIMPLE_HEAD,
            pad_edge=False,
        )
        table.add_column("after", no_wrap=True)
        for name in (*DEPLOYMENTS, "copies", "p50", "p99", "failed"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("")
        for row in rows:
            table.add_row(*_cells(row))
        self._console.print()
        self._console.print(table)
        if problems:
            self._console.print("[bold red]The rollout was not as it must be:[/]")
            self.problems(problems)
        else:
            self._console.print(
                f"[bold green]{sent:,} requests, none failed, every share exact.[/]",
                highlight=False,
            )


def _cells(row: Row) -> list[str]:
    answers = row.sample.answers
    return [
        escape(row.title),
        *(_share(row.sample, name) for name in DEPLOYMENTS),
        _copies(row.sample),
        f"{answers.percentile_ms(50):.1f}",
        f"{answers.percentile_ms(99):.1f}",
        str(row.failed),
        "[red]OFF[/]" if row.problems or row.failed else "[green]ok[/]",
    ]


def _share(sample: Sample, deployment: str) -> str:
    return f"{sample.answers.shares[deployment]:,}"


def _copies(sample: Sample) -> str:
    return f"{sum(sample.copies.values()):,}"
