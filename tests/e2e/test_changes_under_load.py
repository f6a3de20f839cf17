"""Changes other than traffic, under load: nothing a client sent may fail."""

import os
import signal
from pathlib import Path

import aiohttp

from tests.e2e.harness import Daemon, Load
from tests.records import recorded_pids

DEPLOYMENT = """
name: blue
endpoint_name: my-endpoint
code_configuration: {code: code/, scoring_script: score.py}
instance_count: 2
request_settings: {max_concurrent_requests_per_instance: 50}
"""
ON = ("--name", "blue", "--endpoint-name", "my-endpoint")


def write_script(folder: Path, version: int) -> None:
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "score.py").write_text(
        f"def init(): pass\ndef run(raw): return 'version {version}'\n"
    )


def instance_pids(daemon: Daemon) -> list[int]:
    return list(recorded_pids(daemon.folder / ".turnout", "i").values())


async def test_a_rolling_update_scaling_new_keys_and_a_killed_instance_fail_no_request(
    daemon: Daemon,
) -> None:
    folder = daemon.folder
    write_script(folder, 1)
    (folder / "blue.yml").write_text(DEPLOYMENT)
    endpoint = ("--name", "my-endpoint")
    await daemon.run("ml", "online-endpoint", "create", *endpoint)
    await daemon.run(
        "ml", "online-deployment", "create", "-f", "blue.yml", "--all-traffic", cwd=folder
    )
    show = ("--query", "scoring_uri", "-o", "tsv")
    uri = await daemon.run("ml", "online-endpoint", "show", *endpoint, *show)
    query = ("--query", "primaryKey", "-o", "tsv")
    key = await daemon.run("ml", "online-endpoint", "get-credentials", *endpoint, *query)
    async with aiohttp.ClientSession() as session:
        load = Load(session, uri, key, b"x")
        async with load.running():
            write_script(folder, 2)
            update = ("ml", "online-deployment", "update")
            await daemon.run(*update, *ON, "-f", "blue.yml", cwd=folder)
            headers = {"Authorization": f"Bearer {key}"}
            async with session.post(uri, data=b"x", headers=headers) as response:
                assert await response.json() == "version 2", "the update had returned"
            await daemon.run(*update, *ON, "--set", "instance_count=3")
            await daemon.run(*update, *ON, "--set", "instance_count=2")
            secondary = ("--key-type", "secondary")
            await daemon.run("ml", "online-endpoint", "regenerate-keys", *endpoint, *secondary)
            (victim, _) = instance_pids(daemon)
            os.kill(victim, signal.SIGKILL)
            settings = "request_settings.request_timeout_ms=8000"
            await daemon.run(*update, *ON, "--set", settings)
        assert load.failed == []
        assert load.served.total() > 0
