"""Routing on its way to the workers: numbered in order, and none behind another's wait."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from router.control_plane import publishing
from router.control_plane.departures import Departures
from router.control_plane.live_settings import LiveSettings
from router.control_plane.publishing import Publisher
from router.core.config import DaemonConfig
from router.core.errors import TurnoutError
from router.core.routing import Routing

WAIT_S = 30


class Stuck:
    """Workers that take no routing until they are let.

    Attributes:
        refuses: how many routings they don't take at all.
    """

    def __init__(self) -> None:
        self.told: list[int] = []
        self.let = asyncio.Event()
        self.refuses = 0
        self.drained: list[str] = []

    @property
    def generation(self) -> int:
        return max(self.told, default=0)

    async def apply(self, routing: Routing) -> None:
        self.told.append(routing.generation)
        await self.let.wait()
        if self.refuses:
            self.refuses -= 1
            raise TurnoutError("no worker came up")

    async def await_drained(self, instance_ids: Sequence[str], timeout_ms: int) -> list[str]:
        del timeout_ms
        self.drained += instance_ids
        return []

    async def until_told(self, times: int) -> None:
        async with asyncio.timeout(WAIT_S):
            while len(self.told) < times:
                await asyncio.sleep(0)


@pytest.fixture
def workers() -> Stuck:
    return Stuck()


@pytest.fixture
def departures(workers: Stuck) -> Departures:
    supervisor: Any = SimpleNamespace(stop=AsyncMock())
    return Departures(workers, supervisor, LiveSettings(DaemonConfig()))  # type: ignore[arg-type]


@pytest.fixture
def publisher(workers: Stuck, departures: Departures) -> Publisher:
    def routing(generation: int) -> Routing:
        return Routing(generation=generation, endpoints=())

    return Publisher(workers, departures, routing)  # type: ignore[arg-type]


async def test_a_change_is_told_though_workers_have_not_taken_the_one_before(
    publisher: Publisher, workers: Stuck
) -> None:
    changes = []
    for number in 1, 2, 3:
        changes.append(asyncio.create_task(publisher.publish()))
        await workers.until_told(number)
    assert workers.told == [1, 2, 3]
    assert not any(change.done() for change in changes)
    workers.let.set()
    await asyncio.gather(*changes)


async def test_changes_of_one_moment_are_told_as_one(publisher: Publisher, workers: Stuck) -> None:
    changes = [asyncio.create_task(publisher.publish()) for _ in range(100)]
    await workers.until_told(1)
    later = asyncio.create_task(publisher.publish())
    await workers.until_told(2)
    # Who gives up does not break off what others wait for.
    changes.pop().cancel()
    workers.let.set()
    await asyncio.gather(*changes, later)
    assert workers.told == [1, 2]


async def test_what_was_let_go_drains_once_a_routing_without_it_is_in_force_which_is_tried_again(
    publisher: Publisher, departures: Departures, workers: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "AGAIN_S", 0.0)
    left = Mock()
    left.route.id = "i1"
    departures.add([left])
    workers.refuses = 3
    workers.let.set()
    with pytest.raises(TurnoutError):
        await publisher.publish()
    assert workers.drained == []
    async with asyncio.timeout(WAIT_S):
        await workers.until_told(4)
        while not workers.drained:
            await asyncio.sleep(0)
    assert workers.told == [1, 2, 3, 4]
    assert workers.drained == ["i1"]
    # And so it is the next time.
    workers.refuses = 1
    with pytest.raises(TurnoutError):
        await publisher.publish()
    async with asyncio.timeout(WAIT_S):
        await workers.until_told(6)
    await publisher.close()
