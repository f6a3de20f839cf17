"""Routing on its way to the workers: numbered in order, and none behind another's wait."""

import asyncio
from pathlib import Path
from typing import Any

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

    async def apply(self, routing: Routing) -> None:
        self.told.append(routing.generation)
        await self.let.wait()


async def test_a_change_is_told_though_workers_have_not_taken_the_one_before(
    tmp_path: Path,
) -> None:
    store, workers, none = Store.open(tmp_path / "turnout.db"), Stuck(), None
    supervisor: Any = none
    provisioner = Provisioner(
        store,
        StateFolder(tmp_path),
        supervisor,
        supervisor,
        workers,  # type: ignore[arg-type]
        LiveSettings(DaemonConfig()),
    )
    changes = [asyncio.create_task(provisioner.publish()) for _ in range(3)]
    async with asyncio.timeout(WAIT_S):
        while len(workers.told) < len(changes):
            await asyncio.sleep(0)
    assert workers.told == sorted(set(workers.told))
    assert not any(change.done() for change in changes)
    workers.let.set()
    await asyncio.gather(*changes)
    store.close()
