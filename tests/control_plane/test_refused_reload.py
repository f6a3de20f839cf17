"""A configuration that is wrong when it is read again: refused whole, and said everywhere."""

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import CONFIG, LIMIT_S, Client, Daemon
from tests.control_plane.test_config_file import configuration, declaration, wait_for, write_files
from tests.e2e.harness import TURNOUT

BLUE = declaration("blue", blue=100)
# What is wrong, and what is said of it; {folder} is the daemon's.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a word where there is none": (
        {"quotas": {"requests_per_s": "many"}},
        "{folder}/turnout.yml: expected 'unlimited', got 'many', at `$.quotas.requests_per_s`",
    ),
    "a value out of range": (
        {"data_plane": {"port": 0, "workers": 0}},
        "{folder}/turnout.yml: expected `int` >= 1, got 0 (int), at `$.data_plane.workers`",
    ),
    "traffic that does not add up": (
        {"endpoints": [declaration("blue", blue=90)]},
        "{folder}/endpoint.yml, declared at `$.endpoints[0]`: expected percents that sum to 0 or "
        "100, got blue=90 with the sum 90, at `$.traffic`. Name every deployment that is to get "
        "live requests.",
    ),
    "a wrong value in a file that it names": (
        {"endpoints": [declaration("blue", "wrong", blue=100)]},
        "{folder}/wrong.yml: expected `int` >= 1, got 0 (int), at `$.instance_count`",
    ),
}


def refused(daemon: Daemon) -> list[str]:
    """The lines of the log that tell of a refusal, behind their time."""
    lines = daemon.log.read_text().splitlines()
    return [line.split(maxsplit=2)[2] for line in lines if "is refused" in line]


async def metrics(client: Client) -> tuple[float, float]:
    """Whether the last reload was a success, and how many were refused."""
    families = text_string_to_metric_families(await client.text("/metrics"))
    found = {sample.name: sample.value for family in families for sample in family.samples}
    names = ("turnout_config_last_reload_successful", "turnout_config_refused_reloads_total")
    successful, count = (found[name] for name in names)
    return successful, count


def reload(daemon: Daemon) -> "subprocess.CompletedProcess[str]":
    """The command, ended."""
    return subprocess.run(
        [TURNOUT, "reload", "--control-plane", daemon.addresses["control_base"]],
        env=os.environ, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip


async def refused_again(client: Client, before: dict[str, Any]) -> dict[str, Any]:
    """Returns when a file was refused after ``before``."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            state = await configuration(client)
            if state["refused_at"] not in {before["refused_at"], None}:
                return state
            await asyncio.sleep(0.05)


async def test_a_refused_file_is_said_whole_in_log_status_metrics_and_command(
    start_daemon: StartDaemon, folder: Path
) -> None:
    write_files(folder)
    (folder / "wrong.yml").write_text((folder / "green.yml").read_text() + "instance_count: 0\n")
    daemon = start_daemon(**CONFIG, endpoints=[BLUE]).wait_ready()
    said = [message.format(folder=folder) for _, message in WRONG.values()]
    lines = [
        f"ERROR router.control_plane.config_file: the configuration is refused, the one before "
        f"stays in force: {message}"
        for message in said
    ]
    async with Client(daemon) as client:
        assert await metrics(client) == (1, 0)
        state = await configuration(client)
        for number, (changes, _) in enumerate(WRONG.values(), 1):
            daemon.write_config(**{**CONFIG, "endpoints": [BLUE], "quotas": {}, **changes})
            state = await refused_again(client, state)
            assert state["error"] == said[number - 1]
            assert refused(daemon) == lines[:number]
            assert await metrics(client) == (0, number)
            assert (await client.score("declared")).body == "blue", "the old one serves on"
        # Read again though nothing has changed, it is refused again.
        done = reload(daemon)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == (
            f"ERROR: the configuration is refused, the one before stays in force: {said[-1]}"
        )
        assert refused(daemon) == [*lines, lines[-1]]
        assert await metrics(client) == (0, len(lines) + 1)
        daemon.write_config(**CONFIG, endpoints=[BLUE], quotas={})
        await wait_for(client, error=None)
        assert await metrics(client) == (1, len(lines) + 1)
        assert reload(daemon).returncode == 0
        assert (await client.score("declared")).body == "blue"
