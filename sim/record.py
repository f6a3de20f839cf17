"""What a run measured: who answered what, how fast, in which part of the timeline."""

from array import array
from collections import Counter

from sim.asked import OK, Asked
from sim.auditor import Auditor
from sim.clock import NS_PER_S, Clock

# Of the whole run, for charts.
BINS = 120


class Tally:
    """The requests of one deployment in one part of the run.

    Attributes:
        live, direct: taken or refused for it.
        outcomes: how they ended.
        took_ns: of those that a model answered well.
    """

    __slots__ = ("direct", "live", "outcomes", "took_ns")

    def __init__(self) -> None:
        self.live = 0
        self.direct = 0
        self.outcomes: Counter[str] = Counter()
        self.took_ns = array("q")


class Part:
    """One step's time, or one bin's.

    Attributes:
        by_deployment: "" is who no deployment was found for.
        copies: live requests that were mirrored.
        throttled_bytes: that had to wait for the bandwidth.
        pending: the most that was queued or outstanding at any tick, by deployment.
    """

    def __init__(self) -> None:
        self.by_deployment: dict[str, Tally] = {}
        self.copies = 0
        self.throttled_bytes = 0
        self.pending: dict[str, int] = {}

    def tally(self, deployment: str) -> Tally:
        """The deployment's."""
        found = self.by_deployment.get(deployment)
        if found is None:
            found = self.by_deployment[deployment] = Tally()
        return found


class Operation:
    """One step as it was carried out.

    Attributes:
        outcome: "running" until it has ended; then "done", or why it was refused or failed.
    """

    def __init__(self, at_ns: int, words: str) -> None:
        self.at_ns = at_ns
        self.words = words
        self.outcome = "running"
        self.ended_ns: int | None = None


class Record:
    """Everything that the report and the expectations are made of.

    Args:
        steps: how many parts the timeline has, with the one before the first step.
        end_ns: when clients stop asking.

    Attributes:
        begin_ns: when they start.
        faults: when each of the scenario's began, and its words.
        asked, ended_count: how many requests there were so far, and have their whole answer.
    """

    def __init__(self, clock: Clock, auditor: Auditor, steps: int, end_ns: int) -> None:
        self.auditor = auditor
        self.steps = [Part() for _ in range(steps)]
        self.begin_ns = 0
        self.bin_ns = -(-end_ns // BINS)
        self.bins = [Part() for _ in range(BINS)]
        self.operations: list[Operation] = []
        self.faults: list[tuple[int, str]] = []
        self.asked = self.ended_count = 0
        self._step = 0
        self._step_of: dict[int, int] = {}
        self._clock = clock

    @property
    def bin_s(self) -> float:
        """How long a bin is."""
        return self.bin_ns / NS_PER_S

    def begin_step(self, step: int) -> None:
        """A part of the timeline has begun."""
        self._step = max(self._step, step)

    def begin_step_with(self, generation: int, step: int) -> None:
        """It begins in each worker with this generation of the routing."""
        self._step_of[generation] = step

    def step_at(self, generation: int) -> int:
        """The part that a request is of that arrives where this generation is in force."""
        return max(self._step, self._step_of.get(generation, 0))

    def ended(self, asked: Asked, outcome: str) -> None:
        """A request has its whole answer."""
        self.ended_count += 1
        took_ns = self._clock.now_ns - asked.at_ns
        for part in self.steps[asked.step], self._bin(asked.at_ns):
            tally = part.tally(asked.deployment)
            if asked.pinned is None:
                tally.live += 1
            else:
                tally.direct += 1
            tally.outcomes[outcome] += 1
            if outcome == OK:
                tally.took_ns.append(took_ns)

    def copied(self, asked: Asked) -> None:
        """A request was mirrored."""
        self.steps[asked.step].copies += 1
        self._bin(asked.at_ns).copies += 1

    def throttled(self, count_bytes: int) -> None:
        """So many bytes have to wait."""
        for part in self._present():
            part.throttled_bytes += count_bytes

    def pending(self, deployment: str, count: int) -> None:
        """So many are queued or outstanding now."""
        for part in self._present():
            if count > part.pending.get(deployment, 0):
                part.pending[deployment] = count

    def _present(self) -> tuple[Part, Part]:
        return self.steps[self._step], self._bin(self._clock.now_ns)

    def _bin(self, at_ns: int) -> Part:
        return self.bins[min((at_ns - self.begin_ns) // self.bin_ns, BINS - 1)]
