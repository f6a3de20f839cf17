"""A simulated worker: the core's dispatcher with virtual time and simulated instances around it.

It performs what the dispatcher asks for and tells it what happened, as data_plane/engine.py
does with sockets, and shows both to the auditor. It decides nothing.
"""

import random
from collections.abc import Sequence
from typing import Protocol

from router.core.budgets import Budgets
from router.core.dispatcher import Dispatcher
from router.core.lane import Lane
from router.core.request import Answer, Head, Kind, Reason, Refusal, Request
from router.core.routing import Routing
from router.core.snapshot import SnapshotEndpoint
from sim.asked import HEAD_BYTES, Asked
from sim.clock import Clock
from sim.instance import SimAnswer, SimInstance, Work
from sim.record import Record

KEY = "the-simulated-clients'-key"
AUTHORIZATION = f"Bearer {KEY}".encode()
# How often a worker calls on_time (data_plane/engine.py).
TICK_NS = 20_000_000
_HEAD = Head(size_bytes=HEAD_BYTES)
_BODIES: dict[int, bytes] = {}
_BODIES_MAX = 1000


class Fleet(Protocol):
    """Where instances are found."""

    def instance(self, instance_id: str) -> SimInstance | None:
        """The running instance of this id."""


class SimWorker:
    """One worker.

    Args:
        message_ns: what a message to or from an instance takes.
    """

    def __init__(
        self,
        number: int,
        clock: Clock,
        rng: random.Random,
        budgets: Budgets,
        fleet: Fleet,
        record: Record,
        message_ns: int,
    ) -> None:
        self.number = number
        self.dispatcher = Dispatcher(self, rng, clock.now_ns, budgets)
        self._clock = clock
        self._fleet = fleet
        self._record = record
        self._auditor = record.auditor
        self._message_ns = message_ns
        # Whose request a copy is of, by the number of that one here; until the copy is sent.
        self._copied: dict[int, int] = {}
        # The part of the timeline that began with what is in force here.
        self._step = 0
        clock.after(TICK_NS, self._tick)

    def ask(self, asked: Asked) -> None:
        """A client's request has come; over the quota it is read later, piece by piece."""
        asked.worker = self
        asked.step = max(self._step, self._record.step)
        self._read((asked, asked.body_bytes + HEAD_BYTES))

    def swap(self, routing: Routing) -> None:
        """A new routing has come from the control plane."""
        self._auditor.swapping(self.number, routing.generation)
        routed = {i.id for e in routing.endpoints for d in e.deployments for i in d.instances}
        reachable = {i for i in routed if self._fleet.instance(i) is not None}
        self.dispatcher.swap(routing, routed - reachable)
        self._step = self._record.step_of(routing.generation)
        self._auditor.swapped(self.number, routing.generation, reachable)

    def lose(self, instance_id: str) -> None:
        """The stream to the instance broke."""
        self._auditor.lost(self.number, instance_id)
        self.dispatcher.on_instance_lost(instance_id, self._clock.now_ns)

    def take_answers(self, message: tuple[str, list[SimAnswer]]) -> None:
        """A message of an instance has come."""
        instance_id, answers = message
        self._auditor.came(self.number, instance_id, answers)
        self.dispatcher.on_answers(instance_id, answers, self._clock.now_ns)

    def write(self, asked: Asked, outcome: str, count_bytes: int) -> None:
        """Writes an answer as the quota lets; the client has it when its last piece has passed."""
        endpoint = self.dispatcher.snapshot.endpoints.get(asked.endpoint)
        throttle = endpoint.quota.throttle if endpoint is not None else None
        while endpoint is not None and throttle is not None and count_bytes > 0:
            piece = min(throttle.piece, count_bytes)
            count_bytes -= piece
            wait_ns = endpoint.quota.charge_response(piece, self._clock.now_ns)
            self._passes(endpoint, asked, piece, wait_ns)
            if wait_ns:
                endpoint.quota.note_response_delay(wait_ns)
                self._clock.after(wait_ns, self._write_rest, (asked, outcome, count_bytes))
                return
        asked.end(outcome)

    # What the dispatcher asks for.

    def wake(self, lane: Lane) -> None:
        """At the end of this turn."""
        self._clock.soon(self._pump, lane)

    def wake_at(self, lane: Lane, due_ns: int) -> None:
        """By a timer."""
        self._clock.at(due_ns, self._pump, lane)

    def send(self, instance_id: str, batch: Sequence[Request], now_ns: int) -> None:
        """One message."""
        del now_ns
        works, numbers = [], []
        for request in batch:
            asked = request.client
            number = self._copy_number(request) if asked is None else asked.number  # type: ignore[attr-defined] # nobody else asks here
            works.append(Work(request.id, number, request.deadline_ns, self))
            numbers.append(number)
        self._auditor.sent(self.number, instance_id, numbers)
        instance = self._fleet.instance(instance_id)
        if instance is not None:
            self._clock.after(self._message_ns, instance.receive, works)

    def tell(self, answered: Sequence[tuple[Request, Answer]]) -> None:
        """Each client hears at once."""
        for request, answer in answered:
            assert request.client is not None
            request.client.on_answer(request, answer)

    def grant(self, instance_id: str, request_id: int, count_bytes: int) -> None:
        """Simulated models don't stream."""

    def cancel(self, instance_id: str, request_id: int) -> None:
        """Simulated models don't stream."""

    def on_drained(self, instance_id: str) -> None:
        """The stream may be closed."""
        self._auditor.drained(self.number, instance_id)

    def verify_token(self, token: bytes, secret: str) -> int:
        """Simulated endpoints have keys."""
        del token, secret
        return 0

    def _read(self, rest: tuple[Asked, int]) -> None:
        """So many bytes of it have not been read."""
        asked, count_bytes = rest
        now_ns = self._clock.now_ns
        endpoint = self.dispatcher.authorize(asked.endpoint, AUTHORIZATION, now_ns)
        if isinstance(endpoint, Refusal):
            self._refused(asked, endpoint)
            return
        throttle = endpoint.quota.throttle
        while throttle is not None and count_bytes > 0:
            piece = min(throttle.piece, count_bytes)
            count_bytes -= piece
            wait_ns = endpoint.quota.charge_request(piece, now_ns)
            self._passes(endpoint, asked, piece, wait_ns)
            if wait_ns:
                endpoint.quota.note_request_delay(wait_ns)
                self._clock.after(wait_ns, self._read, (asked, count_bytes))
                return
        self._arrive(asked, endpoint)

    def _arrive(self, asked: Asked, endpoint: SnapshotEndpoint) -> None:
        shadow = endpoint.mirror_deployment
        copies, lost = (0, 0) if shadow is None else (shadow.lane.copies, shadow.lane.copies_lost)
        payload = _BODIES.get(asked.body_bytes) or _body(asked.body_bytes)
        result = self.dispatcher.arrive(
            endpoint, asked.pinned, payload, _HEAD, asked, self._clock.now_ns
        )
        if isinstance(result, Refusal):
            self._refused(asked, result)
            return
        asked.deployment = result.deployment.name
        asked.is_live = result.kind is Kind.LIVE
        self._auditor.taken(self.number, asked)
        if shadow is not None:
            copied = shadow.lane.copies - copies
            picked = copied + shadow.lane.copies_lost - lost
            self._auditor.mirrored(self.number, asked, picked, copied)
            if picked:
                self._record.copied(asked)
            if copied:
                self._copied[result.id] = asked.number

    def _refused(self, asked: Asked, refusal: Refusal) -> None:
        """Refused as it came."""
        asked.deployment = refusal.deployment
        asked.is_live = asked.pinned is None and refusal.reason is Reason.TOO_MANY_PENDING
        self._auditor.refused(self.number, asked, refusal.reason.value)
        asked.end(refusal.reason.value)

    def _passes(
        self, endpoint: SnapshotEndpoint, asked: Asked, count_bytes: int, wait_ns: int
    ) -> None:  # fmt: skip
        copied = endpoint.quota.copy_bytes
        self._auditor.charged(self.number, asked, count_bytes, copied, wait_ns)
        if wait_ns:
            self._record.throttled(count_bytes)

    def _write_rest(self, rest: tuple[Asked, str, int]) -> None:
        self.write(*rest)

    def _copy_number(self, copy: Request) -> int:
        """The number of the request that it is a copy of, below 0; 0 if it is one of none."""
        return -self._copied.pop(copy.copy_of, 0)

    def _pump(self, lane: Lane) -> None:
        self.dispatcher.pump(lane, self._clock.now_ns)

    def _tick(self, _: object) -> None:
        self.dispatcher.on_time(self._clock.now_ns)
        self._gauge()
        ledger = self.dispatcher.ledger
        self._auditor.counted(self.number, ledger.accepted, ledger.answered)
        self._clock.after(TICK_NS, self._tick)

    def _gauge(self) -> None:
        for endpoint in self.dispatcher.snapshot.endpoints.values():
            for deployment in endpoint.deployments.values():
                lane = deployment.lane
                place = endpoint.name, deployment.name
                lost = lane.copies_lost
                self._auditor.gauged(self.number, place, lane.copies_pending, lost)
                self._record.pending(self.number, place, len(lane.queue) + lane.outstanding)


def _body(count_bytes: int) -> bytes:
    """A body of this size, the same one each time: nobody reads it."""
    if len(_BODIES) >= _BODIES_MAX:
        _BODIES.clear()
    return _BODIES.setdefault(count_bytes, bytes(count_bytes))
