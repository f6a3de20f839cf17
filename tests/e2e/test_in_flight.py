"""How many requests a deployment takes at a time, over all workers of a real daemon."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.e2e.harness import WAIT_S, Daemon

CLIENTS = 40
CONCURRENCY = 5
IN_FLIGHT_MAX = 2 * CONCURRENCY
SCRIPT = """
import pathlib, time
def init(): pass
def run(raw):
    while not pathlib.Path({gate!r}).exists():
        time.sleep(0.01)
    return 1
"""
ENDPOINT = "name: my-endpoint\nauth_mode: key\n"
DEPLOYMENT = f"""
name: blue
endpoint_name: my-endpoint
code_configuration: {{code: code/, scoring_script: score.py}}
request_settings:
  max_concurrent_requests_per_instance: {CONCURRENCY}
  request_timeout_ms: 60000
"""


def declare(folder: Path) -> str:
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCRIPT.format(gate=str(folder / "gate")))
    (folder / "endpoint.yml").write_text(ENDPOINT)
    (folder / "blue.yml").write_text(DEPLOYMENT)
    return (
        f"endpoints: [{{endpoint: {folder}/endpoint.yml, deployments: [{folder}/blue.yml], "
        "traffic: {blue: 100}}]\n"
    )


async def test_the_places_of_a_deployment_are_shared_by_all_workers(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = daemon_with(declare(tmp_path), data_plane=", workers: 2")
    shown = json.loads(await daemon.run("ml", "online-endpoint", "show", "-n", "my-endpoint"))
    keys = json.loads(
        await daemon.run("ml", "online-endpoint", "get-credentials", "-n", "my-endpoint")
    )
    headers = {"Authorization": f"Bearer {keys['primaryKey']}"}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers=headers
    ) as session:

        async def ask() -> int:
            # A connection each: the kernel spreads them over the workers.
            async with session.post(shown["scoring_uri"], data=b"{}") as response:
                await response.read()
                return response.status

        async with asyncio.timeout(WAIT_S):
            asked = [asyncio.create_task(ask()) for _ in range(CLIENTS)]
            answered = asyncio.as_completed(asked)
            for _ in range(CLIENTS - IN_FLIGHT_MAX):
                await next(answered)
            (tmp_path / "gate").touch()
            statuses = Counter(await asyncio.gather(*asked))
            # One may be refused more where two workers wanted the last place at once.
            assert IN_FLIGHT_MAX - 1 <= statuses[200] <= IN_FLIGHT_MAX, statuses
            assert statuses == {200: statuses[200], 429: CLIENTS - statuses[200]}
            assert Counter(await asyncio.gather(*(ask() for _ in range(IN_FLIGHT_MAX)))) == {
                200: IN_FLIGHT_MAX
            }, "every place is free again"
