"""Load that runs while a rollout changes, and that can be held between two requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping

from router.testing.answers import Answers
from router.testing.client import ScoringClient
from router.testing.failure import HarnessError

CLIENTS = 16
# Leaves processor time for the instances and commands that start meanwhile.
THINK_S = 0.01
HOLD_TIMEOUT_S = 30


def _ignore(_sent: int) -> None:
    pass


async def _after(wait_s: float, then: Coroutine[None, None, None]) -> None:
    if wait_s:
        await asyncio.sleep(wait_s)
    await then


class ClosedLoop:
    """Some clients, each sending its next request after an answer.

    Attributes:
        answers: to the requests in the background, all of them.
    """

    def __init__(self, client: ScoringClient, clients: int = CLIENTS) -> None:
        self.answers = Answers()
        self._client = client
        self._clients = clients
        self._go = asyncio.Event()
        self._idle = asyncio.Event()
        self._busy = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sends from here on, until the end of the block; every request is waited for."""
        self._go.set()
        clients = [asyncio.create_task(self._keep_sending()) for _ in range(self._clients)]
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
        clients: int | None = None,
        think_s: float = 0,
        answers: Answers | None = None,
    ) -> Answers:
        """Sends ``count`` requests over the same connections. For use while held.

        Args:
            count: how many.
            headers: to add to each.
            on_progress: told how many have ended, after each.
            clients: how many send at a time; as many as in the background by default.
            think_s: what each waits between two requests; they begin evenly spread over it.
            answers: what theirs are added to; new ones by default.
        """
        answers = Answers() if answers is None else answers
        clients = clients or self._clients
        numbers = iter(range(count))
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                sending = self._send_each(numbers, answers, headers, on_progress, think_s)
                group.create_task(_after(think_s * number / clients, sending))
        return answers

    async def _wait_idle(self) -> None:
        try:
            async with asyncio.timeout(HOLD_TIMEOUT_S):
                while self._busy:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            raise HarnessError(
                f"expected an answer to every request within {HOLD_TIMEOUT_S} s, got none to "
                f"{self._busy}"
            ) from None

    async def _send_each(
        self,
        numbers: Iterator[int],
        answers: Answers,
        headers: Mapping[str, str] | None,
        on_progress: Callable[[int], None],
        think_s: float,
    ) -> None:
        for _ in numbers:
            answers.replies.append(await self._client.send(headers))
            on_progress(answers.sent)
            if think_s:
                await asyncio.sleep(think_s)

    async def _keep_sending(self) -> None:
        while True:
            await self._go.wait()
            self._busy += 1
            try:
                self.answers.replies.append(await self._client.send())
            finally:
                self._busy -= 1
                self._idle.set()
            await asyncio.sleep(THINK_S)
