"""What stands between a dispatcher and its shell, and writes down what passes.

Around the shell: its port, the clients of requests, and the budgets of several workers.
"""

from collections.abc import Sequence

from router.core.budgets import Budgets, Count
from router.core.dispatcher import Port
from router.core.journal.events import (
    AskedToWait,
    Cancelled,
    Charged,
    Disconnected,
    Drained,
    Drew,
    Granted,
    PassedOn,
    Refused,
    Sent,
    Told,
    Verified,
    Woke,
    WokeAt,
)
from router.core.journal.tape import Tape
from router.core.lane import Lane
from router.core.quota import Quota
from router.core.request import Answer, Client, Refusal, Request
from router.core.routing import EndpointQuota
from router.core.throttle import Throttle
from router.core.token_bucket import Budget


class RecordedPort:
    """A shell's port, whose every call is written down. See dispatcher.py for the calls."""

    def __init__(self, port: Port, tape: Tape) -> None:
        self._port = port
        self._tape = tape

    def wake(self, lane: Lane) -> None:
        """See Port."""
        event = Woke(self._tape.number(lane), lane.endpoint, lane.deployment)
        with self._tape.leave(event):
            self._port.wake(lane)

    def wake_at(self, lane: Lane, due_ns: int) -> None:
        """See Port."""
        with self._tape.leave(WokeAt(self._tape.number(lane), due_ns)):
            self._port.wake_at(lane, due_ns)

    def send(self, instance_id: str, batch: Sequence[Request], now_ns: int) -> None:
        """See Port."""
        with self._tape.leave(Sent(instance_id, tuple(request.id for request in batch))):
            self._port.send(instance_id, batch, now_ns)

    def tell(self, answered: Sequence[tuple[Request, Answer]]) -> None:
        """See Port."""
        with self._tape.leave(Told(tuple(request.id for request, _ in answered))):
            self._port.tell(answered)

    def grant(self, instance_id: str, request_id: int, count_bytes: int) -> None:
        """See Port."""
        with self._tape.leave(Granted(instance_id, request_id, count_bytes)):
            self._port.grant(instance_id, request_id, count_bytes)

    def cancel(self, instance_id: str, request_id: int) -> None:
        """See Port."""
        with self._tape.leave(Cancelled(instance_id, request_id)):
            self._port.cancel(instance_id, request_id)

    def on_drained(self, instance_id: str) -> None:
        """See Port."""
        with self._tape.leave(Drained(instance_id)):
            self._port.on_drained(instance_id)

    def verify_token(self, token: bytes, secret: str) -> int:
        """See AdmissionPort."""
        left_ns = self._port.verify_token(token, secret)
        self._tape.learn(Verified(left_ns))
        return left_ns


class RecordedClient:
    """A request's client. The shell's own calls pass unrecorded: the core asked it to tell."""

    __slots__ = ("_client", "_tape")

    def __init__(self, client: Client, tape: Tape) -> None:
        self._client = client
        self._tape = tape

    def on_answer(self, request: Request, answer: Answer) -> None:
        """See Client."""
        if not self._tape.in_core:
            self._client.on_answer(request, answer)
            return
        with self._tape.leave(PassedOn(request.id)):
            self._client.on_answer(request, answer)

    def on_refusal(self, request: Request, refusal: Refusal) -> None:
        """See Client."""
        event = Refused(request.id, refusal.reason.value, refusal.retry_after_s)
        with self._tape.leave(event):
            self._client.on_refusal(request, refusal)


class RecordedBudgets:
    """The budgets that several workers keep: what others took is seen in what they say."""

    def __init__(self, budgets: Budgets, tape: Tape) -> None:
        self.workers = budgets.workers
        self._budgets = budgets
        self._tape = tape

    def bucket(self, endpoint: str, kind: int, per_s: int, burst: int) -> Budget:
        """See Budgets."""
        return _RecordedBucket(self._budgets.bucket(endpoint, kind, per_s, burst), self._tape)

    def count(self, endpoint: str, deployment: str = "") -> Count:
        """See Budgets."""
        return _RecordedCount(self._budgets.count(endpoint, deployment), self._tape)


class _RecordedBucket:
    def __init__(self, bucket: Budget, tape: Tape) -> None:
        self._bucket = bucket
        self._tape = tape
        self.give_back = bucket.give_back

    def draw(self, need: int, now_ns: int) -> int:
        wait_ns = self._bucket.draw(need, now_ns)
        self._tape.learn(Drew(wait_ns))
        return wait_ns

    def take(self, count: int, now_ns: int) -> int:
        wait_ns = self._bucket.take(count, now_ns)
        self._tape.learn(Drew(wait_ns))
        return wait_ns


class _RecordedCount:
    def __init__(self, count: Count, tape: Tape) -> None:
        self._count = count
        self._tape = tape
        self.remove = count.remove

    @property
    def now(self) -> int:
        return self._count.now

    def add(self, most: int) -> bool:
        added = self._count.add(most)
        self._tape.learn(Drew(int(added)))
        return added


class RecordedQuota(Quota):
    """A quota; what shells call of it by themselves is written down.

    Args:
        number: from 0 in the order in which quotas are made.
    """

    __slots__ = ("_number", "_tape")

    def __init__(
        self, name: str, limits: EndpointQuota, budgets: Budgets, number: int, tape: Tape
    ) -> None:
        self._number = number
        self._tape = tape
        super().__init__(name, limits, budgets)

    def make_throttle(self, budget: Budget, burst: int, lease: int) -> Throttle:
        """See Quota."""
        return _RecordedThrottle(budget, burst, lease, self._number, self._tape)

    def close_connection(self) -> None:
        """See Quota."""
        if self._tape.in_core:
            super().close_connection()
            return
        with self._tape.enter(Disconnected(self._number)):
            super().close_connection()


class _RecordedThrottle(Throttle):
    __slots__ = ("_charge", "_number", "_tape")

    def __init__(self, budget: Budget, burst: int, lease: int, number: int, tape: Tape) -> None:
        super().__init__(budget, burst, lease)
        self._number = number
        self._tape = tape
        self._charge = self.charge
        self.charge = self._recorded_charge

    def would_wait(self, count_bytes: int, now_ns: int) -> bool:
        if self._tape.in_core:
            return super().would_wait(count_bytes, now_ns)
        with self._tape.enter(AskedToWait(self._number, count_bytes, now_ns)) as entering:
            waits = super().would_wait(count_bytes, now_ns)
            entering.result = (int(waits),)
        return waits

    def _recorded_charge(self, count_bytes: int, now_ns: int) -> int:
        if self._tape.in_core:
            return self._charge(count_bytes, now_ns)
        with self._tape.enter(Charged(self._number, count_bytes, now_ns)) as entering:
            wait_ns = self._charge(count_bytes, now_ns)
            entering.result = (wait_ns,)
        return wait_ns
