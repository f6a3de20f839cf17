"""The dispatcher: one way in for all that happens to requests in one worker.

Arrivals, answers, lost instances, passing time and new configurations come in as calls,
with the time as an argument; what is to be done goes out through a port. A shell - the
worker's event loop, or the simulator's - does it. Nothing here waits, so each call runs
to its end and what it leaves behind is consistent (invariant 2).

Who is let in, and to which lane, is admission.py's; who serves a lane, and when an instance
is drained, is membership.py's.
"""

import random
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from router.core import refusals
from router.core.admission import Admission, AdmissionPort
from router.core.budgets import Budgets, LocalBudgets
from router.core.instance import Instance
from router.core.lane import LARGE_BYTES_MIN, Lane
from router.core.membership import Membership
from router.core.quota import Quota
from router.core.request import Answer, Kind, Outcome, Refusal, Request
from router.core.routing import Routing
from router.core.snapshot import MakeQuota, Snapshot, compile_snapshot
from router.core.statistics import InstanceStatistics, WorkerStatistics

STATUS_OK = 200
# Looked up once: a member of an enumeration costs as much as a field of the answer.
_EXPIRED = int(Outcome.EXPIRED)


class Port(AdmissionPort, Protocol):
    """What a shell does for the dispatcher."""

    def send(self, instance_id: str, batch: Sequence[Request], now_ns: int) -> None:
        """Give the batch to the instance as one message."""

    def tell(self, answered: Sequence[tuple[Request, Answer]]) -> None:
        """Pass each answer to the request's client, after what was sent just before."""

    def grant(self, instance_id: str, request_id: int, count_bytes: int) -> None:
        """Let the instance send so much more of a streamed answer."""

    def cancel(self, instance_id: str, request_id: int) -> None:
        """Tell the instance that nobody wants the rest of a streamed answer."""

    def wake_at(self, lane: Lane, due_ns: int) -> None:
        """Call ``pump(lane)`` at this time, or up to a millisecond from it."""

    def on_drained(self, instance_id: str) -> None:
        """The instance left the routing and holds no request: its stream may be closed."""


