"""The supervisor of instances: what it starts, finds and ends, with real processes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from router.control_plane import instances
from router.control_plane.environments.cache import Environments
from router.control_plane.instances import Instance, InstanceOwner, Supervisor
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.core.config import DaemonConfig
from router.core.deployment_spec import (
    CodeConfiguration,
    DeploymentSpec,
    ResourceRequirements,
    Resources,
)
from router.core.errors import DeploymentFailed
from tests.control_plane.daemon import (
    LIMIT_S,
    OK,
    begun_pids,
    is_running,
    until_begun,
    wait_gone,
    waiting_code,
)

OWNER = InstanceOwner("my-endpoint", "blue", 1)


@pytest.fixture
def state(folder: Path) -> StateFolder:
    state = StateFolder(folder / "state")
    state.create()
    return state


@pytest.fixture
async def supervisor(state: StateFolder) -> AsyncIterator[Supervisor]:
    """One whose instances end with the test, whoever found or started them."""
    supervisor = new_supervisor(state)
    yield supervisor
    await supervisor.stop(supervisor.instances, timeout_ms=0)


def new_supervisor(state: StateFolder, first: int = 1) -> Supervisor:
    numbers = count(first)
    environments = Environments(state.environments)
    return Supervisor(state, lambda: next(numbers), environments, LiveSettings(DaemonConfig()))


def spec_of(folder: Path, script: str, **limits: str) -> DeploymentSpec:
    """A deployment with this script."""
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code/score.py").write_text(script)
    resources = ResourceRequirements(limits=Resources(**limits)) if limits else None
    code = CodeConfiguration(code=str(folder / "code"), scoring_script="score.py")
    return DeploymentSpec(
        name="blue", endpoint_name="my-endpoint", code_configuration=code, resources=resources
    )


async def in_init(supervisor: Supervisor, folder: Path) -> "asyncio.Task[Instance]":
    """A start that waits in init() for the file "go"."""
    spec = spec_of(folder, waiting_code(folder))
    starting = asyncio.create_task(supervisor.start(OWNER, spec))
    await until_begun(folder, 1)
    return starting


async def test_an_instance_found_in_its_start_has_what_is_left_of_its_time(
    folder: Path, state: StateFolder, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting = await in_init(supervisor, folder)
    monkeypatch.setattr(instances, "ADOPT_TIMEOUT_S", 0.0)
    successor = new_supervisor(state)
    served, (found,) = successor.adopt()
    assert (served, found.owner, found.was_warm) == ([], OWNER, False)
    resuming = asyncio.create_task(successor.resume(found, spec_of(folder, waiting_code(folder))))
    await asyncio.wait({resuming}, timeout=0.2)
    (folder / "go").touch()
    assert await resuming is found
    assert found.was_warm
    await starting


async def test_an_instance_found_in_its_start_is_ended_when_its_time_is_over(
    folder: Path, state: StateFolder, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting = await in_init(supervisor, folder)
    monkeypatch.setattr(instances, "ADOPT_TIMEOUT_S", 0.0)
    monkeypatch.setattr(instances, "READY_TIMEOUT_S", 0.0)
    successor = new_supervisor(state)
    _, (found,) = successor.adopt()
    with pytest.raises(DeploymentFailed, match="was not ready after 0 s"):
        await successor.resume(found, spec_of(folder, waiting_code(folder)))
    assert not is_running(found.process.pid)
    with pytest.raises(DeploymentFailed, match="ended before it was ready"):
        await starting


async def test_an_instance_that_has_served_is_adopted_though_it_does_not_answer_now(
    folder: Path, state: StateFolder, supervisor: Supervisor
) -> None:
    started = await supervisor.start(OWNER, spec_of(folder, OK))
    os.kill(started.process.pid, signal.SIGSTOP)
    served, starting = new_supervisor(state).adopt()
    assert ([one.number for one in served], starting) == ([started.number], [])


async def test_a_start_that_is_broken_off_again_and_again_leaves_nothing_running(
    folder: Path, supervisor: Supervisor
) -> None:
    starting = await in_init(supervisor, folder)
    (pid,) = begun_pids(folder)
    # It would not end when asked.
    os.kill(pid, signal.SIGSTOP)
    while not starting.done():
        starting.cancel()
        await asyncio.sleep(0)
    wait_gone(pid)


async def test_an_instance_that_can_not_be_held_to_its_limits_is_ended(
    folder: Path, state: StateFolder, supervisor: Supervisor
) -> None:
    # More than the kernel can count.
    spec = spec_of(folder, OK, memory="100Ei")
    with pytest.raises(DeploymentFailed, match=r"expected to hold instance i1 .* to its limits"):
        await supervisor.start(OWNER, spec)
    assert supervisor.instances == []
    assert list(state.run.iterdir()) == []


async def test_a_socket_that_can_not_be_removed_keeps_no_instance_from_being_ended(
    folder: Path, state: StateFolder, supervisor: Supervisor
) -> None:
    started = [await supervisor.start(OWNER, spec_of(folder, OK)) for _ in range(2)]
    started[0].socket.unlink()
    started[0].socket.mkdir()
    await supervisor.stop(started, timeout_ms=LIMIT_S * 1000)
    assert supervisor.instances == []
    assert not any(is_running(one.process.pid) for one in started)
    assert list(state.run.iterdir()) == [started[0].socket]


async def test_a_socket_that_can_not_be_removed_keeps_no_instance_from_being_adopted(
    folder: Path, state: StateFolder, supervisor: Supervisor
) -> None:
    started = await supervisor.start(OWNER, spec_of(folder, OK))
    # Of one whose process is gone, and that sorts before it.
    (state.run / "i0.json").write_text("{}")
    (state.run / "i0.sock").mkdir()
    served, _ = new_supervisor(state).adopt()
    assert [one.number for one in served] == [started.number]


async def test_why_an_instance_did_not_come_up_is_said_though_its_log_can_not_be_read(
    folder: Path, state: StateFolder, supervisor: Supervisor
) -> None:
    log = state.deployment_logs("my-endpoint", "blue") / "i1.log"
    log.mkdir(parents=True)
    with pytest.raises(DeploymentFailed) as failed:
        await supervisor.start(OWNER, spec_of(folder, "raise SystemExit(3)\n"))
    assert "ended before it was ready" in failed.value.message
    assert f"Its log ends with:\n(can't be read: [Errno 21] Is a directory: '{log}')" in (
        failed.value.message
    )
