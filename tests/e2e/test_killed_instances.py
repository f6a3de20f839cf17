"""One of two instances is killed every two seconds under an open load: no client may notice.

TURNOUT_KILLS_S sets for how long; what was measured stands in the JUnit report. Requests come
at their own times, whether the ones before are answered or not, and each answer is checked
against what was asked.
"""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.e2e.harness import Daemon
from tests.records import recorded_pids

SECONDS = float(os.environ.get("TURNOUT_KILLS_S", "8"))
PER_S = 500
KILL_EVERY_S = 2.0
ENDPOINT = ("--name", "my-endpoint")
SCRIPT = """
import json, os
def init(): pass
def run(raw): return {'nonce': json.loads(raw), 'pid': os.getpid()}
"""
# While one instance is down, a second's requests may have to wait.
DEPLOYMENT = """
name: blue
endpoint_name: my-endpoint
code_configuration: {code: code/, scoring_script: score.py}
instance_count: 2
request_settings: {max_concurrent_requests_per_instance: 250}
"""


class OpenLoad:
    """PER_S requests a second over as many connections as are needed."""

    def __init__(self, session: aiohttp.ClientSession, uri: str, key: str) -> None:
        self.answered = 0
        self.failed: Counter[str] = Counter()
        self.served_by: Counter[int] = Counter()
        self.latencies_ms: list[float] = []
        self._session = session
        self._uri = uri
        self._headers = {"Authorization": f"Bearer {key}"}

    async def run(self, seconds: float) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * PER_S)):
                await asyncio.sleep(began + number / PER_S - time.monotonic())
                group.create_task(self._ask(number))

    async def _ask(self, nonce: int) -> None:
        began = time.monotonic()
        try:
            async with self._session.post(
                self._uri, data=str(nonce), headers=self._headers
            ) as response:
                text = await response.text()
        except aiohttp.ClientError as error:
            self.failed[repr(error)] += 1
            return
        self.latencies_ms.append((time.monotonic() - began) * 1000)
        if response.status != 200:
            self.failed[f"{response.status} {text}"] += 1
            return
        answer = json.loads(text)
        if answer["nonce"] != nonce:
            self.failed["another's answer"] += 1
            return
        self.answered += 1
        self.served_by[answer["pid"]] += 1


async def kill_one_again_and_again(state: Path, killed: list[int]) -> None:
    """The older and the newer one in turns, of those that run."""
    while True:
        await asyncio.sleep(KILL_EVERY_S)
        pids = recorded_pids(state, "i")
        victim = sorted(pids, key=lambda name: int(name[1:]))[-(len(killed) % 2)]
        os.kill(pids[victim], signal.SIGKILL)
        killed.append(pids[victim])


async def serve(daemon: Daemon) -> tuple[str, str]:
    """Brings up two instances; returns the endpoint's URI and key."""
    (daemon.folder / "code").mkdir()
    (daemon.folder / "code" / "score.py").write_text(SCRIPT)
    (daemon.folder / "blue.yml").write_text(DEPLOYMENT)
    await daemon.run("ml", "online-endpoint", "create", *ENDPOINT)
    create = ("ml", "online-deployment", "create", "-f", "blue.yml", "--all-traffic")
    await daemon.run(*create, cwd=daemon.folder)
    uri = await daemon.run(
        "ml", "online-endpoint", "show", *ENDPOINT, "--query", "scoring_uri", "-o", "tsv"
    )
    keys = ("get-credentials", *ENDPOINT, "--query", "primaryKey", "-o", "tsv")
    return uri, await daemon.run("ml", "online-endpoint", *keys)


async def test_killing_one_of_two_instances_every_two_seconds_fails_no_request(
    daemon: Daemon, record_property: Callable[[str, object], None]
) -> None:
    uri, key = await serve(daemon)
    killed: list[int] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        load = OpenLoad(session, uri, key)
        killing = asyncio.create_task(kill_one_again_and_again(daemon.folder / ".turnout", killed))
        try:
            await load.run(SECONDS)
        finally:
            killing.cancel()
    found = sorted(load.latencies_ms)
    for name, value in (
        ("answered", load.answered),
        ("killed", len(killed)),
        ("p50_ms", found[len(found) // 2]),
        ("p99_ms", found[len(found) * 99 // 100]),
        ("longest_ms", found[-1]),
    ):
        record_property(name, round(value, 1))
    assert load.failed == {}
    assert load.answered == int(SECONDS * PER_S)
    assert len(killed) >= SECONDS // KILL_EVERY_S - 1
    # They did work when they were killed, and so did those that took their places.
    assert len(load.served_by) > 2
