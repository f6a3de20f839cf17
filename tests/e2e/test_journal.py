"""The standing proof that production runs the simulated core, on a bad day.

Two workers of a real daemon keep journals while traffic moves, copies are made, bandwidth is
short and an instance is killed; each journal, decided anew, must come to the same.
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


async def create(daemon: Daemon) -> tuple[str, str]:
    """An endpoint with two deployments; where it is, and its key."""
    folder = daemon.folder
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCRIPT)
    (folder / "endpoint.yml").write_text("name: my-endpoint\nauth_mode: key\n")
    await daemon.run("online-endpoint", "create", "-f", "endpoint.yml", cwd=folder)
    for name, traffic in (("blue", ["--all-traffic"]), ("green", [])):
        (folder / f"{name}.yml").write_text(DEPLOYMENT.format(name=name))
        create = ("online-deployment", "create", "-f", f"{name}.yml", *traffic)
        await daemon.run(*create, cwd=folder)
    shown = json.loads(await daemon.run("online-endpoint", "show", "-n", "my-endpoint"))
    keys = json.loads(await daemon.run("online-endpoint", "get-credentials", "-n", "my-endpoint"))
    return shown["scoring_uri"], keys["primaryKey"]


async def test_two_workers_journals_are_decided_anew_as_they_were(
    daemon_with: Callable[..., Daemon],
) -> None:
    daemon = daemon_with(QUOTAS, data_plane=", workers: 2, journal: true")
    uri, key = await create(daemon)
    update = ("online-endpoint", "update", "-n", "my-endpoint")
    async with aiohttp.ClientSession() as session:
        load = Load(session, uri, key, BODY)
        async with load.running():
            await daemon.run(*update, "--mirror-traffic", "green=50")
            victims = recorded_pids(daemon.folder / ".turnout", "i")
            os.kill(min(victims.values()), signal.SIGKILL)
            await daemon.run(*update, "--mirror-traffic", "green=0")
            await daemon.run(*update, "--traffic", "blue=60 green=40")
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
