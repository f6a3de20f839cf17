"""The article's rollout through the command line: real daemon, processes, clients, load.

Every request of the load must be answered by a model, also while a step changes; after
each step the share of 500 live requests is exact. The worker's journal of all that, decided
anew, is the same.
"""

import json
import subprocess
from collections.abc import Callable

import aiohttp

from sim.replay.report import replay
from tests.e2e.harness import EXAMPLES, TURNOUT, Daemon, Load

SAMPLE = 500


class Rollout:
    """Steps under load, each followed by a sample that must be exact."""

    def __init__(self, daemon: Daemon, session: aiohttp.ClientSession, load: Load) -> None:
        self._daemon = daemon
        self._session = session
        self.load = load
        workspace = "subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices"
        self._statistics = (
            f"{daemon.url}/{workspace}/workspaces/w/onlineEndpoints/my-endpoint/statistics"
        )

    async def step(self, command: str, **percents: int) -> None:
        """Runs the command under load, then checks the share of SAMPLE live requests."""
        async with self.load.running():
            await self._daemon.run(*command.split())
        await self.align("scheduled")
        served = await self.load.sample(SAMPLE)
        assert served == {
            name: SAMPLE * percent // 100 for name, percent in percents.items() if percent
        }, command

    async def align(self, schedule: str) -> None:
        """Sends what completes the schedule's block of 100."""
        await self.load.sample(-(await self.statistics())[schedule] % 100)

    async def statistics(self) -> dict[str, int]:
        async with self._session.get(self._statistics) as response:
            assert response.status == 200
            found = await response.json()
        copies = {f"{d['name']}_copies": d["copies"] for d in found["deployments"]}
        return {**copies, **{key: found[key] for key in ("scheduled", "mirror_considered")}}


async def test_a_rollout_under_load_fails_no_request_and_every_share_is_exact(
    daemon_with: Callable[..., Daemon],
) -> None:
    daemon = daemon_with("", data_plane=", journal: true")
    endpoint = "online-endpoint update --name my-endpoint"
    on = "--endpoint-name my-endpoint"
    await daemon.run("ml", "online-endpoint", "create", "-n", "my-endpoint", "-f", "endpoint.yml")
    await daemon.run(
        *f"ml online-deployment create -n blue {on} -f blue-deployment.yml --all-traffic".split()
    )
    show = ("online-endpoint", "show", "-n", "my-endpoint", "-o", "tsv", "--query", "scoring_uri")
    keys = ("online-endpoint", "get-credentials", "-n", "my-endpoint", "--query", "primaryKey")
    uri, key = await daemon.run(*show), json.loads(await daemon.run(*keys))
    async with aiohttp.ClientSession() as session:
        load = Load(session, uri, key, (EXAMPLES / "sample-request.json").read_bytes())
        rollout = Rollout(daemon, session, load)
        await rollout.step(
            f"ml online-deployment update -n blue {on} --set instance_count=2", blue=100
        )
        await rollout.step(
            f"ml online-deployment create -n green {on} -f green-deployment.yml", blue=100
        )
        assert await load.sample(50, deployment="green") == {"green": 50}

        await rollout.step(f"ml {endpoint} --mirror-traffic green=10", blue=100)
        await rollout.align("mirror_considered")
        before = (await rollout.statistics())["green_copies"]
        await load.sample(SAMPLE)
        assert (await rollout.statistics())["green_copies"] - before == SAMPLE // 10

        await rollout.step(f"ml {endpoint} --mirror-traffic green=0", blue=100)
        async with load.running():
            await daemon.run("online-endpoint", "update", "-n", "my-endpoint",
                             "--traffic", "blue=90 green=10")  # fmt: skip
        await rollout.align("scheduled")
        assert await load.sample(SAMPLE) == {"blue": SAMPLE * 9 // 10, "green": SAMPLE // 10}
        async with load.running():
            await daemon.run("online-endpoint", "update", "-n", "my-endpoint",
                             "--traffic", "blue=0 green=100")  # fmt: skip
        assert await load.sample(SAMPLE) == {"green": SAMPLE}
        await rollout.step(f"ml online-deployment delete -n blue {on} --yes", green=100)
        assert load.failed == []
        assert load.served.total() > 9 * SAMPLE
    await daemon.run("ml", "online-endpoint", "delete", "-n", "my-endpoint", "--yes")
    assert json.loads(await daemon.run("ml", "online-endpoint", "list")) == []
    assert daemon.end() == 0
    (replayed,) = (replay(path) for path in daemon.folder.glob(".turnout/journals/*"))
    assert replayed.difference is None
    assert replayed.is_whole
    assert {one.deployment: one.live + one.direct for one in replayed.served} == load.served


def test_the_demo_runs_to_its_end_with_every_share_exact() -> None:
    done = subprocess.run(
        [TURNOUT, "demo"], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "none failed, every share exact" in done.stdout
