"""Simulated clients: whom they ask, and when.

An open loop asks whether it has its answers or not; a closed loop asks again after an answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sim.asked import Asked
from sim.clock import NS_PER_MS, Clock
from sim.draws import Draw, arrivals, generator, sizes, span_ns
from sim.record import Record
from sim.scenario import Client, Loop
from sim.ways import Ended, Ways
from sim.worker import SimWorker


@dataclass(slots=True)
class Source:
    """Who asks.

    Attributes:
        times: when an open loop asks, in ns from the start.
        left: how many requests a closed loop may still ask; None without a limit.
        end_ns: when a closed loop ends.
        ended: called when the router has sent the whole answer to one of its requests.
    """

    endpoint: str
    pinned: str | None
    body_bytes: Draw
    ended: Ended
    times: Iterator[int] = field(default_factory=lambda: iter(()))
    think_ns: int = 0
    left: int | None = None
    end_ns: int = 0


class Clients:
    """All clients of a run.

    Args:
        workers: who share the port.
        seed: of arrivals, sizes and of which worker takes a request.
        ways: between clients and workers.
    """

    def __init__(
        self,
        clock: Clock,
        record: Record,
        workers: Sequence[SimWorker],
        seed: int,
        ways: Ways,
    ) -> None:
        self._clock = clock
        self._record = record
        self._workers = workers
        self._seed = seed
        self._spread = generator(seed, "connections").random
        self._ways = ways

    def plan(self, client: Client, endpoint: str, for_ns: int) -> None:
        """Has the client ask from the record's begin on, for so long.

        Args:
            endpoint: whom it asks.
        """
        body = sizes(client, generator(self._seed, "sizes", client.name))
        source = Source(endpoint, client.deployment, body, self._ways.back(self._record.ended))
        if client.loop is not None:
            self._begin_loop(client, client.loop, source, for_ns)
            return
        source.times = arrivals(client, for_ns, generator(self._seed, "arrivals", client.name))
        self._plan_next(source)

    def _plan_next(self, source: Source) -> None:
        at_ns = next(source.times, None)
        if at_ns is not None:
            self._clock.at(self._record.begin_ns + at_ns, self._ask_open, source)

    def _ask_open(self, source: Source) -> None:
        self._ask(source)
        self._plan_next(source)

    def _begin_loop(self, client: Client, loop: Loop, source: Source, for_ns: int) -> None:
        """Its clients begin one after the other, within the time for which they think."""
        source.think_ns = round(loop.think_ms * NS_PER_MS)
        source.left = client.requests
        begin_ns, source.end_ns = (self._record.begin_ns + ns for ns in span_ns(client, for_ns))

        def ended(asked: Asked, outcome: str) -> None:
            self._record.ended(asked, outcome)
            self._ways.think(source.think_ns, self._ask_again, source)

        source.ended = self._ways.back(ended)
        for number in range(loop.clients):
            offset_ns = source.think_ns * number // loop.clients
            self._clock.at(begin_ns + offset_ns, self._ask_again, source)

    def _ask_again(self, source: Source) -> None:
        if self._clock.now_ns >= source.end_ns or source.left == 0:
            return
        if source.left is not None:
            source.left -= 1
        self._ask(source)

    def _ask(self, source: Source) -> None:
        record = self._record
        record.asked += 1
        asked = Asked(
            record.asked,
            self._clock.now_ns,
            source.endpoint,
            source.pinned,
            source.body_bytes(),
            record,
            source.ended,
        )
        # Any of them: each connection is somebody else's.
        workers = self._workers
        worker = workers[0 if len(workers) == 1 else int(self._spread() * len(workers))]
        self._ways.there(asked, worker)
