"""The load: requests at random moments, whatever becomes of those before, on many connections.

Arrivals do not wait for answers (an open loop), so that a router that stands still is not
spared. There are as many connections as may hang while something stands still; an arrival that
finds none free is not sent, and counted.
"""

import asyncio
import random
import time
from collections import deque

from tests.chaos.audit import Audit
from tests.chaos.connection import Connection
from tests.chaos.in_force import InForce
from tests.chaos.requests import Asked, Drawn, draw_request

CONNECTIONS = 192
# How many requests a connection lasts, on average: new ones must be served all the time.
REQUESTS_PER_CONNECTION = 150
OLD_KEY_SHARE = 0.01
SMALL_BYTES = 64 * 1024


class Load:
    """Sends requests until it is told to end.

    Args:
        keys: what opens the endpoint; now and then one is used that no longer does.
        rate_per_s: how many requests a second, on average.
    """

    def __init__(
        self, url: str, keys: InForce[str], audit: Audit, rng: random.Random, rate_per_s: float
    ) -> None:
        self._keys = keys
        self._audit = audit
        self._rng = rng
        self._rate_per_s = rate_per_s
        self._connections = [Connection(url) for _ in range(CONNECTIONS)]
        self._free = deque(self._connections)
        self._asking: set[asyncio.Task[None]] = set()
        self.held_back = 0

    async def run(self, until: asyncio.Event) -> None:
        """Sends; returns when ``until`` is set and all that was sent has ended."""
        try:
            await self._send_all(until)
            await asyncio.gather(*self._asking)
        finally:
            await asyncio.gather(*(connection.close() for connection in self._connections))

    async def _send_all(self, until: asyncio.Event) -> None:
        next_s = time.monotonic()
        number = 0
        while not until.is_set():
            next_s += self._rng.expovariate(self._rate_per_s)
            await asyncio.sleep(max(next_s - time.monotonic(), 0))
            request = draw_request(self._rng, number)
            if not self._free:
                self.held_back += 1
                continue
            number += 1
            task = asyncio.create_task(self._ask(self._free.popleft(), number, request))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def break_connections(self, rng: random.Random) -> int:
        """Breaks some of the connections, those with a request in flight among them."""
        victims = rng.sample(self._connections, rng.randrange(1, 4))
        for connection in victims:
            connection.break_off(reset=rng.random() < 1 / 2)
        return len(victims)

    def _choose_key(self, request: Drawn) -> str:
        *older, newest = self._keys.known
        # A large body with a wrong key is not read to its end.
        is_old = older and self._rng.random() < OLD_KEY_SHARE and len(request.body) < SMALL_BYTES
        return older[-1] if is_old else newest

    async def _ask(self, connection: Connection, number: int, request: Drawn) -> None:
        asked = Asked(number, *request, self._choose_key(request), time.monotonic())
        self._audit.on_sent(asked)
        self._audit.on_ended(asked, await connection.ask(asked))
        if self._rng.random() < 1 / REQUESTS_PER_CONNECTION:
            await connection.close()
        # The one that was used last waits longest: all are used, and few at a time are idle long.
        self._free.append(connection)
