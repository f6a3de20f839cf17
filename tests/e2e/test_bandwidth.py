"""The bandwidth of an endpoint, over all workers of a real daemon.

TURNOUT_BANDWIDTH_S sets how long it is measured; the longer, the less the burst matters.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.e2e.harness import Daemon

SECONDS = float(os.environ.get("TURNOUT_BANDWIDTH_S", "6"))
RATE = 1_000_000
CLIENTS, BODY = 20, bytes(50_000)
SCRIPT = "def init(): pass\ndef run(raw): return len(raw)\n"
DEPLOYMENT = """
name: blue
code_configuration: {code: code/, scoring_script: score.py}
request_settings: {max_concurrent_requests_per_instance: 100, request_timeout_ms: 60000}
"""


def declare(folder: Path) -> str:
    """Two endpoints of the same kind, two workers."""
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCRIPT)
    declared = []
    for name in ("busy-endpoint", "other-endpoint"):
        (folder / f"{name}.yml").write_text(f"name: {name}\nauth_mode: key\n")
        (folder / f"{name}-blue.yml").write_text(f"endpoint_name: {name}\n{DEPLOYMENT}")
        declared.append(
            f"{{endpoint: {folder}/{name}.yml, deployments: [{folder}/{name}-blue.yml], "
            "traffic: {blue: 100}}"
        )
    return f"quotas: {{bandwidth_bytes_per_s: {RATE}}}\nendpoints: [{', '.join(declared)}]\n"


class Endpoint:
    def __init__(self, session: aiohttp.ClientSession, uri: str, key: str) -> None:
        self._session = session
        self._uri = uri
        self._headers = {"Authorization": f"Bearer {key}"}
        self.done = 0

    async def ask(self, body: bytes) -> None:
        async with self._session.post(self._uri, data=body, headers=self._headers) as response:
            assert response.status == 200, await response.text()
            assert await response.json() == len(body)
        self.done += 1


async def endpoint(daemon: Daemon, session: aiohttp.ClientSession, name: str) -> Endpoint:
    shown = json.loads(await daemon.run("ml", "online-endpoint", "show", "-n", name))
    keys = json.loads(await daemon.run("ml", "online-endpoint", "get-credentials", "-n", name))
    return Endpoint(session, shown["scoring_uri"], keys["primaryKey"])


async def statistics(daemon: Daemon, session: aiohttp.ClientSession, name: str) -> dict[str, int]:
    base = daemon.url + (
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices"
        "/workspaces/w/onlineEndpoints"
    )
    async with session.get(f"{base}/{name}/statistics?api-version=2024-04-01") as response:
        found: dict[str, int] = await response.json()
        return found


async def test_two_workers_together_pass_what_the_quota_lets_and_no_other_endpoint_waits(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = daemon_with(declare(tmp_path), data_plane=", workers: 2")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        busy, other = [
            await endpoint(daemon, session, name) for name in ("busy-endpoint", "other-endpoint")
        ]
        began = time.monotonic()
        deadline = began + SECONDS

        async def load() -> None:
            while time.monotonic() < deadline:
                await busy.ask(BODY)

        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(load())
            while time.monotonic() < deadline:
                await other.ask(b"{}")
                # Within its own quota.
                await asyncio.sleep(0.01)
        took_s = time.monotonic() - began
        counted = await statistics(daemon, session, "busy-endpoint")
        alone = await statistics(daemon, session, "other-endpoint")
    passed = counted["request_bytes"] + counted["response_bytes"]
    # Each client's last request was still on its way when the time was over.
    assert busy.done > CLIENTS
    assert passed <= 1.02 * (RATE * took_s + RATE)
    assert passed >= 0.98 * (RATE * SECONDS + RATE)
    assert alone["delayed"] == 0
    assert other.done > 0
