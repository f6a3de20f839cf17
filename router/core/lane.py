"""A deployment's requests in one worker: the queue, and who draws from it.

One queue for all instances: an instance that is free takes the oldest request, whatever
its age, so none waits behind a slow one. This file keeps the books; what happens to a
request, and when, is dispatcher.py's.
"""

from collections import deque
from collections.abc import Collection

from router.core.budgets import Count
from router.core.instance import Instance
from router.core.request import Request
from router.core.statistics import DeploymentStatistics

# Nobody waits for mirrored copies: so many gather, to share a message, or fewer for a tick,
# unless they would be overdue soon.
COPIES_GATHERED = 32
GATHERING_TIMEOUT_NS_MIN = 200_000_000
# A message is cut here: what it holds is taken and answered together.
BATCH_BYTES_MAX = 4 * 1024 * 1024
# A body of so much travels alone, and others pass it on the way.
LARGE_BYTES_MIN = 256 * 1024


class Lane:
    """One deployment's queue, instances and counters; it outlives snapshots.

    Attributes:
        places: requests of clients, queued or outstanding and not yet done, in all workers.
        copies_pending: mirrored copies likewise, in this one; they take no client's place.
        closed: the deployment is gone from the snapshot; what was taken is still served.
        has_removed: whether one of its instances is removed; asked for at every request.
        woken: the shell was asked to pump, and has not yet.
        wakes_at_ns: until when it was asked to pump last; it may have passed.
    """

    __slots__ = (
        "answered",
        "closed",
        "copies",
        "copies_lost",
        "copies_pending",
        "deployment",
        "direct",
        "endpoint",
        "failed",
        "has_removed",
        "instances",
        "live",
        "outstanding",
        "places",
        "queue",
        "resent",
        "wakes_at_ns",
        "woken",
    )

    def __init__(self, endpoint: str, deployment: str, places: Count) -> None:
        self.endpoint = endpoint
        self.deployment = deployment
        self.queue: deque[Request] = deque()
        self.instances: dict[str, Instance] = {}
        self.places = places
        self.copies_pending = 0
        self.outstanding = 0
        self.closed = False
        self.has_removed = False
        self.woken = False
        self.wakes_at_ns = 0
        self.live = 0
        self.direct = 0
        self.copies = 0
        self.copies_lost = 0
        self.answered = 0
        self.failed = 0
        self.resent = 0

    def note_removed(self) -> None:
        """To be called when instances came, went or were removed."""
        self.has_removed = any(instance.removed for instance in self.instances.values())

    @property
    def keeps_removed(self) -> bool:
        """Whether removed instances still serve: the deployment left, or none has come instead."""
        return self.closed or all(instance.removed for instance in self.instances.values())

    @property
    def can_wait(self) -> bool:
        """Whether nothing is queued but copies that gather."""
        return not self.queue or (
            len(self.queue) < COPIES_GATHERED
            and all(
                request.client is None and request.deployment.timeout_ns >= GATHERING_TIMEOUT_NS_MIN
                for request in self.queue
            )
        )

    @property
    def ahead_due_ns(self) -> int | None:
        """When the first of its instances may be given a request ahead; None if none may."""
        dues_ns = [
            due_ns for instance in self._serving() if (due_ns := instance.ahead_due_ns) is not None
        ]
        return min(dues_ns, default=None)

    def least_loaded(self, now_ns: int) -> Instance | None:
        """The instance with the least outstanding of those with room; None if none has any."""
        best: Instance | None = None
        for instance in self._serving():
            if (best is None or instance.outstanding < best.outstanding) and instance.room(now_ns):
                best = instance
        return best

    def take_batch(self, room: int) -> list[Request]:
        """The oldest queued requests, at most ``room`` and BATCH_BYTES_MAX of payload.

        A large one travels alone, behind those that were there before it.
        """
        queue = self.queue
        batch: list[Request] = []
        bytes_left = BATCH_BYTES_MAX
        for _ in range(min(room, len(queue))):
            size_bytes = len(queue[0].payload)
            bytes_left -= size_bytes
            if batch and (bytes_left < 0 or size_bytes >= LARGE_BYTES_MIN):
                break
            batch.append(queue.popleft())
            if size_bytes >= LARGE_BYTES_MIN:
                break
        return batch

    def statistics(self) -> DeploymentStatistics:
        """Counters and gauges as of now."""
        return DeploymentStatistics(
            name=self.deployment,
            live=self.live,
            direct=self.direct,
            copies=self.copies,
            copies_lost=self.copies_lost,
            answered=self.answered,
            failed=self.failed,
            resent=self.resent,
            queued=len(self.queue),
            outstanding=self.outstanding,
        )

    def _serving(self) -> Collection[Instance]:
        """The instances that may be given requests."""
        if not self.has_removed or self.keeps_removed:
            return self.instances.values()
        return [instance for instance in self.instances.values() if not instance.removed]
