"""Invariants 9 and 5: each request has one answer, its own, in time; copies take no place."""

from sim.checkers.broken import Broken, DeploymentRules, Place, Rules

# Deadlines are looked at by a clock that ticks: so much later at most a request has its answer.
LATE_NS_MAX = 50_000_000
# What the router answers when a deadline has passed, and no sooner.
AT_DEADLINE = frozenset({"timed_out", "model_not_ready"})
NS_PER_MS = 1_000_000


class _Books:
    """Of one deployment: who waits, and how many may, by all rules that may be in force."""

    def __init__(self) -> None:
        self.waiting: set[int] = set()
        # By worker, when it was looked at last.
        self.copies: dict[int, int] = {}
        self.most: int | None = None
        self.least = 0


class ConservationChecker:
    """Keeps books of its own: who waits for an answer, of whom and until when."""

    def __init__(self) -> None:
        # The worker, and when an answer is too late.
        self._waiting: dict[int, tuple[int, int]] = {}
        self._accepted: dict[int, int] = {}
        self._answered: dict[int, int] = {}
        self._books: dict[Place, _Books] = {}
        self._published: list[tuple[int, dict[Place, DeploymentRules]]] = []
        self._late_ns: dict[int, dict[Place, int]] = {}

    def on_published(self, generation: int, rules: Rules) -> None:
        """Other limits; a worker that has not swapped yet still goes by those before."""
        places = {
            (name, deployment): found
            for name, endpoint in rules.items()
            for deployment, found in endpoint.deployments.items()
        }
        for place in places:
            self._books.setdefault(place, _Books())
        self._published.append((generation, places))
        self._learn_limits()

    def on_returned(self, generation: int) -> None:
        """Every worker goes by these limits, or newer ones."""
        self._published = [one for one in self._published if one[0] >= generation]
        self._learn_limits()

    def on_swapped(self, worker: int, generation: int) -> None:
        """What the worker takes from now on has these times."""
        (places,) = (places for number, places in self._published if number == generation)
        self._accepted.setdefault(worker, 0)
        self._answered.setdefault(worker, 0)
        self._late_ns[worker] = {
            place: found.timeout_ns + LATE_NS_MAX for place, found in places.items()
        }

    def on_refused(self, worker: int) -> None:
        """A request came, and had its answer at once."""
        self._accepted[worker] += 1
        self._answered[worker] += 1

    def on_full(self, number: int, place: Place) -> None:
        """5: only requests of clients take the places of clients (azure.md 4.4)."""
        books = self._books[place]
        if (count := len(books.waiting)) < books.least:
            raise Broken(
                5,
                f"request {number} was refused with {count} of {books.least} in flight at "
                f"{place[1]}",
            )

    def on_taken(self, worker: int, number: int, place: Place, now_ns: int) -> None:
        """A request came and waits for an answer, and there was room for it."""
        self._accepted[worker] += 1
        if number in self._waiting:
            raise Broken(9, f"request {number} was taken twice")
        self._waiting[number] = worker, now_ns + self._late_ns[worker][place]
        books = self._books[place]
        books.waiting.add(number)
        if books.most is not None and len(books.waiting) > books.most:
            raise Broken(
                9,
                f"{len(books.waiting)} in flight at {place[1]} with request {number}: no queue "
                f"may grow so",
            )

    def on_sent(self, place: Place, instance: str, numbers: list[int]) -> None:
        """9: nobody can answer for another deployment, or is asked what has an answer."""
        waiting = self._books[place].waiting
        if not waiting.issuperset(numbers):
            others = sorted(set(numbers) - waiting)
            raise Broken(9, f"{others} are no requests of {place[1]}, and were sent to {instance}")

    def on_ended(
        self, number: int, answer_to: int, place: Place, now_ns: int, reason: str = ""
    ) -> None:
        """9: a request has the one answer to it, an instance's or the router's, in time.

        Args:
            reason: why the router answers; empty for an instance's answer.
        """
        if answer_to != number:
            raise Broken(9, f"request {number} got the answer to {answer_to}")
        found = self._waiting.pop(number, None)
        if found is None:
            raise Broken(9, f"request {number} was answered twice, or never taken")
        worker, late_ns = found
        if now_ns > late_ns:
            late_ms = (now_ns - late_ns + LATE_NS_MAX) // NS_PER_MS
            raise Broken(9, f"request {number} was answered {late_ms} ms after its deadline")
        if reason in AT_DEADLINE and now_ns < late_ns - LATE_NS_MAX:
            early_ms = (late_ns - LATE_NS_MAX - now_ns) // NS_PER_MS
            raise Broken(
                10, f"request {number} was given up ({reason}) {early_ms} ms before its deadline"
            )
        self._books[place].waiting.remove(number)
        self._answered[worker] += 1

    def due_ns(self, worker: int, place: Place, now_ns: int) -> int:
        """When what the worker takes now for the deployment must be answered."""
        return now_ns + self._late_ns[worker][place] - LATE_NS_MAX

    def on_counted(self, worker: int, accepted: int, answered: int) -> None:
        """9: the router's own books agree."""
        own = self._accepted.get(worker, 0), self._answered.get(worker, 0)
        if own != (accepted, answered):
            raise Broken(9, f"worker {worker} counts {(accepted, answered)}, there were {own}")

    def on_gauged(self, worker: int, place: Place, copies: int) -> None:
        """5: copies wait in a bounded number; where the bound has fallen they become no more."""
        books = self._books[place]
        before, books.copies[worker] = books.copies.get(worker, 0), copies
        if books.most is not None and copies > max(books.most, before):
            raise Broken(5, f"{copies} copies wait at {place[1]}, of at most {books.most}")

    def on_end(self) -> None:
        """9: in the end everybody has an answer."""
        if self._waiting:
            some = list(self._waiting)[:10]
            raise Broken(9, f"{len(self._waiting)} requests without an answer: {some}")

    def _learn_limits(self) -> None:
        """A deployment that is gone has no limits: what it has is answered, whatever it is."""
        for place, books in self._books.items():
            limits = [
                places[place].in_flight_max for _, places in self._published if place in places
            ]
            books.most, books.least = max(limits, default=None), min(limits, default=0)
