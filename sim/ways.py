"""What a request takes outside ``run()`` and the router's rules: its way there, and back.

Half of the overhead goes into either. Some of it is work: of the clients' event loop, of the
worker's, and of others, such as the instances'. The rest is waiting for something else, of which
there is enough for all.
"""

import sys
from collections.abc import Callable, Sequence

from sim.asked import Asked
from sim.clock import NS_PER_MS, Action, After, Clock
from sim.cores import EventLoop
from sim.draws import Draw
from sim.scenario import Scenario
from sim.worker import SimWorker

Ended = Callable[[Asked, str], None]


class Ways:
    """The ways of all requests of a run.

    Args:
        work: has something done after so much time, where there is a core for it.
        overhead_ns: draws what a request takes; None for nothing.
    """

    def __init__(
        self, clock: Clock, scenario: Scenario, work: After, overhead_ns: Draw | None
    ) -> None:
        self._wait = clock.after
        self._overhead_ns = overhead_ns
        self._clients = EventLoop(clock, work)
        self._stations: Sequence[tuple[tuple[int, After], ...]] = [
            (
                (_half_ns(scenario.client_work_ms), self._clients.work),
                (_half_ns(scenario.router_work_ms), EventLoop(clock, work).work),
                (_half_ns(scenario.overhead_work_ms), work),
            )
            for _ in range(scenario.workers)
        ]

    def there(self, asked: Asked, worker: SimWorker) -> None:
        """Brings a question to a worker."""
        if self._overhead_ns is None:
            worker.ask(asked)
            return
        asked.way_ns = self._overhead_ns() // 2
        _go(self._legs(asked, worker), lambda: worker.ask(asked))

    def think(self, wait_ns: int, action: Action, argument: object) -> None:
        """Has a client do something when so much time has passed."""
        after = self._wait if self._overhead_ns is None else self._clients.after
        after(wait_ns, action, argument)

    def back(self, ended: Ended) -> Ended:
        """What is called when the router has sent an answer: ``ended``, when it has come back."""
        if self._overhead_ns is None:
            return ended

        def come_back(asked: Asked, outcome: str) -> None:
            assert asked.worker is not None
            _go(self._legs(asked, asked.worker)[::-1], lambda: ended(asked, outcome))

        return come_back

    def _legs(self, asked: Asked, worker: SimWorker) -> list[tuple[int, After]]:
        """From the client's work on; what is no work is waited for behind that."""
        left_ns, legs = asked.way_ns, []
        for work_ns, work in self._stations[worker.number]:
            leg_ns = min(left_ns, work_ns)
            legs.append((leg_ns, work))
            left_ns -= leg_ns
        legs.insert(1, (left_ns, self._wait))
        return legs


def _go(legs: list[tuple[int, After]], then: Callable[[], None]) -> None:
    """One leg after the other, without those that take nothing."""
    while legs and not legs[0][0]:
        legs = legs[1:]
    if not legs:
        then()
        return
    leg_ns, pass_ = legs[0]
    pass_(leg_ns, lambda _: _go(legs[1:], then), None)


def _half_ns(work_ms: float | None) -> int:
    """Of what is worked for each request; None for all that there is."""
    return sys.maxsize if work_ms is None else round(work_ms * NS_PER_MS) // 2
