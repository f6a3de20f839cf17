"""Routing on its way to the workers: numbered in order, and none behind another's wait."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.provisioning import Provisioner
from router.control_plane.store import Store
from router.core.config import DaemonConfig
from router.core.routing import Routing

WAIT_S = 30


class Stuck:
    """Workers that take no routing until they are let."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.let = asyncio.Event()

    @property
    def generation(self) -> int:
        return max(self.told, default=0)

    async def apply(self, routing: Routing) -> None:
        self.told.append(routing.generation)
        await self.let.wait()

    async def until_told(self, times: int) -> None:
        async with asyncio.timeout(WAIT_S):
            while len(self.told) < times:
                await asyncio.sleep(0)


@pytest.fixture
def workers() -> Stuck:
    return Stuck()


@pytest.fixture
def provisioner(tmp_path: Path, workers: Stuck) -> Iterator[Provisioner]:
    store = Store.open(tmp_path / "turnout.db")
    nobody: Any = None
    folder, settings = StateFolder(tmp_path), LiveSettings(DaemonConfig())
    yield Provisioner(store, folder, nobody, nobody, workers, settings)  # type: ignore[arg-type]
    store.close()


async def test_a_change_is_told_though_workers_have_not_taken_the_one_before(
    provisioner: Provisioner, workers: Stuck
) -> None:
    changes = []
    for number in 1, 2, 3:
        changes.append(asyncio.create_task(provisioner.publish()))
        await workers.until_told(number)
    assert workers.told == [1, 2, 3]
    assert not any(change.done() for change in changes)
    workers.let.set()
    await asyncio.gather(*changes)


async def test_changes_of_one_moment_are_told_as_one(
    provisioner: Provisioner, workers: Stuck
) -> None:
    changes = [asyncio.create_task(provisioner.publish()) for _ in range(100)]
    await workers.until_told(1)
    later = asyncio.create_task(provisioner.publish())
    await workers.until_told(2)
    # Who gives up does not break off what others wait for.
    changes.pop().cancel()
    workers.let.set()
    await asyncio.gather(*changes, later)
    assert workers.told == [1, 2]
