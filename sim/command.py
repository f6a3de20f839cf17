"""`turnout simulate`: its flags, its progress bar and its exit code.

0: everything that was expected held; 1: something did not, or an invariant was broken; 2: wrong
usage.
"""

import contextlib
import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from router.core.errors import BadRequest
from sim.failure import reason, wall_limit
from sim.files import read_scenario, scenario_names
from sim.replay.report import print_replayed, replay
from sim.report.terminal import print_summary
from sim.scenario import Scenario
from sim.summary import Summary, summarize
from sim.swarm import WORLD_S_MAX, swarm
from sim.world import World

EXIT_OK, EXIT_BROKEN = 0, 1
FLAGS = {
    "seed": "--seed",
    "as_json": "--json",
    "html": "--html",
    "worlds": "--swarm",
    "minutes": "--minutes",
    "events": "--events",
    "journal": "--replay",
}
# What runs no scenario: why nothing else goes with it, but what is useful.
MODES = {
    "journal": ("--replay", "the journal has it all", {"as_json"}),
    "worlds": ("--swarm", "its worlds are drawn", {"seed", "minutes"}),
    "minutes": ("--minutes", "its worlds are drawn", {"seed", "worlds"}),
}


@click.command(name="simulate")
@click.argument("scenario", type=click.Path(path_type=Path), required=False)
@click.option("--seed", type=int, help="In place of the scenario's own.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON on standard output.")
@click.option("--html", type=click.Path(path_type=Path), help="A page with charts, to this file.")
@click.option("--swarm", "worlds", type=click.IntRange(min=1), help="So many random worlds.")
@click.option("--minutes", type=float, help="Random worlds for so long.")
@click.option("--events", type=click.Path(path_type=Path), help="Every event, a line of JSON each.")
@click.option(
    "--replay",
    "journal",
    type=click.Path(path_type=Path),
    help="A daemon's journal (data_plane.journal) to decide anew, and compare.",
)
@click.pass_context
def command(
    ctx: click.Context,
    scenario: Path | None,
    seed: int | None,
    as_json: bool,  # noqa: FBT001 - click's
    html: Path | None,
    worlds: int | None,
    minutes: float | None,
    events: Path | None,
    journal: Path | None,
) -> None:
    """Replay a rollout in virtual time, against the very core that the daemon runs."""
    _check_usage(ctx)
    if journal is not None:
        ctx.exit(_replay(journal, as_json=as_json))
    if worlds is not None or minutes is not None:
        ctx.exit(_swarm(seed if seed is not None else 1, worlds, minutes))
    if scenario is None:
        raise click.UsageError(
            f"expected a scenario's file, or one of {', '.join(scenario_names())}"
        )
    described, folder = read_scenario(scenario)
    if seed is not None:
        described = msgspec.structs.replace(described, seed=seed)
    with _written(events) as log:
        world = _world(scenario, described, folder, log)
        try:
            with progress(described.name) as tell:
                world.run(tell)
        # Whatever it is, it happens again with the same seed.
        except Exception as error:  # noqa: BLE001
            again = f"turnout simulate {shlex.quote(str(scenario))} --seed {described.seed}"
            _explain(reason(error), world, again)
            ctx.exit(EXIT_BROKEN)
    summary = summarize(described, world.record, world.measured_ns)
    if html is not None:
        _write_page(html, summary, world)
    if as_json:
        _print_json(summary)
    else:
        print_summary(summary, _console())
    ctx.exit(EXIT_OK if summary.held else EXIT_BROKEN)


def _check_usage(ctx: click.Context) -> None:
    """What was given must be of use: either a scenario, or random worlds, or a journal.

    Raises:
        click.UsageError: it is not.
    """
    given = {name for name, value in ctx.params.items() if value not in (None, False)}
    minutes = ctx.params["minutes"]
    if minutes is not None and not 0 < minutes < math.inf:
        raise click.UsageError(f"expected a number of minutes above 0, got --minutes {minutes:g}")
    for mode, (flag, why, useful) in MODES.items():
        if mode in given and (vain := sorted(given - {mode, *useful})):
            names = " and ".join("a scenario" if n == "scenario" else FLAGS[n] for n in vain)
            raise click.UsageError(f"expected no more with {flag}, got {names}: {why}")


def _world(path: Path, scenario: Scenario, folder: Path, log: IO[bytes] | None) -> World:
    """The world of a scenario.

    Raises:
        BadRequest: its parts don't fit together; the message begins with its path.
    """
    try:
        return World(scenario, folder, log)
    except BadRequest as error:
        raise BadRequest(f"{path}: {error.message}") from None


@contextlib.contextmanager
def progress(words: str) -> Iterator[Callable[[float], None]]:
    """A bar on standard error, if that is a terminal; gives a function to move it."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(words, total=1.0)
        yield lambda part: bar.update(task, completed=part)


def _swarm(seed: int, worlds_max: int | None, minutes: float | None) -> int:
    """Runs random worlds; returns the exit code."""
    end_s = math.inf if minutes is None else time.monotonic() + minutes * 60

    def wanted(worlds: int) -> bool:
        return worlds != worlds_max and time.monotonic() < end_s

    with progress("worlds") as tell:
        worlds, requests, unlucky = swarm(
            seed,
            wanted,
            lambda count: tell(count / worlds_max if worlds_max else 0),
            lambda: wall_limit(WORLD_S_MAX),
        )
    if unlucky is not None:
        _explain(unlucky.why, unlucky.world, f"turnout simulate --swarm 1 --seed {unlucky.seed}")
        return EXIT_BROKEN
    click.echo(f"{worlds:,} worlds from seed {seed}, {requests:,} requests: everything held")
    return EXIT_OK


def _replay(journal: Path, *, as_json: bool) -> int:
    """Has the core decide anew what a journal says; returns the exit code."""
    replayed = replay(journal)
    if as_json:
        _print_json(replayed)
    else:
        print_replayed(replayed, _console())
    return EXIT_OK if replayed.difference is None else EXIT_BROKEN


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 140)


def _print_json(report: msgspec.Struct) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(report)))


def _explain(why: str, world: World, again: str) -> None:
    """The invariant, the last events, and how to see it again."""
    click.echo(f"{why}\nthe last events, times in ns:", err=True)
    for event in world.auditor.recent:
        click.echo("  " + " ".join(str(part) for part in event), err=True)
    click.echo(f"seed {world.scenario.seed}; to see it again: {again}", err=True)


@contextlib.contextmanager
def _written(path: Path | None) -> Iterator[IO[bytes] | None]:
    if path is None:
        yield None
        return
    try:
        file = path.open("wb")
    except OSError as error:
        raise BadRequest(f"{path}: expected a file to write to, got {error.strerror}") from None
    with file:
        yield file


def _write_page(path: Path, summary: Summary, world: World) -> None:
    from sim.report.page import page  # noqa: PLC0415 - plotly is slow to import

    with _written(path) as file:
        assert file is not None
        file.write(page(summary, world.record).encode())
