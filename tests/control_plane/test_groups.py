"""A deployment's places: each is refilled by one, however its instances come and go."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from router.control_plane.groups import InstanceGroup
from router.control_plane.instances import InstanceOwner
from router.core.deployment_spec import CodeConfiguration, DeploymentSpec
from router.core.errors import DeploymentFailed

WAIT_S = 30
OWNER = InstanceOwner("my-endpoint", "blue", 1)
SPEC = DeploymentSpec(
    name="blue",
    endpoint_name="my-endpoint",
    code_configuration=CodeConfiguration(code=".", scoring_script="score.py"),
)


class Process:
    """One that ends when the test says so."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def wait(self) -> int:
        await self.ended.wait()
        return 1


def instance(number: int) -> Any:
    route = SimpleNamespace(id=f"i{number}", target="unix:nowhere")
    return SimpleNamespace(number=number, route=route, process=Process(), was_ready=True)


class Supervisor:
    """Starts what it is given, or fails."""

    def __init__(self) -> None:
        self.ready: list[Any] = []
        self.starts = 0

    async def start(self, *_: object) -> Any:
        self.starts += 1
        await asyncio.sleep(0)
        if not self.ready:
            raise DeploymentFailed("it did not come up")
        return self.ready.pop()

    async def stop(self, *_: object, **__: object) -> None:
        """Nothing runs."""

    async def last_words(self, _: object) -> str:
        return "nothing"

    def limited(self, _: object) -> str:
        return ""


async def test_a_place_that_was_taken_and_lost_while_its_refill_waited_has_one_refill(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[asyncio.Event] = []
    sleep = asyncio.sleep

    async def until_let(delay_s: float) -> None:
        if not delay_s:
            await sleep(0)
            return
        waits.append(asyncio.Event())
        await waits[-1].wait()

    monkeypatch.setattr(asyncio, "sleep", until_let)
    supervisor: Any = Supervisor()
    lost = asyncio.Semaphore(0)

    async def on_change() -> None:
        lost.release()

    group = InstanceGroup(supervisor, OWNER, SPEC, on_change)
    first, second = instance(1), instance(2)
    async with asyncio.timeout(WAIT_S):
        group.adopt([first])
        first.process.ended.set()
        await lost.acquire()
        # The refill waits for its delay; somebody who can't wait takes the place meanwhile.
        supervisor.ready.append(second)
        await group.grow(1, lambda _: None)
        await lost.acquire()
        second.process.ended.set()
        await lost.acquire()
        for failed in range(1, 4):
            for wait in waits:
                wait.set()
            while supervisor.starts <= failed:
                await sleep(0)
            for _ in range(20):
                await sleep(0)
            assert (supervisor.starts, group.restarts) == (1 + failed, 1 + failed)
    await group.close()
