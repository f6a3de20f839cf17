"""What a run measured: who answered what, how fast, in which part of the timeline."""

from array import array
from collections import Counter

from sim.asked import OK, Asked
from sim.auditor import Auditor
from sim.checkers.broken import Place
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
    """What came of one step's requests of one bin, or of all of a bin.

    Attributes:
        by_place: those for whom no deployment was found are their endpoint's with "".
        copies: live requests that were mirrored, by endpoint.
        throttled_bytes: that had to wait for the bandwidth.
        pending: the most that was queued or outstanding at any tick, in all workers.
    """

    def __init__(self) -> None:
        self.by_place: dict[Place, Tally] = {}
        self.copies = Counter[str]()
        self.throttled_bytes = 0
        self.pending: dict[Place, int] = {}

    def tally(self, place: Place) -> Tally:
        """The deployment's."""
        found = self.by_place.get(place)
        if found is None:
            found = self.by_place[place] = Tally()
        return found

    def add(self, other: "Part") -> None:
        """Adds what the other one holds."""
        for place, theirs in other.by_place.items():
            tally = self.tally(place)
            tally.live += theirs.live
            tally.direct += theirs.direct
            tally.outcomes.update(theirs.outcomes)
            tally.took_ns.extend(theirs.took_ns)
        self.copies.update(other.copies)
        self.throttled_bytes += other.throttled_bytes
        for place, count in other.pending.items():
            self.pending[place] = max(count, self.pending.get(place, 0))


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
        step: the part that has begun.
        asked, ended_count: how many requests there were so far, and have their whole answer.
    """

    def __init__(self, clock: Clock, auditor: Auditor, steps: int, end_ns: int) -> None:
        self.auditor = auditor
        self._steps = steps
        self.begin_ns = 0
        self.bin_ns = -(-end_ns // BINS)
        # By step and bin: written once a request, and summed up when it is read.
        self._parts: dict[tuple[int, int], Part] = {}
        self.operations: list[Operation] = []
        self.faults: list[tuple[int, str]] = []
        self.asked = self.ended_count = 0
        self.step = 0
        self._step_of: dict[int, int] = {}
        # By worker, at its last tick.
        self._pending: dict[Place, dict[int, int]] = {}
        self._clock = clock

    def steps(self) -> list[Part]:
        """What each step holds."""
        found = [Part() for _ in range(self._steps)]
        for (step, _), part in self._parts.items():
            found[step].add(part)
        return found

    def bins(self) -> list[Part]:
        """What each bin holds."""
        found = [Part() for _ in range(BINS)]
        for (_, number), part in self._parts.items():
            # What comes after the clients' last question is the last bin's.
            found[min(number, BINS - 1)].add(part)
        return found

    @property
    def is_quiet(self) -> bool:
        """Whether all that was asked is answered, and no operation runs."""
        return self.ended_count == self.asked and all(
            operation.ended_ns is not None for operation in self.operations
        )

    @property
    def bin_s(self) -> float:
        """How long a bin is."""
        return self.bin_ns / NS_PER_S

    def begin_step(self, step: int) -> None:
        """A part of the timeline has begun."""
        self.step = max(self.step, step)

    def begin_step_with(self, generation: int, step: int) -> None:
        """It begins in each worker with this generation of the routing."""
        self._step_of[generation] = step

    def step_of(self, generation: int) -> int:
        """The part that began with it: of a request that arrives where it is in force, or later."""
        return self._step_of.get(generation, 0)

    def ended(self, asked: Asked, outcome: str) -> None:
        """A request has its whole answer."""
        self.ended_count += 1
        key = asked.step, (asked.at_ns - self.begin_ns) // self.bin_ns
        part = self._parts.get(key) or self._part(key)
        tally = part.tally((asked.endpoint, asked.deployment))
        if asked.pinned is None:
            tally.live += 1
        else:
            tally.direct += 1
        tally.outcomes[outcome] += 1
        if outcome == OK:
            tally.took_ns.append(self._clock.now_ns - asked.at_ns)

    def copied(self, asked: Asked) -> None:
        """A request was mirrored."""
        part = self._part((asked.step, (asked.at_ns - self.begin_ns) // self.bin_ns))
        part.copies[asked.endpoint] += 1

    def throttled(self, count_bytes: int) -> None:
        """So many bytes have to wait."""
        self._part_now().throttled_bytes += count_bytes

    def pending(self, worker: int, place: Place, count: int) -> None:
        """So many are queued or outstanding now, in this worker."""
        by_worker = self._pending.setdefault(place, {})
        if count or by_worker.get(worker):
            by_worker[worker] = count
            part = self._part_now()
            part.pending[place] = max(sum(by_worker.values()), part.pending.get(place, 0))

    def _part_now(self) -> Part:
        return self._part((self.step, (self._clock.now_ns - self.begin_ns) // self.bin_ns))

    def _part(self, key: tuple[int, int]) -> Part:
        return self._parts.setdefault(key, Part())
