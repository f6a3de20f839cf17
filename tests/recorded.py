"""A shell whose dispatcher keeps a journal, and what comes of playing it."""

import io
from collections.abc import Sequence

from router.core.budgets import Budgets
from router.core.dispatcher import Dispatcher
from router.core.journal.events import Event, encode_chunk, read_events
from router.core.journal.recording import RecordingDispatcher
from sim.replay.player import Player
from tests.shell import Shell

SALT = b"a salt of a test"


class RecordedShell(Shell):
    """See Shell.

    Attributes:
        journal: what a worker would have written to its file.
    """

    def __init__(self, seed: int = 0, budgets: Budgets | None = None) -> None:
        self.journal = io.BytesIO()
        self._budgets = budgets
        super().__init__(seed)

    def make_dispatcher(self, seed: int) -> Dispatcher:
        return RecordingDispatcher(
            self, self._write, self.now_ns, self._budgets, seed=seed, salt=SALT
        )

    def verify_token(self, token: bytes, secret: str) -> int:
        return 0

    def _write(self, chunk: bytes) -> None:
        self.journal.write(chunk)

    def events(self) -> list[Event]:
        self.dispatcher.on_time(self.now_ns)
        return list(read_events(io.BytesIO(self.journal.getvalue())))

    def replayed(self) -> Player:
        """Plays everything; raises Differs."""
        player = Player(iter(self.events()))
        assert player.play()
        return player


def as_file(events: Sequence[Event]) -> bytes:
    """A journal of these events."""
    return encode_chunk(events)
