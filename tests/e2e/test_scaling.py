"""Kubernetes deployments: as many instances as the load asks for, and limits that hold."""

import asyncio
import json
import os
from collections.abc import Callable

import aiohttp
import pytest

from tests.e2e.harness import WAIT_S, Daemon, Load
from tests.records import recorded_pids

ENDPOINT = "name: my-endpoint\nauth_mode: key\ncompute: azureml:my-cluster\n"
DEPLOYMENT = """
name: blue
type: kubernetes
endpoint_name: my-endpoint
code_configuration: {code: code/, scoring_script: score.py}
request_settings: {max_concurrent_requests_per_instance: 20}
"""
BY_LOAD = """
scale_settings:
  {type: target_utilization, max_instances: 3, target_utilization_percentage: 100}
"""
SLOW = "import time\ndef init(): pass\ndef run(raw): time.sleep(0.05)\n"
ON = ("--name", "blue", "--endpoint-name", "my-endpoint")


async def deploy(daemon: Daemon, script: str, more: str) -> str:
    """Creates endpoint and deployment; returns what the second command printed."""
    folder = daemon.folder
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(script)
    (folder / "endpoint.yml").write_text(ENDPOINT)
    (folder / "blue.yml").write_text(DEPLOYMENT + more)
    await daemon.run("ml", "online-endpoint", "create", "-f", "endpoint.yml", cwd=folder)
    return await daemon.run(
        "ml", "online-deployment", "create", "-f", "blue.yml", "--all-traffic", cwd=folder
    )


def pids(daemon: Daemon) -> list[int]:
    return list(recorded_pids(daemon.folder / ".turnout", "i").values())


async def becomes(what: Callable[[], object], value: object) -> None:
    async with asyncio.timeout(WAIT_S):
        while what() != value:
            await asyncio.sleep(0.02)


async def load_on(daemon: Daemon, session: aiohttp.ClientSession) -> Load:
    named = ("--name", "my-endpoint")
    show = ("online-endpoint", "show", *named, "--query", "scoring_uri", "-o", "tsv")
    uri = await daemon.run(*show)
    secret = ("online-endpoint", "get-credentials", *named, "--query", "primaryKey", "-o", "tsv")
    return Load(session, uri, await daemon.run(*secret), b"x")


async def test_instances_follow_the_load_and_no_request_fails(daemon: Daemon) -> None:
    await deploy(daemon, SLOW, BY_LOAD)
    assert len(pids(daemon)) == 1
    async with aiohttp.ClientSession() as session:
        load = await load_on(daemon, session)
        async with load.running():
            log = daemon.folder / "daemon.log"
            await becomes(lambda: log.read_text().count("is warm"), 3)
            # The user's own change comes first, and is not refused.
            await daemon.run("online-deployment", "update", *ON, "--set", "tags.a=b")
            assert len(pids(daemon)) == 3
            shown = ("online-deployment", "show", *ON, "--query", "instance_count")
            assert await daemon.run(*shown) == "3"
        trickle = asyncio.create_task(_trickle(load, lambda: len(pids(daemon)) > 1))
        await becomes(lambda: len(pids(daemon)), 1)
        await trickle
    assert load.failed == []


async def _trickle(load: Load, goes_on: Callable[[], bool]) -> None:
    while goes_on():
        await load.send()


async def test_the_number_survives_the_death_of_the_control_plane(daemon: Daemon) -> None:
    await deploy(daemon, SLOW, BY_LOAD)
    async with aiohttp.ClientSession() as session:
        load = await load_on(daemon, session)
        async with load.running():
            await becomes(lambda: len(pids(daemon)), 3)
            before = sorted(pids(daemon))
            daemon.process.kill()
            daemon.process.wait(WAIT_S)
            daemon.restart()
            assert sorted(pids(daemon)) == before
    assert load.failed == []


HUNGRY = """
import os
taken = []
def init(): pass
def run(raw):
    raw = raw.strip('"')
    if raw == "cores": return sorted(os.sched_getaffinity(0))
    taken.append(bytearray(int(raw) * 1024 * 1024))
    return len(taken)
"""


async def test_limits_hold_and_what_is_not_given_is_said(daemon: Daemon) -> None:
    limits = "resources: {requests: {cpu: '0.1'}, limits: {cpu: 500m, memory: 100Mi}}\n"
    await deploy(daemon, HUNGRY, limits)
    (pid,) = pids(daemon)
    assert len(os.sched_getaffinity(pid)) == 1
    request = daemon.folder / "request.json"
    invoke = ("online-endpoint", "invoke", "-n", "my-endpoint", "--request-file", str(request))
    request.write_text('"cores"')
    assert len(json.loads(json.loads(await daemon.run(*invoke)))) == 1
    request.write_text("50")
    assert json.loads(await daemon.run(*invoke)) == "1"
    request.write_text("400")
    with pytest.raises(AssertionError, match="424"):
        await daemon.run(*invoke)
    assert pids(daemon) == [pid], "an allocation that fails is an answer, not a death"
    logs = await daemon.run("online-deployment", "get-logs", *ON)
    assert "MemoryError" in logs


async def test_an_instance_that_its_limit_keeps_from_starting_says_so(daemon: Daemon) -> None:
    script = "hoard = bytearray(900 * 1024 * 1024)\n" + HUNGRY
    with pytest.raises(AssertionError) as failed:
        await deploy(daemon, script, "resources: {limits: {memory: 64Mi, cpu: '1'}}\n")
    assert "(limited to 64 MiB of memory and 1 cores) ended before it was ready" in str(
        failed.value
    )
    assert "MemoryError" in str(failed.value)


async def test_an_instance_type_of_the_daemons_file_stands_for_limits(
    daemon_with: Callable[[str], Daemon],
) -> None:
    daemon = daemon_with("instance_types: {small: {limits: {cpu: '1'}}}\n")
    await deploy(daemon, HUNGRY, "instance_type: small\n")
    (pid,) = pids(daemon)
    assert len(os.sched_getaffinity(pid)) == 1
