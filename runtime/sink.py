"""Where the answers of one stream gather, on their way from the running thread to the loop."""

import asyncio
from collections import deque
from collections.abc import Iterable

from runtime.columns import Answer
from runtime.credit import Credit
from turnout.scoring.v1.scoring_pb2 import Flow, ScoreAnswer

# An answer waits so long for company, unless its run() took as long. When no more than that is
# left to run, what has gathered is sent as well: the router can send more meanwhile.
HOLD_NS = 1_000_000
HOLD_S = HOLD_NS / 1e9


def is_due(run_ns: int, queued: int) -> bool:
    """Whether an answer, and what has gathered before it, is to be sent at once.

    A slow one is, since it has company only by chance, and the last one, which has none; and
    the one at which the work that is left falls to HOLD_NS.

    Args:
        run_ns: what it took; about as much, each of those to come will.
        queued: how many are to come.
    """
    left_ns = queued * run_ns
    return run_ns >= HOLD_NS or not queued or HOLD_NS - run_ns < left_ns <= HOLD_NS


class Sink:
    """The answers of one stream. Filled by a thread, emptied on the event loop.

    Attributes:
        idle: set while every request that was submitted for it has been answered and sent.
        closed: the stream is gone; its requests need not run.
        credits: of its streamed answers, by the request's number.
    """

    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self.idle.set()
        self.closed = False
        self.credits: dict[int, Credit] = {}
        self._loop = asyncio.get_running_loop()
        # A deque, because one side may append while the other takes.
        self._answers: deque[Answer] = deque()
        self._filled = asyncio.Event()
        self._held = False
        self._outstanding = 0

    def expect(self) -> None:
        """One more answer will come."""
        self._outstanding += 1
        self.idle.clear()

    def add(self, answer: Answer, *, at_once: bool) -> None:
        """Takes an answer, to be sent at once or within HOLD_S with what gathers. For threads."""
        self._answers.append(answer)
        if at_once:
            self._loop.call_soon_threadsafe(self._filled.set)
        # After the append, so no answer is left behind: who sees it held sees a timer to come.
        elif not self._held:
            self._held = True
            self._loop.call_soon_threadsafe(self._loop.call_later, HOLD_S, self._release)

    def add_part(self, part: ScoreAnswer) -> None:
        """Takes a part of an answer, its last one too, to be sent at once. For threads."""
        self._loop.call_soon_threadsafe(self._add_part, part)

    async def take(self) -> list[Answer]:
        """Waits for answers and takes all that are there."""
        while not self._answers:
            self._filled.clear()
            await self._filled.wait()
        return [self._answers.popleft() for _ in range(len(self._answers))]

    def on_sent(self, count: int) -> None:
        """Answers, or parts of them, have been sent."""
        self._outstanding -= count
        if not self._outstanding:
            self.idle.set()

    def steer(self, flows: Iterable[Flow]) -> None:
        """Passes on what the router says of streamed answers; what has ended needs nothing."""
        for flow in flows:
            credit = self.credits.get(flow.id)
            if credit is not None:
                credit.cancel() if flow.cancelled else credit.grant(flow.granted_bytes)

    def close(self) -> None:
        """Nobody takes answers any more."""
        self.closed = True
        for credit in list(self.credits.values()):
            credit.cancel()

    def _add_part(self, part: ScoreAnswer) -> None:
        if part.more:
            # One more to be sent than was expected.
            self.expect()
        self._answers.append(part)
        self._filled.set()

    def _release(self) -> None:
        self._held = False
        self._filled.set()
