"""The auditor: is told of every event of a run, keeps the last ones, and asks the checkers.

It sits between the simulated parts and sim/checkers/, which know nothing of either.
"""

from collections import deque
from collections.abc import Collection
from typing import IO

import msgspec

from sim.asked import Asked
from sim.checkers.broken import Rules
from sim.checkers.conservation import ConservationChecker
from sim.checkers.quota import QuotaChecker
from sim.checkers.shares import ShareChecker
from sim.checkers.swap import SwapChecker
from sim.clock import Clock

RECENT_MAX = 50


class Auditor:
    """Checks all invariants at every event.

    Args:
        log: where each event is written as a line of JSON; None for nowhere.

    Attributes:
        recent: the last events: time in ns, what, of what.
    """

    def __init__(self, clock: Clock, workers: int, log: IO[bytes] | None = None) -> None:
        self.recent: deque[tuple[object, ...]] = deque(maxlen=RECENT_MAX)
        self._clock = clock
        # One call an event: there are millions.
        self._keep = self.recent.append if log is None else self._log
        self._file = log
        self._swap = SwapChecker()
        self._shares = ShareChecker()
        self._conservation = ConservationChecker()
        self._quota = QuotaChecker(workers)

    # What the control plane did.

    def published(self, generation: int, rules: Rules) -> None:
        """A routing is on its way to the workers."""
        self._keep((self._clock.now_ns, "published", generation))
        self._swap.on_published(generation, rules)
        self._shares.on_published(generation, rules)
        self._conservation.on_published(generation, rules)
        self._quota.on_published(rules)

    def returned(self, generation: int) -> None:
        """All workers route by it: the operation may return."""
        self._keep((self._clock.now_ns, "returned", generation))
        self._swap.on_returned(generation)
        self._shares.on_returned(generation)
        self._conservation.on_returned(generation)

    def operation(self, words: str, outcome: str) -> None:
        """An operation was taken, refused, or has ended."""
        self._keep((self._clock.now_ns, "operation", words, outcome))

    def operation_refused(self, before: bytes, after: bytes) -> None:
        """What was stored before and after."""
        self._swap.on_operation_refused(before, after)

    def restarted(self, before: bytes, after: bytes) -> None:
        """What was acknowledged, and what a new control plane found."""
        self._keep((self._clock.now_ns, "restarted"))
        self._swap.on_restarted(before, after)

    def faulty(self, deployment: str) -> None:
        """Instances of it end by a fault of the scenario."""
        self._keep((self._clock.now_ns, "faulty", deployment))
        self._conservation.on_faulty(deployment)

    # What workers did.

    def swapping(self, worker: int, generation: int) -> None:
        """A worker begins to swap."""
        self._swap.on_swapping(worker, generation)

    def swapped(self, worker: int, generation: int, reachable: Collection[str]) -> None:
        """It has; these of the routing's instances can be reached."""
        self._keep((self._clock.now_ns, "swapped", worker, generation))
        self._swap.on_swapped(worker, generation)
        self._shares.on_swapped(worker, generation)
        self._conservation.on_swapped(worker, reachable)

    def taken(self, worker: int, asked: Asked) -> None:
        """A request was taken for a deployment."""
        number, endpoint, pinned = asked.number, asked.endpoint, asked.pinned
        self._keep((self._clock.now_ns, "taken", worker, number, asked.deployment))
        self._conservation.on_taken(worker, number, endpoint, asked.deployment)
        self._swap.on_taken(worker, number, endpoint, pinned, asked.deployment)
        if asked.is_live:
            self._shares.on_dealt(worker, number, endpoint, asked.deployment)

    def refused(self, worker: int, asked: Asked, reason: str) -> None:
        """A request was refused as it came."""
        self._keep((self._clock.now_ns, "refused", worker, asked.number, reason, asked.deployment))
        self._conservation.on_refused(worker)
        if asked.deployment:
            self._conservation.on_full(asked.number, asked.endpoint, asked.deployment)
        if asked.is_live:
            self._shares.on_dealt(worker, asked.number, asked.endpoint, asked.deployment)

    def mirrored(self, worker: int, asked: Asked, picked: int) -> None:
        """Where there is a mirror: whether the request was copied."""
        if picked:
            self._keep((self._clock.now_ns, "mirrored", worker, asked.number))
        self._shares.on_mirrored(worker, asked.number, asked.endpoint, asked.pinned, picked)

    def sent(self, worker: int, instance: str, count: int) -> None:
        """A message to an instance."""
        self._keep((self._clock.now_ns, "sent", worker, instance, count))
        self._swap.on_sent(worker, instance, count)
        self._conservation.on_sent(worker, instance, count)

    def came(self, worker: int, instance: str, count: int) -> None:
        """A message from an instance."""
        self._keep((self._clock.now_ns, "came", worker, instance, count))
        self._conservation.on_came(worker, instance, count)

    def answered(self, asked: Asked, answer_to: int) -> None:
        """A request got a model's answer."""
        self._keep((self._clock.now_ns, "answered", asked.number))
        self._conservation.on_answered(asked.number, answer_to)

    def failed(self, asked: Asked, reason: str) -> None:
        """A request that was taken got the router's answer."""
        self._keep((self._clock.now_ns, "failed", asked.number, reason))
        self._conservation.on_failed(asked.number, reason)

    def lost(self, worker: int, instance: str) -> None:
        """The stream broke."""
        self._keep((self._clock.now_ns, "lost", worker, instance))
        self._conservation.on_lost(worker, instance)

    def drained(self, worker: int, instance: str) -> None:
        """The worker lets go of an instance."""
        self._keep((self._clock.now_ns, "drained", worker, instance))
        self._conservation.on_drained(worker, instance)

    def charged(self, worker: int, endpoint: str, count: int, copied: int, wait_ns: int) -> None:
        """Bytes were counted, to pass in ``wait_ns``; so many were copies' until now."""
        self._quota.on_charged(worker, endpoint, count, copied, self._clock.now_ns, wait_ns)
        if wait_ns:
            self._keep((self._clock.now_ns, "throttled", worker, endpoint, count, wait_ns))
            self._clock.after(wait_ns, self._passed, (endpoint, count))
        else:
            self._quota.on_passed(endpoint, count, self._clock.now_ns)

    def counted(self, worker: int, accepted: int, answered: int) -> None:
        """The router's own counters."""
        self._conservation.on_counted(worker, accepted, answered)

    def gauged(self, endpoint: str, deployment: str, copies: int) -> None:
        """How many copies wait in a worker."""
        self._conservation.on_gauged(endpoint, deployment, copies)

    @property
    def is_drained(self) -> bool:
        """Whether all instances that are to go have been let go."""
        return not self._conservation.to_be_drained()

    def end(self, *, hung: bool) -> None:
        """Nothing will happen any more; ``hung`` if a model hangs by a fault of the scenario."""
        self._conservation.on_end(hung=hung)

    def _passed(self, passed: tuple[str, int]) -> None:
        self._quota.on_passed(*passed, self._clock.now_ns)

    def _log(self, event: tuple[object, ...]) -> None:
        assert self._file is not None
        self.recent.append(event)
        self._file.write(msgspec.json.encode(event) + b"\n")
