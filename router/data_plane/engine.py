"""The engine: the core's dispatcher, wired to real time and real streams.

It performs what the dispatcher asks for and tells it what happened; it decides nothing.
The worker puts an HTTP listener and a control socket around it, the embedded router a
plain coroutine.
"""

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from importlib.metadata import version

from msgspec.structs import replace

from router.core.budgets import Budgets
from router.core.dispatcher import Dispatcher
from router.core.journal.recording import RecordingDispatcher
from router.core.lane import Lane
from router.core.request import Answer, Request
from router.core.routing import Routing
from router.core.statistics import WorkerStatistics
from router.data_plane.request_ids import RequestIds
from router.data_plane.tokens import verify_token
from router.data_plane.upstream import Upstream
from turnout.scoring.v1.scoring_pb2 import Flow

# So long a routing waits for its new instances. One that is late, as it stands still, is taken in
# when it comes: its requests wait in their queue, and nobody else for it.
CONNECT_TIMEOUT_S = 0.5
TICK_S = 0.02
SEED_BITS = 64

now_ns = time.monotonic_ns


class Engine:
    """Routes requests to instances over gRPC. To be made and used on one event loop.

    Args:
        budgets: where endpoints' quotas are kept; None for this process alone.
        journal: takes what is written down of the dispatcher; None for nothing.
        worker: this one's number.

    Attributes:
        given_generation: of the newest routing that was to be applied; it may not be yet.
    """

    def __init__(
        self,
        budgets: Budgets | None = None,
        journal: Callable[[bytes], None] | None = None,
        worker: int = 0,
    ) -> None:
        self.request_ids = RequestIds()
        self.given_generation = 0
        self.dispatcher = self._dispatcher(budgets, journal, worker)
        self._loop = asyncio.get_running_loop()
        self._upstreams: dict[str, Upstream] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._left = asyncio.Event()
        self._apply_turn = asyncio.Lock()
        self._tick: asyncio.TimerHandle | None = None
        self._drains = self._closed = False
        self._broken_streams = 0

    def start(self) -> None:
        """Begins to watch deadlines."""
        self._on_tick()

    async def apply(self, routing: Routing) -> None:
        """Connects what is new, then swaps; returns when no later request sees older rules.

        An instance that can't be reached does not hold up the others: it counts as lost
        until it answers. Once the engine drains, nothing changes any more.
        """
        self.given_generation = max(self.given_generation, routing.generation)
        async with self._apply_turn:
            if not self._drains:
                await self._apply(routing)

    def statistics(self) -> WorkerStatistics:
        """What the core has counted, and the streams that broke."""
        return replace(self.dispatcher.statistics(), broken_streams=self._broken_streams)

    async def await_drained(self, instance_ids: Collection[str], timeout_s: float) -> list[str]:
        """Waits until the instances hold nothing; returns those that still do."""
        try:
            async with asyncio.timeout(timeout_s):
                while any(self.dispatcher.holds(instance_id) for instance_id in instance_ids):
                    self._left.clear()
                    await self._left.wait()
        except TimeoutError:
            pass
        return [i for i in instance_ids if self.dispatcher.holds(i)]

    async def drain(self, timeout_s: float) -> None:
        """Takes no request any more; returns when all that were taken are answered."""
        async with self._apply_turn:
            self._drains = True
            await self._apply(Routing(generation=self.dispatcher.snapshot.generation))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                # Once in a router's life; an event would be set for each answer of it.
                while self.dispatcher.ledger.in_flight:  # noqa: ASYNC110
                    await asyncio.sleep(TICK_S)

    async def close(self) -> None:
        """Closes every stream. What was not drained before is refused."""
        self._closed = True
        if self._tick is not None:
            self._tick.cancel()
        self.dispatcher.close()
        for instance_id in list(self._upstreams):
            self._close_upstream(instance_id)
        if self._closing:
            await asyncio.wait(self._closing)

    # What the dispatcher asks for.

    def wake(self, lane: Lane) -> None:
        """At the end of this turn of the loop, when all that has arrived is gathered."""
        self._loop.call_soon(self._pump, lane)

    def wake_at(self, lane: Lane, due_ns: int) -> None:
        """By a timer of the loop; uvloop's count milliseconds."""
        self._loop.call_later((due_ns - now_ns()) / 1e9, self._pump_at, lane, due_ns)

    def send(self, instance_id: str, batch: Sequence[Request], sent_ns: int) -> None:
        """One message."""
        self._upstreams[instance_id].send(batch, sent_ns)

    def tell(self, answered: Sequence[tuple[Request, Answer]]) -> None:
        """In the next turn of the loop: the stream's writer was woken before, and goes first."""
        self._loop.call_soon(_tell, answered)

    def grant(self, instance_id: str, request_id: int, count_bytes: int) -> None:
        """One message; parts are granted by the dozen of kilobytes."""
        self._upstreams[instance_id].steer(Flow(id=request_id, granted_bytes=count_bytes))

    def cancel(self, instance_id: str, request_id: int) -> None:
        """One message."""
        self._upstreams[instance_id].steer(Flow(id=request_id, cancelled=True))

    def on_drained(self, instance_id: str) -> None:
        """Nobody needs the stream any more."""
        self._close_upstream(instance_id)
        self._left.set()

    def verify_token(self, token: bytes, secret: str) -> int:
        """Once for each token."""
        return verify_token(token, secret)

    # What the upstreams tell.

    def on_answers(self, instance_id: str, answers: Iterable[Answer]) -> None:
        """Answers have come."""
        self.dispatcher.on_answers(instance_id, answers, now_ns())

    def on_connected(self, instance_id: str) -> None:
        """An instance can be reached, for the first time or again."""
        self.dispatcher.on_instance_found(instance_id)

    def on_lost(self, instance_id: str) -> None:
        """An instance's stream broke."""
        self._broken_streams += 1
        self.dispatcher.on_instance_lost(instance_id, now_ns())
        self._left.set()

    def _dispatcher(
        self, budgets: Budgets | None, journal: Callable[[bytes], None] | None, worker: int
    ) -> Dispatcher:
        seed = secrets.randbits(SEED_BITS)
        if journal is None:
            rng = random.Random(seed)  # noqa: S311 - fairness, not secrecy
            return Dispatcher(self, rng, now_ns(), budgets)
        return RecordingDispatcher(
            self,
            journal,
            now_ns(),
            budgets,
            seed=seed,
            salt=secrets.token_bytes(),
            version=version("turnout"),
            worker=worker,
        )

    async def _apply(self, routing: Routing) -> None:
        added = self._start_upstreams(routing)
        waits = [asyncio.create_task(upstream.connected.wait()) for upstream in added]
        if waits:
            _, late = await asyncio.wait(waits, timeout=CONNECT_TIMEOUT_S)
            for wait in late:
                wait.cancel()
        # Again: one that was still draining may have been let go meanwhile.
        self._start_upstreams(routing)
        upstreams = self._upstreams.values()
        unreachable = {u.instance_id for u in upstreams if not u.connected.is_set()}
        self.dispatcher.swap(routing, unreachable)
        self._close_unrouted(routing)

    def _start_upstreams(self, routing: Routing) -> list[Upstream]:
        added = []
        for endpoint in routing.endpoints:
            for deployment in endpoint.deployments:
                for instance in deployment.instances:
                    if instance.id not in self._upstreams:
                        upstream = Upstream(instance.id, instance.target, self, self.request_ids)
                        self._upstreams[instance.id] = upstream
                        upstream.start()
                        added.append(upstream)
        return added

    def _close_unrouted(self, routing: Routing) -> None:
        """Closes streams to instances that left while they were lost."""
        routed = {
            instance.id
            for endpoint in routing.endpoints
            for deployment in endpoint.deployments
            for instance in deployment.instances
        }
        for instance_id in self._upstreams.keys() - routed:
            if not self.dispatcher.holds(instance_id):
                self._close_upstream(instance_id)

    def _close_upstream(self, instance_id: str) -> None:
        upstream = self._upstreams.pop(instance_id, None)
        if upstream is not None:
            task = asyncio.create_task(upstream.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _pump(self, lane: Lane) -> None:
        self.dispatcher.pump(lane, now_ns())

    def _pump_at(self, lane: Lane, due_ns: int) -> None:
        if not self._closed:
            # A timer that was rounded down would find nothing due.
            self.dispatcher.pump(lane, max(due_ns, now_ns()))

    def _on_tick(self) -> None:
        # First, so that a failure can't end the watch over deadlines.
        self._tick = self._loop.call_later(TICK_S, self._on_tick)
        self.dispatcher.on_time(now_ns())


def _tell(answered: Sequence[tuple[Request, Answer]]) -> None:
    for request, answer in answered:
        assert request.client is not None
        request.client.on_answer(request, answer)
