"""A shell for the core that acts by hand: tests decide what is answered, lost or late.

It is the third performer of the same dispatcher, beside the worker and the simulator, and
checks invariant 9 (conservation) after every step that a test makes through it.
"""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from router.core.dispatcher import Dispatcher
from router.core.lane import Lane
from router.core.request import NO_HEAD, Answer, Outcome, Refusal, Request
from router.core.routing import DeploymentRoute, EndpointRoute, InstanceRoute, Routing

ENDPOINT = "my-endpoint"
KEY = "secret"
# How often a worker calls on_time.
TICK_NS = 20_000_000


@dataclass
class ScriptedAnswer:
    """An instance's answer, with a payload that says whose it is."""

    id: int
    payload: bytes
    outcome: int = Outcome.RETURNED
    status: int = 200
    content_type: str = "application/json"
    run_ns: int = 20_000
    more: bool = False


@dataclass
class Asked:
    """One client's request and everything it was told."""

    payload: bytes
    parts: list[Answer] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    request: Request | None = None
    # The client left while it was queued: it is dropped, and counts as answered.
    dropped: bool = False

    @property
    def told(self) -> int:
        return len(self.answers) + len(self.refusals) + self.dropped

    def on_answer(self, request: Request, answer: Answer) -> None:
        assert request is self.request
        assert not self.told, "an answer after the last"
        assert answer.payload == b"answer to " + self.payload, "another's answer"
        (self.parts if answer.more else self.answers).append(answer)

    def on_refusal(self, request: Request, refusal: Refusal) -> None:
        assert request is self.request
        assert not self.told, "answered twice"
        self.refusals.append(refusal)


@dataclass
class Sent:
    """A request at an instance, as it was when it was sent."""

    id: int
    payload: bytes
    request: Request


