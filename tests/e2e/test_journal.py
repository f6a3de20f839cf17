"""The standing proof that production runs the simulated core, on a bad day.

Two workers of a real daemon keep journals while green is created, mirrored, scaled and given all
traffic, blue is deleted, bandwidth is short and an instance is killed; each journal, decided anew,
must come to the same.
"""

import json
import os
import signal
from collections.abc import Callable

import aiohttp

from sim.replay.report import replay
from tests.e2e.harness import Daemon, Load
from tests.records import recorded_pids

SCRIPT = "def init(): pass\ndef run(raw): return len(raw)\n"
DEPLOYMENT = """
name: {name}
endpoint_name: my-endpoint
code_configuration: {{code: code/, scoring_script: score.py}}
instance_count: 2
request_settings: {{max_concurrent_requests_per_instance: 50}}
"""
QUOTAS = "quotas: {bandwidth_bytes_per_s: 300000, connections: 1000}\n"
BODY = bytes(2000)
CREATE = ("online-deployment", "create", "-f")


async def create(daemon: Daemon) -> tuple[str, str]:
    """An endpoint with a deployment; where it is, and its key."""
    folder = daemon.folder
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCRIPT)
    (folder / "endpoint.yml").write_text("name: my-endpoint\nauth_mode: key\n")
    await daemon.run("online-endpoint", "create", "-f", "endpoint.yml", cwd=folder)
    for name in "blue", "green":
        (folder / f"{name}.yml").write_text(DEPLOYMENT.format(name=name))
    await daemon.run(*CREATE, "blue.yml", "--all-traffic", cwd=folder)
    shown = json.loads(await daemon.run("online-endpoint", "show", "-n", "my-endpoint"))
    keys = json.loads(await daemon.run("online-endpoint", "get-credentials", "-n", "my-endpoint"))
    return shown["scoring_uri"], keys["primaryKey"]


async def test_two_workers_journals_are_decided_anew_as_they_were(
    daemon_with: Callable[..., Daemon],
) -> None:
    daemon = daemon_with(QUOTAS, data_plane=", workers: 2, journal: true")
    uri, key = await create(daemon)
    update = ("online-endpoint", "update", "-n", "my-endpoint")
    deployment = ("-e", "my-endpoint", "-n")
    async with aiohttp.ClientSession() as session:
        load = Load(session, uri, key, BODY)
        async with load.running():
            await daemon.run(*CREATE, "green.yml", cwd=daemon.folder)
            await daemon.run(*update, "--mirror-traffic", "green=50")
            victims = recorded_pids(daemon.folder / ".turnout", "i")
            os.kill(min(victims.values()), signal.SIGKILL)
            await daemon.run(*update, "--mirror-traffic", "green=0")
            await daemon.run(*update, "--traffic", "blue=60 green=40")
            scale = ("online-deployment", "update", *deployment, "green", "--set")
            await daemon.run(*scale, "instance_count=3")
            await daemon.run(*scale, "instance_count=1")
            await daemon.run(*update, "--traffic", "blue=0 green=100")
            await daemon.run("online-deployment", "delete", *deployment, "blue", "--yes")
        await load.sample(20, deployment="green")
        stranger = Load(session, uri, "not-the-key", b"")
        assert await stranger.send() == "failed"
    assert load.failed == []
    assert daemon.end() == 0
    replayed = [replay(path) for path in daemon.folder.glob(".turnout/journals/*")]
    assert len(replayed) == 2
    for one in replayed:
        assert one.difference is None
        assert one.is_whole
        assert one.served, "both workers had requests"
    served = [served for one in replayed for served in one.served]
    for name in ("blue", "green"):
        of_it = [one for one in served if one.deployment == name]
        assert sum(one.live + one.direct for one in of_it) == load.served[name]
    assert sum(one.refusals.get("unauthorized", 0) for one in replayed) == 1
