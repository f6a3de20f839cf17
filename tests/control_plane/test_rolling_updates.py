"""Another model, environment or variables for what serves: the new are warm before the old go."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import LIMIT_S, Client, Daemon, is_running, wait_gone

COUNT = 2
# What it serves is its model's first word, the variable's, or that of a package's version; a gate
# holds up the next one, and the one after can't be loaded.
SCRIPT = """
import os, pathlib, time
from importlib.metadata import version as installed
folder, version = pathlib.Path({folder!r}), os.environ.get('VERSION')
def init():
    global version
    model = os.environ.get('AZUREML_MODEL_DIR')
    if model is not None:
        (path,) = pathlib.Path(model).iterdir()
        version = path.read_text()
    if version is None:
        version = {{'2.0.0': 'old', '2.1.0': 'next'}}[installed('iniconfig')]
    if version == 'next':
        (folder / f'reached-{{os.getpid()}}').touch()
        while not (folder / 'gate').exists():
            time.sleep(0.01)
    if version == 'broken':
        raise ValueError('these weights are of another shape')
def run(raw): return version
"""
Change = Callable[[Path, str], dict[str, object]]


def other_model(folder: Path, version: str) -> dict[str, object]:
    (folder / "models" / version).mkdir(parents=True)
    (folder / "models" / version / "weights.txt").write_text(version)
    return {"model": str(folder / "models" / version / "weights.txt")}


def other_variables(_: Path, version: str) -> dict[str, object]:
    return {"environmentVariables": {"VERSION": version}}


def other_environment(_: Path, version: str) -> dict[str, object]:
    """The package's version says which."""
    pin = {"old": "2.0.0", "next": "2.1.0"}[version]
    return {"environment": {"condaFile": f"dependencies: [pip, {{pip: [iniconfig=={pin}]}}]\n"}}


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not reached():
            await asyncio.sleep(0.01)


async def served(client: Client) -> set[str]:
    """By what so many requests are answered that every instance of either worker gets some."""
    answers = [await client.score("my-endpoint") for _ in range(10 * COUNT)]
    return {f"{answer.status} {answer.body}" for answer in answers}


async def state(client: Client) -> tuple[str, str | None]:
    """How the deployment's last change ended, and why it failed if it did."""
    shown = await client.call("GET", "my-endpoint/deployments/blue")
    error = shown.body["properties"].get("provisioningError")
    return shown.body["properties"]["provisioningState"], error and error["message"]


@pytest.mark.parametrize("change", [other_model, other_variables, other_environment])
async def test_new_instances_are_all_warm_before_one_of_the_old_goes(
    start_daemon: StartDaemon, folder: Path, change: Change
) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        code = await serve_old(daemon, client, change)
        old = daemon.pids("i")
        begun = await client.put_deployment(
            "my-endpoint", "blue", code, COUNT, **change(folder, "next")
        )
        await until(lambda: len([*folder.glob("reached-*")]) == COUNT)
        assert daemon.pids("i").items() > old.items(), "the old are there while the new load"
        assert await served(client) == {"200 old"}
        (folder / "gate").touch()
        assert (await client.finish(begun)).body["status"] == "Succeeded"
        assert await served(client) == {"200 next"}
        assert await state(client) == ("Succeeded", None)
        for pid in old.values():
            await asyncio.to_thread(wait_gone, pid)
        assert len(daemon.pids("i")) == COUNT


@pytest.mark.parametrize("change", [other_model, other_variables])
async def test_an_update_that_fails_leaves_the_old_serving_and_says_why(
    start_daemon: StartDaemon, folder: Path, change: Change
) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        code = await serve_old(daemon, client, change)
        old = daemon.pids("i")
        begun = await client.put_deployment(
            "my-endpoint", "blue", code, COUNT, **change(folder, "broken")
        )
        done = (await client.finish(begun)).body
        assert done["status"] == "Failed"
        assert "ValueError: these weights are of another shape" in done["error"]["message"]
        assert await state(client) == ("Failed", done["error"]["message"])
        assert daemon.pids("i") == old, "what was started for it is gone"
        assert all(is_running(pid) for pid in old.values())
        assert await served(client) == {"200 old"}
        # What is right again is taken.
        (folder / "gate").touch()
        begun = await client.put_deployment(
            "my-endpoint", "blue", code, COUNT, **change(folder, "next")
        )
        assert (await client.finish(begun)).body["status"] == "Succeeded"
        assert await served(client) == {"200 next"}
        assert await state(client) == ("Succeeded", None)


async def serve_old(daemon: Daemon, client: Client, change: Change) -> str:
    """Brings up COUNT instances that serve old; returns where their code is."""
    code = daemon.code("code", SCRIPT.format(folder=str(daemon.folder)))
    assert (await client.call("PUT", "my-endpoint", {"properties": {}})).status == 201
    begun = await client.put_deployment(
        "my-endpoint", "blue", code, COUNT, **change(daemon.folder, "old")
    )
    assert (await client.finish(begun)).body["status"] == "Succeeded"
    await client.set_traffic("my-endpoint", blue=100)
    assert await served(client) == {"200 old"}
    return code
