"""The auditor: is told of every event of a run, keeps the last ones, and asks the checkers.

It sits between the simulated parts and sim/checkers/, which know nothing of either.
"""

from collections import deque
from collections.abc import Collection, Mapping
from typing import IO

import msgspec

from sim.asked import HEAD_BYTES, Asked
from sim.checkers.broken import Place, Rules, instances_of
from sim.checkers.conservation import ConservationChecker
from sim.checkers.drain import DrainChecker
from sim.checkers.durability import DurabilityChecker
from sim.checkers.quota import QuotaChecker
from sim.checkers.shares import ShareChecker
from sim.checkers.swap import SwapChecker
from sim.clock import Clock
from sim.instance import SimAnswer

RECENT_MAX = 50
RATE_LIMITED, UNAUTHORIZED = "rate_limited", "unauthorized"


class Auditor:
    """Checks the invariants at every event.

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
        self._drain = DrainChecker()
        self._durability = DurabilityChecker()
        self._quota = QuotaChecker(workers)
        # Whose each instance is, or was: those that are to go still serve what they have.
        self._place_of: dict[str, Place] = {}

    # What the control plane did.

    def published(self, generation: int, rules: Rules) -> None:
        """A routing is on its way to the workers."""
        self._keep((self._clock.now_ns, "published", generation))
        self._place_of.update(instances_of(rules))
        self._swap.on_published(generation, rules)
        self._durability.on_published(generation, rules)
        self._shares.on_published(generation, rules)
        self._conservation.on_published(generation, rules)
        self._drain.on_published(rules)
        self._quota.on_published(rules)

    def returned(self, generation: int) -> None:
        """All workers route by it: the operation may return."""
        self._keep((self._clock.now_ns, "returned", generation))
        self._swap.on_returned(generation)
        self._shares.on_returned(generation)
        self._conservation.on_returned(generation)

    def operation(self, words: str, outcome: str) -> None:
        """An operation was refused, or has ended."""
        self._keep((self._clock.now_ns, "operation", words, outcome))

    def operation_refused(self, before: object, after: object) -> None:
        """What there was, in memory and on disk, before and after."""
        self._swap.on_operation_refused(before, after)

    def begun(
        self, endpoint: str, verb: str, name: str, numbers: Mapping[str, float], count: int
    ) -> None:
        """An operation was taken; see DurabilityChecker."""
        self._durability.on_begun(endpoint, verb, name, numbers, count)

    def acknowledged(self, endpoint: str) -> None:
        """The operation that ran on the endpoint is done."""
        self._durability.on_done(endpoint)

    def faulty(self, place: Place) -> None:
        """Instances of it end by a fault of the scenario."""
        self._keep((self._clock.now_ns, "faulty", *place))
        self._drain.on_faulty(place)

    # What workers did.

    def swapping(self, worker: int, generation: int) -> None:
        """A worker begins to swap."""
        self._swap.on_swapping(worker, generation)

    def swapped(self, worker: int, generation: int, reachable: Collection[str]) -> None:
        """It has; these of the routing's instances can be reached."""
        self._keep((self._clock.now_ns, "swapped", worker, generation))
        self._swap.on_swapped(worker, generation)
        self._shares.on_swapped(worker, generation)
        self._conservation.on_swapped(worker, generation)
        self._drain.on_swapped(worker, reachable)

    def taken(self, worker: int, asked: Asked) -> None:
        """A request was taken for a deployment."""
        now_ns, number = self._clock.now_ns, asked.number
        endpoint, deployment = asked.endpoint, asked.deployment
        self._keep((now_ns, "taken", worker, number, deployment))
        self._swap.on_taken(worker, number, endpoint, asked.pinned, deployment)
        self._conservation.on_taken(worker, number, (endpoint, deployment), now_ns)
        if endpoint in self._quota.limits_requests_of:
            self._quota.on_asked(endpoint, number, now_ns, limited=False)
        if asked.is_live:
            self._shares.on_dealt(worker, number, endpoint, deployment)

    def refused(self, worker: int, asked: Asked, reason: str) -> None:
        """A request was refused as it came."""
        now_ns, number, endpoint = self._clock.now_ns, asked.number, asked.endpoint
        self._keep((now_ns, "refused", worker, number, reason, asked.deployment))
        self._conservation.on_refused(worker)
        self._swap.on_refused(worker, number, endpoint, asked.pinned, reason)
        if reason != UNAUTHORIZED:
            self._quota.on_asked(endpoint, number, now_ns, limited=reason == RATE_LIMITED)
        if asked.deployment:
            self._conservation.on_full(number, (endpoint, asked.deployment))
        if asked.is_live:
            self._shares.on_dealt(worker, number, endpoint, asked.deployment)

    def mirrored(self, worker: int, asked: Asked, picked: int, copied: int) -> None:
        """Where there is a mirror: whether it was the request's turn, and whether a copy waits."""
        number, endpoint = asked.number, asked.endpoint
        if picked:
            self._keep((self._clock.now_ns, "mirrored", worker, number))
        shadow = self._shares.on_mirrored(worker, number, endpoint, asked.pinned, picked, copied)
        if copied and shadow is not None:
            due_ns = self._conservation.due_ns(worker, shadow, self._clock.now_ns)
            size_bytes = asked.body_bytes + HEAD_BYTES
            self._quota.on_copied(worker, endpoint, number, size_bytes, due_ns)

    def sent(self, worker: int, instance: str, numbers: list[int]) -> None:
        """A message to an instance; copies have the number of what they copy, below 0."""
        self._keep((self._clock.now_ns, "sent", worker, instance, numbers))
        if self._swap.is_swapping:
            self._swap.on_sent(worker, instance, numbers)
        self._drain.on_sent(worker, instance, numbers)
        place = self._place_of[instance]
        if numbers and (numbers[0] <= 0 or (len(numbers) > 1 and min(numbers) <= 0)):
            self._shares.on_copies_sent(worker, place, instance, numbers)
            numbers = [number for number in numbers if number > 0]
        self._conservation.on_sent(place, instance, numbers)

    def came(self, worker: int, instance: str, answers: list[SimAnswer]) -> None:
        """A message from an instance."""
        numbers = [answer.asked for answer in answers]
        self._keep((self._clock.now_ns, "came", worker, instance, numbers))
        self._drain.on_came(worker, instance, numbers)
        if numbers[0] < 0 or (len(numbers) > 1 and min(numbers) < 0):
            endpoint, _ = self._place_of[instance]
            sizes = {-answer.asked: len(answer.payload) for answer in answers if answer.asked < 0}
            self._quota.on_copies_answered(worker, endpoint, sizes, self._clock.now_ns)

    def answered(self, asked: Asked, answer_to: int) -> None:
        """A request got a model's answer."""
        now_ns = self._clock.now_ns
        self._keep((now_ns, "answered", asked.number))
        place = asked.endpoint, asked.deployment
        self._conservation.on_ended(asked.number, answer_to, place, now_ns)

    def failed(self, asked: Asked, reason: str) -> None:
        """A request that was taken got the router's answer."""
        now_ns = self._clock.now_ns
        self._keep((now_ns, "failed", asked.number, reason))
        place = asked.endpoint, asked.deployment
        self._conservation.on_ended(asked.number, asked.number, place, now_ns, reason)
        self._drain.on_failed(asked.number, place, reason)

    def lost(self, worker: int, instance: str) -> None:
        """The stream broke."""
        self._keep((self._clock.now_ns, "lost", worker, instance))
        self._drain.on_lost(worker, instance)

    def drained(self, worker: int, instance: str) -> None:
        """The worker lets go of an instance."""
        self._keep((self._clock.now_ns, "drained", worker, instance))
        self._drain.on_drained(worker, instance)

    def charged(self, worker: int, asked: Asked, count: int, copied: int, wait_ns: int) -> None:
        """Bytes of a request or its answer were counted, to pass in ``wait_ns``.

        Args:
            copied: the endpoint's bytes of copies, as the worker counts them.
        """
        now_ns, endpoint, number = self._clock.now_ns, asked.endpoint, asked.number
        self._quota.on_charged(worker, endpoint, number, count, copied, now_ns, wait_ns)
        if wait_ns:
            self._keep((now_ns, "throttled", worker, endpoint, number, count, wait_ns))
            self._clock.after(wait_ns, self._passed, (endpoint, number, count))
        else:
            self._quota.on_passed(endpoint, number, count, now_ns)

    def counted(self, worker: int, accepted: int, answered: int) -> None:
        """The router's own counters."""
        self._conservation.on_counted(worker, accepted, answered)

    def gauged(self, worker: int, place: Place, copies: int, lost: int) -> None:
        """How many copies wait in a worker, and how many it has lost until now."""
        self._conservation.on_gauged(worker, place, copies)
        self._shares.on_gauged(worker, place, copies, lost)

    @property
    def is_drained(self) -> bool:
        """Whether all instances that are to go have been let go."""
        return not self._drain.to_be_drained()

    def end(self, *, hung: bool) -> None:
        """Nothing will happen any more; ``hung`` if a model hangs by a fault of the scenario."""
        self._conservation.on_end()
        self._drain.on_end(hung=hung)

    def _passed(self, passed: tuple[str, int, int]) -> None:
        self._quota.on_passed(*passed, self._clock.now_ns)

    def _log(self, event: tuple[object, ...]) -> None:
        assert self._file is not None
        self.recent.append(event)
        self._file.write(msgspec.json.encode(event) + b"\n")
