"""An operation of the timeline, from its begin to its end, for the record."""

from sim.clock import Clock
from sim.record import Operation, Record


class Begun:
    """An operation that was begun."""

    def __init__(self, words: str, step: int, clock: Clock, record: Record) -> None:
        self.step = step
        self._operation = Operation(clock.now_ns, words)
        self._clock = clock
        self._record = record
        record.operations.append(self._operation)

    def end(self, outcome: str) -> None:
        """It is done, or was refused."""
        self._operation.outcome = outcome
        self._operation.ended_ns = self._clock.now_ns
        self._record.begin_step(self.step)
        self._record.auditor.operation(self._operation.words, outcome)