class Dispatcher(Admission):
    """Routes requests by one snapshot and sees to it that each is answered exactly once.

    Attributes:
        unexpected: answers that matched nothing outstanding, and were dropped.
    """

    def __init__(
        self,
        port: Port,
        rng: random.Random,
        now_ns: int,
        budgets: Budgets | None = None,
        make_quota: MakeQuota = Quota,
    ) -> None:
        super().__init__(port, rng, now_ns, budgets or LocalBudgets())
        self._make_quota = make_quota
        self.unexpected = 0
        self._port = port
        self._membership = Membership(port.on_drained)

    def swap(self, routing: Routing, unreachable: Collection[str] = ()) -> None:
        """Puts ``routing`` in force, whole: each later arrival sees it, none an older one.

        Args:
            unreachable: ids of new instances that get nothing before they are found.
        """
        before = self.snapshot
        assert routing.generation >= before.generation, (routing.generation, before.generation)
        after = compile_snapshot(routing, before, self._rng, self._budgets, self._make_quota)
        self.snapshot = after
        for endpoint in after.endpoints.values():
            if endpoint.quota.limits is not endpoint.route.quota:
                endpoint.quota.follow(endpoint.route.quota, self._budgets)
        self.refused = {name: self.refused.get(name, 0) for name in after.endpoints}
        for lane in self._membership.update(before, after, unreachable):
            self._wake(lane)
        self._drop_copies(before, after)

    def pump(self, lane: Lane, now_ns: int) -> None:
        """Hands queued requests to instances that have room."""
        lane.woken = False
        while lane.queue:
            if lane.queue[0].deadline_ns <= now_ns:
                # Nobody waits for it any more.
                self._expire(lane.queue[0])
                continue
            instance = lane.least_loaded(now_ns)
            if instance is None:
                break
            batch = lane.take_batch(instance.room(now_ns))
            if not batch:
                break
            for request in batch:
                request.instance = instance
            if len(batch[0].payload) >= LARGE_BYTES_MIN:
                instance.large.add(batch[0].id)
            instance.outstanding += len(batch)
            lane.outstanding += len(batch)
            instance.follow_runs(0, now_ns)
            # Equally loaded instances take turns.
            lane.instances[instance.id] = lane.instances.pop(instance.id)
            self._port.send(instance.id, batch, now_ns)
        if lane.queue:
            self._wake_ahead(lane, now_ns)
        self._membership.settle(lane)

    def on_answers(self, instance_id: str, answers: Iterable[Answer], now_ns: int) -> None:
        """Takes a batch of answers from an instance.

        The instance gets what has gathered before anybody is told: it runs that while the
        shell passes on the answers.
        """
        instance = self._membership.instances.get(instance_id)
        if instance is None:
            return
        lane = instance.lane
        answered: list[tuple[Request, Answer]] = []
        ended: list[int] = []
        run_ns = measured = 0
        find = self.ledger.find
        for answer in answers:
            request = find(answer.id)
            if request is None or request.instance is not instance:
                if self._on_unexpected(instance, answer):
                    ended.append(answer.id)
                continue
            if answer.more:
                self._on_part(request, answer, now_ns)
                continue
            ended.append(answer.id)
            if answer.run_ns:
                run_ns += answer.run_ns
                measured += 1
            if self._finish_answered(request, answer, now_ns):
                answered.append((request, answer))
        if measured:
            instance.window.observe(run_ns // measured)
        instance.on_ended(ended, now_ns)
        self._send_queued(lane, now_ns)
        if answered:
            self._port.tell(answered)

    def grant(self, request: Request, count_bytes: int) -> None:
        """The client has taken so much of a streamed answer: as much more may come."""
        if request.instance is not None and self.ledger.find(request.id):
            self._port.grant(request.instance.id, request.id, count_bytes)

    def abandon(self, request: Request) -> None:
        """The request's client is gone.

        In the queue it is dropped and frees its place; at an instance it is answered to
        nobody, and no more parts of the answer are asked for.
        """
        if not self.ledger.find(request.id):
            return
        if request.instance is None:
            lane = request.deployment.lane
            lane.queue.remove(request)
            self.ledger.finish(request)
            lane.answered += 1
            lane.failed += 1
            self._membership.settle(lane)
        elif request.begun:
            self._port.cancel(request.instance.id, request.id)

    def on_time(self, now_ns: int) -> None:
        """Answers requests whose deadline has passed, and sends copies that have gathered.

        To be called every few milliseconds.
        """
        if self._budgets.workers > 1:
            for endpoint in self.snapshot.endpoints.values():
                if endpoint.quota.throttle is not None:
                    endpoint.quota.throttle.settle(now_ns)
        for lane in self._gathering:
            self._wake(lane)
        self._gathering.clear()
        for request in self.ledger.overdue(now_ns):
            self._expire(request)
            self._membership.settle(request.deployment.lane)

    def on_instance_lost(self, instance_id: str, now_ns: int) -> None:
        """The instance's stream broke: what it had goes, once more, to another (or back to it).

        Not what its deployment forbids to send again, nor what has begun to be answered, nor
        copies.
        """
        instance = self._membership.remove(instance_id)
        if instance is None:
            return
        if instance.removed:
            self._port.on_drained(instance_id)
        lane = instance.lane
        lane.outstanding -= instance.outstanding
        for request in reversed(self.ledger.at(instance)):
            request.instance = None
            if request.kind is Kind.COPY:
                self.ledger.finish(request)
                lane.copies_lost += 1
            elif not _may_be_resent(request, now_ns):
                self._finish_refused(request, refusals.instance_lost(request.deployment))
            else:
                request.resent = True
                lane.resent += 1
                lane.queue.appendleft(request)
        if lane.queue:
            self._wake(lane)
        self._membership.settle(lane)

    def on_instance_found(self, instance_id: str) -> None:
        """A lost instance answers again; it gets requests if the routing still names it."""
        lane = self._membership.restore(instance_id, self.snapshot)
        if lane is not None:
            self._wake(lane)

    def close(self) -> None:
        """Answers whatever is still unanswered: nobody else will any more."""
        for request in self.ledger.everything():
            self._finish_refused(request, refusals.stopping(request.deployment))

    def holds(self, instance_id: str) -> bool:
        """Whether requests of this worker may still be with the instance."""
        return instance_id in self._membership.instances

    def statistics(self) -> WorkerStatistics:
        """Counters and gauges as of now, for the endpoints in force."""
        return WorkerStatistics(
            generation=self.snapshot.generation,
            accepted=self.ledger.accepted,
            answered=self.ledger.answered,
            in_flight=self.ledger.in_flight,
            unexpected_answers=self.unexpected,
            endpoints=tuple(
                endpoint.statistics(self.refused[endpoint.name])
                for endpoint in self.snapshot.endpoints.values()
            ),
        )

    def instances(self, now_ns: int) -> tuple[InstanceStatistics, ...]:
        """What each instance that this worker knows owes it."""
        return tuple(
            InstanceStatistics(
                id=one.id, outstanding=one.outstanding, overdue_ns=one.overdue_ns(now_ns)
            )
            for one in self._membership.instances.values()
        )

    def _send_queued(self, lane: Lane, now_ns: int) -> None:
        """Sends what is queued to an instance that has just answered; copies may gather on."""
        if lane.can_wait:
            self._gather(lane)
            self._membership.settle(lane)
        else:
            self.pump(lane, now_ns)

    def _expire(self, request: Request) -> None:
        """Answers a request whose deadline has passed."""
        lane = request.deployment.lane
        why = refusals.timed_out
        if request.instance is not None:
            # It still occupies the instance, until its late answer comes.
            request.instance.expired[request.id] = request.deadline_ns
            if request.begun:
                self._port.cancel(request.instance.id, request.id)
        else:
            lane.queue.remove(request)
            if not lane.instances:
                why = refusals.model_not_ready
        self._finish_refused(request, why(request.deployment))

    def _wake_ahead(self, lane: Lane, now_ns: int) -> None:
        """Sees to it that the lane is pumped when an instance's run is about to end."""
        due_ns = lane.ahead_due_ns
        if due_ns is not None and not now_ns < lane.wakes_at_ns <= due_ns:
            lane.wakes_at_ns = due_ns
            self._port.wake_at(lane, due_ns)

    def _drop_copies(self, before: Snapshot, after: Snapshot) -> None:
        """Where mirroring has ended, no live request must wait behind copies (invariant 5)."""
        for name, endpoint in before.endpoints.items():
            shadow, then = endpoint.mirror_deployment, after.endpoints.get(name)
            if shadow is None or (then is not None and then.mirror_deployment is not None):
                continue
            for request in [r for r in shadow.lane.queue if r.client is None]:
                shadow.lane.queue.remove(request)
                self.ledger.finish(request)
                shadow.lane.copies_lost += 1

    def _finish_answered(self, request: Request, answer: Answer, now_ns: int) -> bool:
        """Counts an answer; tells whether it is one for the request's client."""
        if answer.outcome == _EXPIRED:
            self._finish_refused(request, refusals.timed_out(request.deployment))
            return False
        self.ledger.finish(request)
        if request.client is None:
            request.deployment.quota.charge_copy(len(answer.payload), now_ns)
            return False
        lane = request.deployment.lane
        lane.answered += 1
        if answer.status != STATUS_OK:
            lane.failed += 1
        return True

    def _on_part(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Passes on a part that others follow; a copy's is dropped, and has no slow reader."""
        request.begun = True
        request.payload = b""
        if request.client is not None:
            request.client.on_answer(request, answer)
        else:
            request.deployment.quota.charge_copy(len(answer.payload), now_ns)
            self.grant(request, len(answer.payload))

    def _on_unexpected(self, instance: Instance, answer: Answer) -> bool:
        """Tells whether it is a late one, and whole; any other answers nothing that was asked."""
        if answer.id not in instance.expired:
            self.unexpected += 1
            return False
        if answer.more:
            self._port.cancel(instance.id, answer.id)
            return False
        del instance.expired[answer.id]
        return True

    def _finish_refused(self, request: Request, refusal: Refusal) -> None:
        self.ledger.finish(request)
        lane = request.deployment.lane
        if request.client is None:
            lane.copies_lost += 1
            return
        lane.answered += 1
        lane.failed += 1
        request.client.on_refusal(request, refusal)


def _may_be_resent(request: Request, now_ns: int) -> bool:
    """Whether a request whose instance was lost may go to another."""
    may = request.deployment.route.retries > request.resent
    return may and not request.begun and request.deadline_ns > now_ns
