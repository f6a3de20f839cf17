"""What a user is told of limits, and that saturated deployments grow whatever WORKER_COUNT is."""

from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.e2e.harness import Daemon
from tests.e2e.test_scaling import (
    BY_LOAD,
    DEPLOYMENT,
    ENDPOINT,
    SLOW,
    becomes,
    deploy,
    load_on,
    pids,
)

ONE_AT_A_TIME = """
request_settings: {max_concurrent_requests_per_instance: 1}
environment_variables: {WORKER_COUNT: '3'}
"""
DIES = "import os\ndef init(): pass\ndef run(raw): os.abort()\n"


def declare(folder: Path, deployment: str) -> str:
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SLOW)
    (folder / "endpoint.yml").write_text(ENDPOINT)
    (folder / "blue.yml").write_text(deployment)
    return (
        f"endpoints: [{{endpoint: {folder}/endpoint.yml, deployments: [{folder}/blue.yml], "
        f"traffic: {{blue: 100}}}}]\n"
    )


async def test_more_workers_than_requests_let_in_do_not_hide_that_it_is_saturated(
    daemon_with: Callable[[str], Daemon], tmp_path: Path
) -> None:
    kept = "".join(
        line for line in DEPLOYMENT.splitlines(keepends=True) if "request_settings" not in line
    )
    daemon = daemon_with(declare(tmp_path, kept + BY_LOAD + ONE_AT_A_TIME))
    async with aiohttp.ClientSession() as session:
        load = await load_on(daemon, session)
        async with load.running():
            await becomes(lambda: len(pids(daemon)), 3)


async def test_what_a_declared_deployment_does_not_get_is_in_the_daemons_log(
    daemon_with: Callable[[str], Daemon], tmp_path: Path
) -> None:
    asks = "instance_type: huge\nresources: {limits: {cpu: 500m, nvidia.com/gpu: '1'}}\n"
    daemon = daemon_with(declare(tmp_path, DEPLOYMENT + asks))
    log = (daemon.folder / "daemon.log").read_text()
    said = "deployment 'blue' of endpoint 'my-endpoint': "
    for warning in ("instance_type 'huge' is none of", "limits of nvidia.com/gpu do nothing"):
        assert log.count(said + warning) == 1


async def test_how_an_instance_ended_and_its_limits_are_in_the_daemons_log(daemon: Daemon) -> None:
    await deploy(daemon, DIES, "resources: {limits: {memory: 100Mi}}\n")
    log = daemon.folder / "daemon.log"
    async with aiohttp.ClientSession() as session:
        load = await load_on(daemon, session)
        await load.send()
    said = "(limited to 100 MiB of memory) ended unexpectedly (signal 6)"
    await becomes(lambda: said in log.read_text(), value=True)
