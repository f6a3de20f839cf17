"""A simulated instance: runs what it is given as runtime/ would, for as long as its model says.

What it is given, and when, the core decides.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from router.core.backoff import Backoff
from router.core.request import Outcome
from sim.clock import After, Clock
from sim.draws import Draw

# As runtime/sink.py has it.
HOLD_NS = 1_000_000
STATUS_OK, STATUS_ERROR = 200, 500


def is_due(run_ns: int, queued: int) -> bool:
    """Whether an answer is sent at once, or waits for company: as runtime/sink.py's."""
    left_ns = queued * run_ns
    return run_ns >= HOLD_NS or not queued or HOLD_NS - run_ns < left_ns <= HOLD_NS


class Model:
    """How a deployment's ``run()`` behaves, with what faults it has now.

    Attributes:
        run_ns: draws how long it takes.
        chance: draws from 0 to 1, for errors.
        error_share: of its answers that are errors, from 0 to 1.
        answer: the body of each.
        cold_start_ns: from an instance's start until it is warm.
        factor: how many times as long as drawn it takes.
        hangs: it never returns.
        ends_at_once: an instance ends as soon as it is warm.
    """

    def __init__(
        self,
        run_ns: Draw,
        chance: Callable[[], float],
        error_share: float,
        answer_bytes: int,
        cold_start_ns: int,
    ) -> None:
        self.run_ns = run_ns
        self.chance = chance
        self.error_share = self._own_error_share = error_share
        self.answer = bytes(answer_bytes)
        self.cold_start_ns = cold_start_ns
        self.heal()

    def heal(self) -> None:
        """Takes all faults away."""
        self.error_share = self._own_error_share
        self.factor = 1.0
        self.hangs = False
        self.ends_at_once = False


class SimAnswer:
    """An answer, as the core wants it; ``asked`` says whose question it answers."""

    __slots__ = ("asked", "id", "outcome", "payload", "run_ns", "status")
    content_type = "application/json"
    more = False

    def __init__(self, id_: int, asked: int, outcome: int, payload: bytes, run_ns: int) -> None:
        self.id = id_
        self.asked = asked
        self.outcome = outcome
        self.payload = payload
        self.run_ns = run_ns
        self.status = STATUS_OK if outcome == Outcome.RETURNED else STATUS_ERROR


class Work:
    """A request at an instance: its number there, whose it is, when nobody wants it any more."""

    __slots__ = ("asked", "deadline_ns", "id", "origin")

    def __init__(self, id_: int, asked: int, deadline_ns: int, origin: Any) -> None:
        self.id = id_
        self.asked = asked
        self.deadline_ns = deadline_ns
        self.origin = origin


class SimInstance:
    """One scoring process.

    Args:
        work: calls something after so much time, where there is a core for it.
        message_ns: what a message to a worker takes.
        backoff: of the place that it takes.

    Attributes:
        model: how it behaves.
        dead: it has ended; what it had is gone.
        started_ns: when it was warm.
    """

    def __init__(
        self,
        id_: str,
        model: Model,
        parallel_runs: int,
        clock: Clock,
        work: After,
        message_ns: int,
        backoff: Backoff,
    ) -> None:
        self.id = id_
        self.backoff = backoff
        self.dead = False
        self.started_ns = clock.now_ns
        self.model = model
        self._parallel_runs = parallel_runs
        self._clock = clock
        self._work = work
        self._message_ns = message_ns
        self._queue: deque[Work] = deque()
        self._running = 0
        self._stuck: list[Work] = []
        self._gathered: dict[Any, list[SimAnswer]] = {}
        self._held = False

    def receive(self, works: list[Work]) -> None:
        """A message has come."""
        if not self.dead:
            self._queue.extend(works)
            self._run_next()

    def unhang(self) -> None:
        """What hung runs from now on."""
        for work in self._stuck:
            self._begin(work)
        self._stuck.clear()

    def _run_next(self) -> None:
        queue = self._queue
        while queue and self._running < self._parallel_runs:
            work = queue.popleft()
            if work.deadline_ns <= self._clock.now_ns:
                self._answer(work, Outcome.EXPIRED, 0)
                continue
            self._running += 1
            if self.model.hangs:
                self._stuck.append(work)
            else:
                self._begin(work)

    def _begin(self, work: Work) -> None:
        run_ns = self.model.run_ns()
        if self.model.factor != 1:
            run_ns = round(run_ns * self.model.factor)
        self._work(run_ns, self._end, (work, run_ns))

    def _end(self, ended: tuple[Work, int]) -> None:
        if self.dead:
            return
        work, run_ns = ended
        self._running -= 1
        model = self.model
        raised = model.error_share and model.chance() < model.error_share
        self._answer(work, Outcome.RAISED if raised else Outcome.RETURNED, run_ns)
        if self._queue:
            self._run_next()

    def _answer(self, work: Work, outcome: Outcome, run_ns: int) -> None:
        answer = SimAnswer(work.id, work.asked, outcome, self.model.answer, run_ns)
        leaves = is_due(run_ns, len(self._queue))
        if leaves and not self._gathered:
            self._send(work.origin, [answer])
            return
        self._gathered.setdefault(work.origin, []).append(answer)
        if leaves:
            self._flush(None)
        elif not self._held:
            self._held = True
            self._clock.after(HOLD_NS, self._flush)

    def _flush(self, _: object) -> None:
        self._held = False
        if self.dead:
            return
        gathered, self._gathered = self._gathered, {}
        for origin, answers in gathered.items():
            self._send(origin, answers)

    def _send(self, origin: Any, answers: list[SimAnswer]) -> None:
        self._clock.after(self._message_ns, origin.take_answers, (self.id, answers))
