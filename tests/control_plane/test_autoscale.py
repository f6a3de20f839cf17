"""The autoscaler's polls, whatever fails while they are made."""

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from router.control_plane import autoscale
from router.control_plane.autoscale import Autoscaler
from router.core.errors import StorageFailed

WAIT_S = 10


async def test_a_store_that_could_not_be_read_once_ends_no_autoscaling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(autoscale, "TICK_S", 0)
    read_again = asyncio.Event()

    def everything() -> list[Any]:
        if store.everything.call_count > 1:
            read_again.set()
            return []
        raise StorageFailed("the disk is broken")

    store: Any = SimpleNamespace(everything=Mock(side_effect=everything))
    autoscaler = Autoscaler(store, AsyncMock(), Mock())
    autoscaler.start()
    async with asyncio.timeout(WAIT_S):
        await read_again.wait()
    await autoscaler.close()
