"""Invariants 9, 10 and 5: every request has one answer, its own, and none is lost or in the way."""

from collections.abc import Collection

from sim.checkers.broken import Broken, Rules

Place = tuple[str, str]


class ConservationChecker:
    """Keeps books of its own: who waits for an answer, and what is at which instance."""

    def __init__(self) -> None:
        self._waiting: dict[int, Place] = {}
        self._accepted: dict[int, int] = {}
        self._answered: dict[int, int] = {}
        self._worker_of: dict[int, int] = {}
        self._in_flight: dict[Place, int] = {}
        self._published: list[tuple[int, dict[Place, int]]] = []
        self._in_flight_most: dict[Place, int] = {}
        self._in_flight_least: dict[Place, int] = {}
        self._at: dict[tuple[int, str], int] = {}
        self._held: set[tuple[int, str]] = set()
        self._routed: set[str] = set()
        self._unreliable: set[str] = set()

    def on_published(self, generation: int, rules: Rules) -> None:
        """Other limits; a worker that has not swapped yet still goes by those before."""
        limits = {
            (name, deployment): found.in_flight_max
            for name, endpoint in rules.items()
            for deployment, found in endpoint.deployments.items()
        }
        self._published.append((generation, limits))
        self._learn_limits()
        found = (one for endpoint in rules.values() for one in endpoint.deployments.values())
        self._routed = {instance for one in found for instance in one.instances}

    def on_returned(self, generation: int) -> None:
        """Every worker goes by these limits, or newer ones."""
        self._published = [one for one in self._published if one[0] >= generation]
        self._learn_limits()

    def on_faulty(self, deployment: str) -> None:
        """Its instances end by a fault of the scenario: its requests may fail."""
        self._unreliable.add(deployment)

    def on_swapped(self, worker: int, reachable: Collection[str]) -> None:
        """The worker has connections to these instances, and maybe to ones that are to go."""
        self._held.update((worker, instance) for instance in reachable)

    def on_refused(self, worker: int) -> None:
        """A request came, and had its answer at once."""
        self._accepted[worker] = self._accepted.get(worker, 0) + 1
        self._answered[worker] = self._answered.get(worker, 0) + 1

    def on_full(self, number: int, endpoint: str, deployment: str) -> None:
        """5: only requests of clients take the places of clients (azure.md 4.4)."""
        place = endpoint, deployment
        count, limit = self._in_flight.get(place, 0), self._in_flight_least.get(place, 0)
        if count < limit:
            raise Broken(
                5,
                f"request {number} was refused with {count} of {limit} in flight at {deployment}",
            )

    def on_taken(self, worker: int, number: int, endpoint: str, deployment: str) -> None:
        """A request came and waits for an answer, and there was room for it."""
        self._accepted[worker] = self._accepted.get(worker, 0) + 1
        if number in self._waiting:
            raise Broken(9, f"request {number} was taken twice")
        place = endpoint, deployment
        self._waiting[number] = place
        self._worker_of[number] = worker
        count = self._in_flight[place] = self._in_flight.get(place, 0) + 1
        if count > self._in_flight_most.get(place, count):
            raise Broken(9, f"{count} requests in flight at {deployment}: no queue may grow so")

    def on_answered(self, number: int, asked: int) -> None:
        """9: by an instance, to the question that was asked."""
        if asked != number:
            raise Broken(9, f"request {number} got the answer to {asked}")
        self._end(number)

    def on_failed(self, number: int, reason: str) -> None:
        """By the router; 10: a request that was taken is lost by no operation."""
        _, deployment = self._waiting.get(number, ("", ""))
        self._end(number)
        if reason == "stopping" or (
            reason == "instance_lost" and deployment not in self._unreliable
        ):
            raise Broken(10, f"request {number} was lost ({reason}) by {deployment}")

    def on_sent(self, worker: int, instance: str, count: int) -> None:
        """So many more are at the instance."""
        at = worker, instance
        self._at[at] = self._at.get(at, 0) + count

    def on_came(self, worker: int, instance: str, count: int) -> None:
        """So many answers came."""
        self._at[worker, instance] -= count

    def on_lost(self, worker: int, instance: str) -> None:
        """What was there is gone."""
        self._at.pop((worker, instance), None)
        self._held.discard((worker, instance))

    def on_drained(self, worker: int, instance: str) -> None:
        """10: an instance is let go when it holds nothing."""
        if count := self._at.get((worker, instance), 0):
            raise Broken(10, f"instance {instance} was let go with {count} requests")
        self._held.discard((worker, instance))

    def on_counted(self, worker: int, accepted: int, answered: int) -> None:
        """9: the router's own books agree."""
        own = self._accepted.get(worker, 0), self._answered.get(worker, 0)
        if own != (accepted, answered):
            raise Broken(9, f"worker {worker} counts {(accepted, answered)}, there were {own}")

    def on_gauged(self, endpoint: str, deployment: str, copies: int) -> None:
        """5: copies wait in a bounded number."""
        limit = self._in_flight_most.get((endpoint, deployment))
        if limit is not None and copies > limit:
            raise Broken(5, f"{copies} copies wait at {deployment}, of at most {limit}")

    def to_be_drained(self) -> list[tuple[int, str]]:
        """Instances that are to go and have not been let go yet, each with its worker."""
        return sorted(held for held in self._held if held[1] not in self._routed)

    def on_end(self, *, hung: bool) -> None:
        """9: in the end everybody has an answer; 10: and who is to go is let go.

        Args:
            hung: a model hangs by a fault of the scenario, and holds what it has.
        """
        if self._waiting:
            raise Broken(9, f"{len(self._waiting)} requests without an answer: {self._some()}")
        if not hung and (left := self.to_be_drained()):
            worker, instance = left[0]
            raise Broken(10, f"worker {worker} never lets go of instance {instance}")

    def _end(self, number: int) -> None:
        place = self._waiting.pop(number, None)
        if place is None:
            raise Broken(9, f"request {number} was answered twice, or never taken")
        self._in_flight[place] -= 1
        worker = self._worker_of.pop(number)
        self._answered[worker] = self._answered.get(worker, 0) + 1

    def _learn_limits(self) -> None:
        self._in_flight_most, self._in_flight_least = {}, {}
        for _, limits in self._published:
            for place, limit in limits.items():
                self._in_flight_most[place] = max(limit, self._in_flight_most.get(place, limit))
                self._in_flight_least[place] = min(limit, self._in_flight_least.get(place, limit))

    def _some(self) -> list[int]:
        return list(self._waiting)[:10]