class Shell:
    """Drives one dispatcher by hand."""

    def __init__(self, seed: int = 0) -> None:
        self.now_ns = 10**18
        self.dispatcher = self.make_dispatcher(seed)
        self.asked: list[Asked] = []
        # Those that have no answer yet.
        self._open: list[Asked] = []
        self.at: dict[str, list[Sent]] = {}
        self.drained: list[str] = []
        self.granted_bytes: dict[int, int] = {}
        self.cancelled: list[tuple[str, int]] = []
        self.generation = 0
        # What its instances say of each run.
        self.run_ns = 20_000
        self._woken: list[Lane] = []
        self._wakes: list[tuple[int, Lane]] = []

    def make_dispatcher(self, seed: int) -> Dispatcher:
        return Dispatcher(self, random.Random(seed), self.now_ns)

    # Port

    def verify_token(self, token: bytes, secret: str) -> int:
        raise AssertionError("endpoints here have keys")

    def wake(self, lane: Lane) -> None:
        self._woken.append(lane)

    def wake_at(self, lane: Lane, due_ns: int) -> None:
        assert due_ns > self.now_ns, "asked to be woken in the past"
        self._wakes.append((due_ns, lane))

    def send(self, instance_id: str, batch: Sequence[Request], now_ns: int) -> None:
        assert now_ns == self.now_ns
        assert instance_id not in self.drained, "sent to an instance that was let go"
        pending = (self.dispatcher.ledger.find(request.id) for request in batch)
        assert all(pending), "sent a request that was answered"
        self.at.setdefault(instance_id, []).extend(Sent(r.id, bytes(r.payload), r) for r in batch)

    def tell(self, answered: Sequence[tuple[Request, Answer]]) -> None:
        for request, answer in answered:
            assert request.client is not None
            request.client.on_answer(request, answer)

    def grant(self, instance_id: str, request_id: int, count_bytes: int) -> None:
        assert instance_id not in self.drained
        self.granted_bytes[request_id] = self.granted_bytes.get(request_id, 0) + count_bytes

    def cancel(self, instance_id: str, request_id: int) -> None:
        assert instance_id not in self.drained
        self.cancelled.append((instance_id, request_id))

    def on_drained(self, instance_id: str) -> None:
        assert not self.at.get(instance_id), "an instance that holds requests was let go"
        self.drained.append(instance_id)

    # What tests do

    def swap(self, *endpoints: EndpointRoute, unreachable: Collection[str] = ()) -> None:
        self.generation += 1
        routing = Routing(generation=self.generation, endpoints=endpoints)
        self.dispatcher.swap(routing, unreachable)
        self.pump()

    def ask(
        self,
        pinned: str | None = None,
        endpoint: str = ENDPOINT,
        payload: bytes = b"",
        key: str = KEY,
    ) -> Asked:
        asked = Asked(payload or f"request {len(self.asked)}".encode())
        self.asked.append(asked)
        self._open.append(asked)
        found = self.dispatcher.authorize(endpoint, f"Bearer {key}".encode(), self.now_ns)
        if isinstance(found, Refusal):
            asked.refusals.append(found)
            return asked
        result = self.dispatcher.arrive(found, pinned, asked.payload, NO_HEAD, asked, self.now_ns)
        if isinstance(result, Refusal):
            asked.refusals.append(result)
        else:
            asked.request = result
        self.check_conservation()
        return asked

    def pump(self) -> None:
        while self._woken:
            self.dispatcher.pump(self._woken.pop(), self.now_ns)
        self.check_conservation()

    def answer(
        self,
        instance_id: str,
        count: int | None = None,
        status: int = 200,
        outcome: int = Outcome.RETURNED,
    ) -> None:
        """The instance answers its oldest ``count`` requests, or all."""
        held = self.at.get(instance_id, [])
        count = len(held) if count is None else count
        answered, self.at[instance_id] = held[:count], held[count:]
        # What has expired is not run.
        run_ns = 0 if outcome == Outcome.EXPIRED else self.run_ns
        self.dispatcher.on_answers(
            instance_id,
            [ScriptedAnswer(sent.id, b"answer to " + sent.payload, status=status,
                            outcome=outcome, run_ns=run_ns) for sent in answered],
            self.now_ns,
        )  # fmt: skip
        self.check_conservation()

    def answer_part(self, instance_id: str, count: int | None = None) -> None:
        """The instance sends one part of each of its oldest ``count`` answers, or of all."""
        self.dispatcher.on_answers(
            instance_id,
            [ScriptedAnswer(sent.id, b"answer to " + sent.payload, more=True)
             for sent in self.at.get(instance_id, [])[:count]],
            self.now_ns,
        )  # fmt: skip
        self.check_conservation()

    def abandon(self, asked: Asked) -> None:
        """The client has gone."""
        assert asked.request is not None
        asked.dropped = asked.request.instance is None
        self.dispatcher.abandon(asked.request)
        self.check_conservation()

    def read(self, asked: Asked, count_bytes: int) -> None:
        """The client has taken so much of a streamed answer."""
        assert asked.request is not None
        self.dispatcher.grant(asked.request, count_bytes)

    def lose(self, instance_id: str) -> None:
        self.at.pop(instance_id, None)
        self.dispatcher.on_instance_lost(instance_id, self.now_ns)
        self.check_conservation()

    def pass_time(self, ns: int) -> None:
        self.now_ns += ns
        self._woken += [lane for due_ns, lane in self._wakes if due_ns <= self.now_ns]
        self._wakes = [wake for wake in self._wakes if wake[0] > self.now_ns]
        self.pump()
        self.dispatcher.on_time(self.now_ns)
        self.check_conservation()

    def serve_all(self) -> None:
        """Every instance answers everything, until nothing moves any more."""
        self.pump()
        while any(self.at.values()):
            for instance_id in list(self.at):
                self.answer(instance_id)
            self.pump()

    def served_by(self, asked: Asked) -> str | None:
        return asked.request.deployment.name if asked.request is not None else None

    def check_conservation(self) -> None:
        """Invariant 9, at this instant; Asked checks what it is told."""
        self._open = [asked for asked in self._open if not asked.told]
        assert self.dispatcher.ledger.answered == len(self.asked) - len(self._open)
        assert self.dispatcher.ledger.accepted == len(self.asked)


def deployment(
    name: str,
    *,
    instances: int = 1,
    concurrency: int = 1000,
    timeout_ms: int = 5000,
    first: int = 0,
) -> DeploymentRoute:
    """A deployment with instances ``{name}-{first}``, ``{name}-{first + 1}`` ... ."""
    return DeploymentRoute(
        name=name,
        request_timeout_ms=timeout_ms,
        max_concurrent_requests_per_instance=concurrency,
        instance_count=max(instances, 1),
        instances=tuple(
            InstanceRoute(id=f"{name}-{n}", target="") for n in range(first, first + instances)
        ),
    )


def endpoint(
    *deployments: DeploymentRoute,
    traffic: dict[str, int] | None = None,
    mirror_traffic: dict[str, int] | None = None,
    name: str = ENDPOINT,
) -> EndpointRoute:
    """An endpoint with the key KEY."""
    return EndpointRoute(
        name=name,
        keys=(KEY, "other"),
        deployments=deployments,
        traffic=traffic or {},
        mirror_traffic=mirror_traffic or {},
    )


def blocks(names: list[str]) -> Iterator[list[str]]:
    """Aligned blocks of 100."""
    for start in range(0, len(names) - 99, 100):
        yield names[start : start + 100]
