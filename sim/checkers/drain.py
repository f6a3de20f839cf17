"""Invariant 10: no operation loses a request that was taken, and who is to go is let go."""

from collections.abc import Collection

from sim.checkers.broken import Broken, Place, Rules, instances_of

SHOWN_MAX = 10


class DrainChecker:
    """Keeps books of what is at which instance. Numbers below 0 are copies of those requests."""

    def __init__(self) -> None:
        self._at: dict[tuple[int, str], set[int]] = {}
        self._held: set[tuple[int, str]] = set()
        self._routed: Collection[str] = ()
        self._unreliable: set[Place] = set()

    def on_published(self, rules: Rules) -> None:
        """Who is not routed to any more is to be let go."""
        self._routed = instances_of(rules)

    def on_faulty(self, place: Place) -> None:
        """Its instances end by a fault of the scenario: its requests may fail."""
        self._unreliable.add(place)

    def on_swapped(self, worker: int, reachable: Collection[str]) -> None:
        """The worker has connections to these instances, and maybe to ones that are to go."""
        self._held.update((worker, instance) for instance in reachable)

    def on_failed(self, number: int, place: Place, reason: str) -> None:
        """10: no request is lost but by a fault, or given up before its time is over."""
        if reason == "stopping" or (reason == "instance_lost" and place not in self._unreliable):
            raise Broken(10, f"request {number} was lost ({reason}) by {place[1]}")

    def on_sent(self, worker: int, instance: str, numbers: list[int]) -> None:
        """These are at the instance."""
        at = self._at.get((worker, instance))
        if at is None:
            at = self._at[worker, instance] = set()
        at.update(numbers)

    def on_came(self, worker: int, instance: str, numbers: list[int]) -> None:
        """These are answered."""
        self._at[worker, instance].difference_update(numbers)

    def on_lost(self, worker: int, instance: str) -> None:
        """What was there is gone."""
        self._at.pop((worker, instance), None)
        self._held.discard((worker, instance))

    def on_drained(self, worker: int, instance: str) -> None:
        """An instance is let go when it holds nothing."""
        if at := self._at.get((worker, instance)):
            some = sorted(map(abs, at))[:SHOWN_MAX]
            raise Broken(10, f"instance {instance} was let go with {len(at)} requests: {some}")
        self._held.discard((worker, instance))

    def to_be_drained(self) -> list[tuple[int, str]]:
        """Instances that are to go and have not been let go yet, each with its worker."""
        return sorted(held for held in self._held if held[1] not in self._routed)

    def on_end(self, *, hung: bool) -> None:
        """In the end who is to go is gone.

        Args:
            hung: a model hangs by a fault of the scenario, and holds what it has.
        """
        if not hung and (left := self.to_be_drained()):
            worker, instance = left[0]
            raise Broken(10, f"worker {worker} never lets go of instance {instance}")
