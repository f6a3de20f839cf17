"""The control plane under load: killed, and made to change the rules as fast as it can.

The long forms: TURNOUT_PLANE_KILLS (2), TURNOUT_SWAPS (30), TURNOUT_SCALES (2).
"""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.control_plane.daemon import ENDPOINTS
from tests.e2e.harness import WAIT_S, Daemon
from tests.e2e.raw_load import RawLoad, create, declare, uri_and_key

KILLS = int(os.environ.get("TURNOUT_PLANE_KILLS", "2"))
SWAPS = int(os.environ.get("TURNOUT_SWAPS", "30"))
SCALES = int(os.environ.get("TURNOUT_SCALES", "2"))
# How long a control plane lives, once it is ready, in the long form.
LIFE_S = 5.0 if KILLS > 2 else 0.0
TWO = ", workers: 2"


class Changes:
    """One change after the other of an endpoint's tag; knows which were acknowledged."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.acknowledged = 0
        self.tried = 0

    async def go_on(self, base: str) -> None:
        """Until the control plane dies."""
        url = f"{base}{ENDPOINTS}/other-endpoint"
        try:
            while True:
                self.tried += 1
                body = {"tags": {"n": str(self.tried)}, "properties": {}}
                async with self._session.put(url, json=body) as answer:
                    assert answer.status in {200, 201}, await answer.text()
                    self.acknowledged = self.tried
        except aiohttp.ClientError:
            pass

    async def check(self, base: str) -> None:
        """What was acknowledged is there; of what was under way, all or nothing."""
        async with self._session.get(f"{base}{ENDPOINTS}/other-endpoint") as answer:
            assert answer.status == 200 or not self.acknowledged
            if answer.status == 200:
                found = int((await answer.json())["tags"]["n"])
                assert found in {self.acknowledged, self.tried}
                self.acknowledged = found


@pytest.mark.timeout(120 + 30 * KILLS)
async def test_killing_the_control_plane_fails_no_request_and_loses_no_acknowledged_change(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = daemon_with(declare(tmp_path), data_plane=TWO)
    load = RawLoad(*await uri_and_key(daemon))
    async with aiohttp.ClientSession() as session, load.running():
        changes = Changes(session)
        for _ in range(KILLS):
            going_on = asyncio.create_task(changes.go_on(daemon.url))
            await load.some_more(100)
            await asyncio.sleep(LIFE_S)
            daemon.process.kill()
            await daemon.exit_code()
            await going_on
            await load.some_more(100)
            await asyncio.to_thread(daemon.restart)
            await changes.check(daemon.url)
        await load.some_more(100)
    print(  # noqa: T201
        f"\n{KILLS} kills: {load.answered} answered, {len(load.failed)} failed, "
        f"{changes.acknowledged} changes acknowledged"
    )
    assert load.failed == []


@pytest.mark.timeout(120 + SWAPS + 20 * SCALES)
async def test_swaps_and_scaling_fail_no_request_and_route_none_by_older_rules(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = daemon_with("", data_plane=TWO)
    await create(daemon, tmp_path, "blue", "green")
    load = RawLoad(*await uri_and_key(daemon))
    url = f"{daemon.url}{ENDPOINTS}/my-endpoint"
    swaps, slowest_s = 0, 0.0

    async def swap(session: aiohttp.ClientSession) -> None:
        nonlocal slowest_s, swaps
        reload = asyncio.create_task(daemon.run("reload"))
        while swaps < SWAPS or not reload.done():
            to = ("green", "blue")[swaps % 2]
            swaps += 1
            began = time.monotonic()
            load.begin_update(to)
            async with session.put(url, json={"properties": {"traffic": {to: 100}}}) as answer:
                assert answer.status == 200, await answer.text()
            load.update_returned()
            slowest_s = max(slowest_s, time.monotonic() - began)
        await reload

    async def scale() -> None:
        on = ("-n", "blue", "--endpoint-name", "my-endpoint")
        for number in range(SCALES):
            count = f"instance_count={2 - number % 2}"
            await daemon.run("ml", "online-deployment", "update", *on, "--set", count)

    async with aiohttp.ClientSession() as session, load.running():
        # The rules in force at the beginning.
        load.begin_update("blue")
        load.update_returned()
        await load.some_more(100)
        await scale()
        async with asyncio.timeout(WAIT_S + SWAPS):
            await swap(session)
        await load.some_more(100)
    print(  # noqa: T201
        f"\n{swaps} swaps and a reload, {SCALES} changes of scale: {load.answered} answered, "
        f"{len(load.failed)} failed, the slowest swap took {slowest_s:.2f} s"
    )
    assert load.failed == []
