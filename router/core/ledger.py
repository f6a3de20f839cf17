"""The ledger: every request that was taken and not yet answered (invariant 9).

accepted = answered + in flight, at every instant, because a request enters and leaves here
and nowhere else. Copies are kept as well, but nobody waits for them and they count as none.
"""

from collections.abc import Iterator

from router.core.deadlines import Deadlines
from router.core.instance import Instance
from router.core.request import Client, Head, Kind, Payload, Request
from router.core.snapshot import SnapshotDeployment

# Deadlines of answered requests are let go when they are this many, and most of all: a sweep
# takes half a millisecond then, and no memory grows with the time that requests may take.
SWEEP_MIN = 10_000
SWEEP_FACTOR = 4


class Ledger:
    """Requests by their number, and when each is due.

    Attributes:
        accepted, answered: requests of clients, ever.
        find: the unanswered request of a number, or None.
    """

    __slots__ = ("_deadlines", "_last_id", "_pending", "accepted", "answered", "find")

    def __init__(self, now_ns: int) -> None:
        self.accepted = 0
        self.answered = 0
        self._last_id = 0
        self._pending: dict[int, Request] = {}
        # A call less for each answer.
        self.find = self._pending.get
        self._deadlines = Deadlines(now_ns)

    @property
    def in_flight(self) -> int:
        """Requests of clients that have no answer yet."""
        return self.accepted - self.answered

    def refuse(self) -> None:
        """Counts a request that is answered as soon as it has come."""
        self.accepted += 1
        self.answered += 1

    def take(
        self,
        kind: Kind,
        deployment: SnapshotDeployment,
        payload: Payload,
        head: Head,
        client: Client | None,
        now_ns: int,
    ) -> Request:
        """Enters a request, queued in its deployment's lane.

        Args:
            client: None for a copy. Else it has a place in the lane, which ``finish`` gives up.
        """
        self._last_id += 1
        deadline_ns = now_ns + deployment.timeout_ns
        request = Request(self._last_id, kind, deployment, payload, head, deadline_ns, client)
        self._pending[request.id] = request
        self._deadlines.add(request.id, deadline_ns)
        lane = deployment.lane
        if client is not None:
            self.accepted += 1
        else:
            lane.copies_pending += 1
        lane.queue.append(request)
        return request

    def finish(self, request: Request) -> None:
        """Takes out a request: answered, refused or, if it is a copy, dropped.

        Raises:
            KeyError: it was taken out before.
        """
        del self._pending[request.id]
        request.payload = b""
        if request.client is not None:
            self.answered += 1
            request.deployment.lane.places.remove()
        else:
            request.deployment.lane.copies_pending -= 1

    def overdue(self, now_ns: int) -> Iterator[Request]:
        """Unanswered requests whose deadline has passed, each once.

        To be read with each tick: deadlines of answered requests are swept out first.
        """
        deadlines = self._deadlines
        if deadlines.count > max(SWEEP_MIN, SWEEP_FACTOR * len(self._pending)):
            deadlines.sweep(self._pending)
        for number in deadlines.due(now_ns):
            request = self._pending.get(number)
            if request is not None:
                yield request

    def everything(self) -> list[Request]:
        """All that was taken and is not done, in the order of arrival."""
        return list(self._pending.values())

    def at(self, instance: Instance) -> list[Request]:
        """What the instance was given and has not answered, in the order of arrival."""
        return [request for request in self._pending.values() if request.instance is instance]
