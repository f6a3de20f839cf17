"""A stream to an instance, closed at an odd instant."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from router.data_plane.request_ids import RequestIds
from router.data_plane.upstream import Upstream


async def test_one_that_is_closed_in_the_turn_in_which_its_stream_breaks_is_closed() -> None:
    upstream = Upstream("i1", "unix:/nowhere", Mock(), RequestIds())
    broken = asyncio.get_running_loop().create_future()
    call: Any = AsyncMock(cancel=Mock())
    call.read = lambda: broken
    exchange = asyncio.create_task(upstream._exchange(call))
    await asyncio.sleep(0)
    broken.set_result(None)
    # It waits for its writer now, which ends by cancellation as well.
    await asyncio.sleep(0)
    exchange.cancel()
    with pytest.raises(asyncio.CancelledError):
        await exchange
