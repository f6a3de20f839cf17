"""Background tasks that are not forgotten: kept until they end, and heard when they fail."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


async def unless(event: asyncio.Event, work: Coroutine[object, object, None]) -> None:
    """Does ``work``; breaks it off when the event is set. Returns when it has ended, either way.

    Raises:
        Exception: what ``work`` raises.
    """
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.wait({working, waiting})
    if not working.cancelled():
        working.result()


async def in_thread(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What ``work`` returns or raises, from a thread that nobody waits for once this is broken off.

    Of what ``asyncio.to_thread`` runs, the end is waited for before the process may end. This is
    for what takes minutes and leaves nothing broken wherever it is cut off.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(set_it: Callable[[Any], None], what: object) -> None:
        if not done.cancelled():
            set_it(what)

    def run() -> None:
        outcome: tuple[Callable[[Any], None], object]
        try:
            outcome = done.set_result, work(*arguments, **named)
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            outcome = done.set_exception, error
        # A loop that is closed has nobody who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, *outcome)

    threading.Thread(target=run, name=work.__name__, daemon=True).start()
    return await done


class Shared:
    """Work that does for all who have asked for it when it begins, in the next turn of the loop."""

    def __init__(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        self._work = work
        self._next: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def join(self) -> None:
        """Returns when work has ended that began after this call.

        Raises:
            Exception: what the work raises.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._run(), name=self._work.__name__)
            self._running.add(self._next)
            self._next.add_done_callback(self._running.discard)
        # Who gives up leaves it to the others.
        await asyncio.shield(self._next)

    async def cancel(self) -> None:
        """Breaks off what runs, and waits until it has ended."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    async def _run(self) -> None:
        self._next = None
        await self._work()


class Tasks:
    """Tasks that nobody awaits."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        """Runs ``work`` beside everything else; what it raises is logged."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    async def cancel(self) -> None:
        """Cancels all and waits until they have ended."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=error)
