"""Background work: what a process waits for at its end, and what it doesn't."""

import asyncio
import subprocess
import sys

import pytest

from router.control_plane.tasks import Shared, in_thread, unless
from tests.control_plane.daemon import LIMIT_S

ENDS_BESIDE_WORK = """
import asyncio, threading
from router.control_plane.tasks import in_thread

async def main():
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    def work():
        loop.call_soon_threadsafe(begun.set)
        threading.Event().wait()
    task = asyncio.create_task(in_thread(work))
    await begun.wait()
    task.cancel()

asyncio.run(main())
"""


def test_a_process_that_ends_does_not_wait_for_work_in_a_thread_that_was_broken_off() -> None:
    subprocess.run([sys.executable, "-c", ENDS_BESIDE_WORK], check=True, timeout=LIMIT_S)


async def test_work_in_a_thread_returns_or_raises_what_it_did() -> None:
    assert await in_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 7, 0)


async def test_work_that_ends_by_itself_is_not_broken_off_and_its_error_is_raised() -> None:
    async def fails() -> None:
        raise ValueError("it failed")

    with pytest.raises(ValueError, match="it failed"):
        await unless(asyncio.Event(), fails())


async def test_work_is_broken_off_when_the_event_is_set_and_has_ended_then() -> None:
    event, ended = asyncio.Event(), False

    async def works() -> None:
        nonlocal ended
        event.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended = True

    await asyncio.wait_for(unless(event, works()), LIMIT_S)
    assert ended


async def test_shared_work_begins_after_each_that_asked_for_it_and_tells_all_of_its_error() -> None:
    begun: list[int] = []

    async def work() -> None:
        begun.append(len(begun))
        await asyncio.sleep(0)
        raise ValueError(begun[-1])

    shared = Shared(work)
    first = [asyncio.create_task(shared.join()) for _ in range(3)]
    while not begun:
        await asyncio.sleep(0)
    # It has begun already, without what this one wants.
    last = asyncio.create_task(shared.join())
    outcomes = await asyncio.gather(*first, last, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["0", "0", "0", "1"]


async def test_shared_work_can_be_broken_off() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    shared = Shared(work)
    waiting = asyncio.create_task(shared.join())
    await begun.wait()
    await shared.cancel()
    assert ended.is_set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
