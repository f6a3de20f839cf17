"""A deployment's requests in one worker: the queue, and who draws from it.

One queue for all instances: an instance that is free takes the oldest request, whatever
its age, so none waits behind a slow one. This file keeps the books; what happens to a
request, and when, is dispatcher.py's.
"""

from collections import deque

from router.core.request import Request
from router.core.statistics import DeploymentStatistics
from router.core.window import Window

# Nobody waits for mirrored copies: so many gather, to share a message, or fewer for a tick,
# unless they would be overdue soon.
COPIES_GATHERED = 32
GATHERING_TIMEOUT_NS_MIN = 200_000_000
# A message is cut here, so that large bodies don't make small ones wait for its end.
BATCH_BYTES_MAX = 1024 * 1024


class Instance:
    """A connected (or once connected) instance, as this worker sees it.

    Attributes:
        outstanding: requests it was given and has not answered, expired ones among them.
        expired: numbers of those that were answered in its place meanwhile.
        removed: not in the routing any more; it finishes what it has.
    """

    __slots__ = ("_begun_ns", "expired", "id", "lane", "outstanding", "removed", "window")

    def __init__(self, id_: str, lane: "Lane", parallel_runs: int, limit_max: int) -> None:
        self.id = id_
        self.lane = lane
        self.window = Window(parallel_runs, limit_max)
        self.outstanding = 0
        self.expired: set[int] = set()
        self.removed = False
        # When each of its runs is taken to have begun, the oldest first; none while it gathers.
        self._begun_ns: list[int] = []

    def room(self, now_ns: int) -> int:
        """How many more requests it may be given now."""
        limit = self.window.limit
        if self.window.gathers and self.outstanding:
            # A slow one among fast ones must not leave the instance's other places idle.
            limit = self.window.parallel_runs
        due_ns = self.ahead_due_ns
        if due_ns is not None and due_ns <= now_ns:
            limit += 1
        return max(limit - self.outstanding, 0)

    @property
    def ahead_due_ns(self) -> int | None:
        """When it may be given a request ahead of its next answer; None if not at all."""
        ahead_ns, parallel_runs = self.window.ahead_ns, self.window.parallel_runs
        if ahead_ns is None or not self.outstanding == parallel_runs == len(self._begun_ns):
            return None
        return self._begun_ns[0] + ahead_ns

    def follow_runs(self, ended: int, now_ns: int) -> None:
        """Keeps the times at which runs began, after so many ended or some were sent."""
        begun_ns, window = self._begun_ns, self.window
        if window.gathers:
            begun_ns.clear()
            return
        # Which one ended is not asked: equal runs end in their order.
        del begun_ns[:ended]
        begun = min(self.outstanding, window.parallel_runs) - len(begun_ns)
        begun_ns.extend([now_ns] * begun)


class Lane:
    """One deployment's queue, instances and counters; it outlives snapshots.

    Attributes:
        pending: requests of clients, queued or outstanding and not yet done.
        copies_pending: likewise for mirrored copies, which take no client's place.
        closed: the deployment is gone from the snapshot; what was taken is still served.
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
        "instances",
        "live",
        "outstanding",
        "pending",
        "queue",
        "wakes_at_ns",
        "woken",
    )

    def __init__(self, endpoint: str, deployment: str) -> None:
        self.endpoint = endpoint
        self.deployment = deployment
        self.queue: deque[Request] = deque()
        self.instances: dict[str, Instance] = {}
        self.pending = 0
        self.copies_pending = 0
        self.outstanding = 0
        self.closed = False
        self.woken = False
        self.wakes_at_ns = 0
        self.live = 0
        self.direct = 0
        self.copies = 0
        self.copies_lost = 0
        self.answered = 0
        self.failed = 0

    @property
    def keeps_removed(self) -> bool:
        """Whether removed instances still serve: the deployment left, or none has come instead."""
        return self.closed or all(instance.removed for instance in self.instances.values())

    @property
    def can_wait(self) -> bool:
        """Whether nothing is queued but copies that gather."""
        return len(self.queue) < COPIES_GATHERED and all(
            request.client is None and request.deployment.timeout_ns >= GATHERING_TIMEOUT_NS_MIN
            for request in self.queue
        )

    @property
    def ahead_due_ns(self) -> int | None:
        """When the first of its instances may be given a request ahead; None if none may."""
        dues_ns = [
            due_ns
            for instance in self.instances.values()
            if (due_ns := instance.ahead_due_ns) is not None
        ]
        return min(dues_ns, default=None)

    def least_loaded(self, now_ns: int) -> Instance | None:
        """The instance with the least outstanding of those with room; None if none has any."""
        best: Instance | None = None
        keeps_removed = self.keeps_removed
        for instance in self.instances.values():
            if (
                instance.room(now_ns)
                and (keeps_removed or not instance.removed)
                and (best is None or instance.outstanding < best.outstanding)
            ):
                best = instance
        return best

    def take_batch(self, room: int) -> list[Request]:
        """The oldest queued requests, at most ``room`` and BATCH_BYTES_MAX of payload.

        A larger one travels alone, behind those that were there before it.
        """
        batch: list[Request] = []
        bytes_left = BATCH_BYTES_MAX
        while self.queue and len(batch) < room:
            bytes_left -= len(self.queue[0].payload)
            if batch and bytes_left < 0:
                break
            batch.append(self.queue.popleft())
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
            queued=len(self.queue),
            outstanding=self.outstanding,
        )
