"""SIGTERM under load and beside a request that never ends: who is answered, what is written."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.e2e.harness import WAIT_S, Daemon
from tests.e2e.raw_load import RawLoad, declare, uri_and_key, write_files

LOGGED = ", workers: 2, traffic_log: true"
DRAIN = ", drain_timeout_ms: 1500"
# Each request names the file that it makes, and the file that it waits for.
GATED = """
import json, pathlib, time
def init(): pass
def run(raw):
    made, awaited = json.loads(raw)
    pathlib.Path(made).touch()
    while not pathlib.Path(awaited).exists():
        time.sleep(0.01)
    return 'let through'
"""


def declare_gated(folder: Path) -> str:
    """Two deployments, so that one's request can't hold up the other's."""
    write_files(folder, "blue", "stuck")
    (folder / "code" / "score.py").write_text(GATED)
    return (
        f"endpoints: [{{endpoint: {folder}/endpoint.yml, traffic: {{blue: 100}}, "
        f"deployments: [{folder}/blue.yml, {folder}/stuck.yml]}}]\n"
    )


def traffic_log(daemon: Daemon) -> list[dict[str, Any]]:
    """Every line of every worker's."""
    files = (daemon.folder / ".turnout/logs").glob("traffic-w*.jsonl*")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not reached():
            await asyncio.sleep(0.01)


async def until_refused(uri: str) -> None:
    """Returns when nobody listens there any more."""
    parts = urlsplit(uri)
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(parts.hostname, parts.port)
            except ConnectionRefusedError:
                return
            writer.close()
            await asyncio.sleep(0.01)


async def test_a_request_that_outlasts_the_deadline_is_told_so_and_holds_up_no_other_and_no_exit(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = daemon_with(declare_gated(tmp_path), data_plane=LOGGED + DRAIN)
    uri, key = await uri_and_key(daemon)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:

        async def ask(deployment: str) -> tuple[int, str]:
            files = [str(tmp_path / f"{deployment}-{what}") for what in ("taken", "gate")]
            named = {"azureml-model-deployment": deployment}
            async with session.post(uri, json=files, headers=named) as response:
                return response.status, await response.text()

        asked = {name: asyncio.create_task(ask(name)) for name in ("blue", "stuck")}
        for name in asked:
            await until((tmp_path / f"{name}-taken").exists)
        daemon.process.terminate()
        await until_refused(uri)
        (tmp_path / "blue-gate").touch()
        assert await asked["blue"] == (200, '"let through"')
        # The gate of the other one is never opened: only the deadline can end this.
        assert await daemon.exit_code() == 0
        status, text = await asked["stuck"]
        assert (status, json.loads(text)["error"]["code"]) == (503, "Stopping")
    logged = {line["DeploymentName"]: line["ResponseCode"] for line in traffic_log(daemon)}
    assert logged == {"blue": 200, "stuck": 503}


async def test_after_sigterm_under_load_the_traffic_log_has_a_line_for_each_answer(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = daemon_with(declare(tmp_path), data_plane=LOGGED)
    load = RawLoad(*await uri_and_key(daemon))
    async with load.running():
        await load.some_more(500)
        daemon.process.terminate()
        assert await daemon.exit_code() == 0
        load.stop()
    logged = traffic_log(daemon)
    assert Counter(line["ResponseCode"] for line in logged) == {200: load.answered}
    assert len({line["XRequestId"] for line in logged}) == load.answered
