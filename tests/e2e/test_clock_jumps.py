"""The time of day jumps under every process of a daemon: nothing that counts goes by it."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.harness import WAIT_S, Daemon, Load
from tests.records import recorded_pids

LIBRARIES = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
FAKETIME = next(LIBRARIES, None)
DAY_S = 24 * 3600
JUMPS_S = (DAY_S, -400 * DAY_S, 90, -90, 0)
# The time-out is a minute: under libfaketime all processes wait for one lock whenever they ask
# for the time, on a busy machine for seconds.
DEPLOYMENT = """
name: {name}
endpoint_name: my-endpoint
code_configuration: {{code: code/, scoring_script: score.py}}
instance_count: 2
request_settings: {{max_concurrent_requests_per_instance: 50, request_timeout_ms: 60000}}
liveness_probe: {{period: 1, initial_delay: 1}}
readiness_probe: {{period: 1, initial_delay: 1}}
"""
SCRIPT = """
from datetime import datetime, timezone
def init(): pass
def run(raw): return {'time': datetime.now(timezone.utc).timestamp()}
"""


async def scored_at(session: aiohttp.ClientSession, uri: str, key: str) -> float:
    headers = {"Authorization": f"Bearer {key}"}
    async with session.post(uri, data=b"{}", headers=headers) as response:
        assert response.status == 200
        return float(json.loads(await response.read())["time"])


@pytest.mark.skipif(FAKETIME is None, reason="apt-get install faketime")
async def test_a_clock_that_jumps_fails_no_request_and_replaces_no_process(
    daemon_with: Callable[..., Daemon], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    with monkeypatch.context() as environment:
        environment.setenv("LD_PRELOAD", str(FAKETIME))
        environment.setenv("FAKETIME_TIMESTAMP_FILE", str(clock))
        environment.setenv("FAKETIME_NO_CACHE", "1")
        # As of a machine whose time is set: what counts on from its start does not jump.
        environment.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        daemon = daemon_with("", data_plane=", workers: 2")
    folder = daemon.folder
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCRIPT)
    await daemon.run("online-endpoint", "create", "-n", "my-endpoint")
    for name in "blue", "green":
        (folder / f"{name}.yml").write_text(DEPLOYMENT.format(name=name))
        create = ("online-deployment", "create", "-f", f"{name}.yml")
        await daemon.run(*create, cwd=folder)
    update = ("online-endpoint", "update", "-n", "my-endpoint")
    scale = ("online-deployment", "update", "-e", "my-endpoint", "-n", "blue")
    await daemon.run(*update, "--traffic", "blue=100")
    shown = json.loads(await daemon.run("online-endpoint", "show", "-n", "my-endpoint"))
    uri = shown["scoring_uri"]
    key = json.loads(await daemon.run("online-endpoint", "get-credentials", "-n", "my-endpoint"))[
        "primaryKey"
    ]
    state = folder / ".turnout"
    before = recorded_pids(state, "i") | recorded_pids(state, "w")
    async with aiohttp.ClientSession() as session:
        load = Load(session, uri, key, b"{}")
        async with load.running(), asyncio.timeout(2 * WAIT_S):
            for jump_s in JUMPS_S:
                new = clock.with_suffix(".new")
                new.write_text(f"{jump_s:+d}")
                new.replace(clock)
                now_s = await scored_at(session, uri, key)
                jumped_s = now_s - datetime.now(UTC).timestamp()
                assert abs(jumped_s - jump_s) < WAIT_S, "the time of day has jumped"
                # An operation, which all workers acknowledge and which stores the time.
                percent = 10 if jump_s > 0 else 0
                await daemon.run(*update, "--traffic", f"blue={100 - percent} green={percent}")
            # And one that waits for a start and for probes.
            await daemon.run(*scale, "--set", "instance_count=3")
        assert load.failed == []
        assert load.served["blue"] > 100
    after = recorded_pids(state, "i") | recorded_pids(state, "w")
    assert len(after) == len(before) + 1
    assert {name: after.get(name) for name in before} == before, "who was there is there"
