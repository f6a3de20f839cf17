"""Replays a journal's file and says what came of it, in words or as JSON."""

from pathlib import Path

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from router.core.errors import BadRequest
from router.core.journal.events import read_events
from sim.clock import NS_PER_S
from sim.replay.player import Differs, Player


class Served(Struct, frozen=True):
    """Requests that one deployment got."""

    endpoint: str
    deployment: str
    live: int
    direct: int
    copies: int


class Difference(Struct, frozen=True):
    """Where the core decided otherwise, and the events before it, the last one last."""

    event: int
    recorded: str
    decided: str
    recent: tuple[str, ...]


class Replayed(Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        is_whole: the journal ends where a call of the core ended, not in the middle of one.
        events: that were played.
        decisions: those of them that the core had done, and did again.
        difference: None if it decided everything as it did then.
    """

    version: str
    worker: int
    seconds: float
    events: int
    is_whole: bool
    generations: int
    messages: int
    served: tuple[Served, ...]
    refusals: dict[str, int]
    difference: Difference | None


def replay(path: Path) -> Replayed:
    """Plays the journal in this file to the core.

    Raises:
        BadRequest: it can't be read, or is no journal.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadRequest(f"{path}: expected a worker's journal, got {error.strerror}") from None
    with file:
        try:
            player = Player(read_events(file))
            difference, is_whole = None, False
            try:
                is_whole = player.play()
            except Differs as differs:
                difference = Difference(
                    differs.number,
                    str(differs.recorded),
                    str(differs.decided),
                    tuple(str(event) for event in player.reader.recent),
                )
        except BadRequest as error:
            raise BadRequest(f"{path}: {error.message}") from None
    return _report(player, difference, is_whole=is_whole)


def _report(player: Player, difference: Difference | None, *, is_whole: bool) -> Replayed:
    tally = player.tally
    return Replayed(
        version=player.began.version,
        worker=player.began.worker,
        seconds=(tally.last_ns - tally.first_ns) / NS_PER_S,
        events=player.reader.read,
        is_whole=is_whole,
        generations=tally.generations,
        messages=tally.messages,
        served=tuple(
            Served(*key, tally.live[key], tally.direct[key], tally.copies[key])
            for key in sorted(tally.live.keys() | tally.direct.keys() | tally.copies.keys())
        ),
        refusals=dict(sorted(tally.refusals.items())),
        difference=difference,
    )


def print_replayed(replayed: Replayed, console: Console) -> None:
    """The same for people."""
    table = Table(
        title=f"worker {replayed.worker}: {replayed.seconds:,.1f} s, "
        f"{replayed.generations:,} routings, {replayed.messages:,} messages to instances"
    )
    for column in ("endpoint", "deployment"):
        table.add_column(column)
    for column in ("live", "direct", "copies"):
        table.add_column(column, justify="right")
    for one in replayed.served:
        numbers = (f"{number:,}" for number in (one.live, one.direct, one.copies))
        table.add_row(one.endpoint, one.deployment, *numbers)
    console.print(table)
    for reason, count in replayed.refusals.items():
        console.print(f"refused, {reason}: {count:,}")
    if not replayed.is_whole and replayed.difference is None:
        console.print("the journal ends in the middle of a call: its worker was killed")
    if replayed.difference is None:
        console.print(f"{replayed.events:,} events: the core decided everything as it did then")
        return
    for event in replayed.difference.recent:
        console.print(f"  {event}", markup=False, highlight=False)
    console.print(
        f"event {replayed.difference.event:,} differs. Recorded: {replayed.difference.recorded}; "
        f"decided now: {replayed.difference.decided}",
        markup=False,
    )
