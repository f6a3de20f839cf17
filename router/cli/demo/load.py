"""Load that runs while the rollout changes, and that can be held between two requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping

from router.cli.demo.client import ScoringClient, Tally
from router.cli.demo.failure import DemoFailed

CONNECTIONS = 16
# Leaves processor time for the instances and commands that start meanwhile.
THINK_S = 0.01
HOLD_TIMEOUT_S = 30


def _ignore(_sent: int) -> None:
    pass


async def _after(wait_s: float, then: Coroutine[None, None, None]) -> None:
    if wait_s:
        await asyncio.sleep(wait_s)
    await then


class Load:
    """A closed loop: CONNECTIONS clients, each sending its next request after an answer.

    Attributes:
        tally: of the requests in the background, all of them.
    """

    def __init__(self, client: ScoringClient) -> None:
        self.tally = Tally()
        self._client = client
        self._go = asyncio.Event()
        self._idle = asyncio.Event()
        self._busy = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sends from here on, until the end of the block; every request is waited for."""
        self._go.set()
        clients = [asyncio.create_task(self._keep_sending()) for _ in range(CONNECTIONS)]
        try:
            yield
        finally:
            async with self.held():
                for client in clients:
                    client.cancel()
                ends = await asyncio.gather(*clients, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Inside the block the background sends nothing and has no request in flight."""
        self._go.clear()
        try:
            await self._wait_idle()
            yield
        finally:
            self._go.set()

    async def send_exactly(
        self,
        count: int,
        headers: Mapping[str, str] | None = None,
        on_progress: Callable[[int], None] = _ignore,
        *,
        clients: int = CONNECTIONS,
        think_s: float = 0,
        tally: Tally | None = None,
    ) -> Tally:
        """Sends ``count`` requests over the same connections. For use while held.

        Args:
            count: how many.
            headers: to add to each.
            on_progress: told how many have ended, after each.
            clients: how many send at a time.
            think_s: what each waits between two requests; they begin evenly spread over it.
            tally: where their ends are counted; a new one by default.
        """
        tally = Tally() if tally is None else tally
        numbers = iter(range(count))
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                sending = self._send_each(numbers, tally, headers, on_progress, think_s)
                group.create_task(_after(think_s * number / clients, sending))
        return tally

    async def _wait_idle(self) -> None:
        try:
            async with asyncio.timeout(HOLD_TIMEOUT_S):
                while self._busy:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            raise DemoFailed(
                f"expected an answer to every request within {HOLD_TIMEOUT_S} s, got none to "
                f"{self._busy}"
            ) from None

    async def _send_each(
        self,
        numbers: Iterator[int],
        tally: Tally,
        headers: Mapping[str, str] | None,
        on_progress: Callable[[int], None],
        think_s: float,
    ) -> None:
        for _ in numbers:
            await self._client.send(tally, headers)
            on_progress(tally.sent)
            if think_s:
                await asyncio.sleep(think_s)

    async def _keep_sending(self) -> None:
        while True:
            await self._go.wait()
            self._busy += 1
            try:
                await self._client.send(self.tally)
            finally:
                self._busy -= 1
                self._idle.set()
            await asyncio.sleep(THINK_S)
