"""What a real Prometheus finds out about a daemon."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.harness import WAIT_S, Daemon, Load
from tests.e2e.test_in_flight import declare
from tests.free_port import free_port

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
CALLS, DIRECT_CALLS = 12, 3
LABELS = {"endpoint": "my-endpoint", "deployment": "blue"}
SCRAPE = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs: [{{job_name: turnout, static_configs: [{{targets: ['{target}']}}]}}]
"""


@asynccontextmanager
async def called_daemon(
    daemon_with: Callable[..., Daemon], folder: Path
) -> AsyncIterator[tuple[Daemon, aiohttp.ClientSession]]:
    """A daemon with two workers, of which an endpoint was called a few times."""
    daemon = daemon_with(declare(folder), data_plane=", workers: 2")
    (folder / "gate").touch()
    shown = json.loads(await daemon.run("online-endpoint", "show", "-n", "my-endpoint"))
    keys = json.loads(await daemon.run("online-endpoint", "get-credentials", "-n", "my-endpoint"))
    async with aiohttp.ClientSession() as session:
        load = Load(session, shown["scoring_uri"], keys["primaryKey"], b"{}")
        await load.sample(CALLS)
        await load.sample(DIRECT_CALLS, "blue")
        assert not load.failed
        yield daemon, session


async def test_counters_are_those_of_what_was_sent(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    async with (
        called_daemon(daemon_with, tmp_path) as (daemon, session),
        session.get(f"{daemon.url}/metrics") as response,
    ):
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        text = await response.text()
    found = [s for family in text_string_to_metric_families(text) for s in family.samples]
    assert {s.labels["worker"] for s in found if s.name == "turnout_generation"} == {"0", "1"}

    def total(name: str, **labels: str) -> float:
        return sum(s.value for s in found if s.name == name and labels.items() <= s.labels.items())

    assert total("turnout_live_requests_total", **LABELS) == CALLS
    assert total("turnout_direct_requests_total", **LABELS) == DIRECT_CALLS
    assert total("turnout_answered_requests_total", **LABELS) == CALLS + DIRECT_CALLS
    assert total("turnout_accepted_requests_total") == CALLS + DIRECT_CALLS
    assert total("turnout_in_flight_requests") == 0
    assert total("turnout_request_bytes_total", endpoint="my-endpoint") > 0
    assert total("turnout_control_plane_process_open_fds") > 0


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing: apt-get install prometheus")
async def test_promtool_finds_nothing_to_mend(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    assert PROMTOOL is not None
    async with (
        called_daemon(daemon_with, tmp_path) as (daemon, session),
        session.get(f"{daemon.url}/metrics") as response,
    ):
        text = await response.read()
    process = await asyncio.create_subprocess_exec(
        PROMTOOL, "check", "metrics",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(text), WAIT_S)
    assert (process.returncode, said) == (0, b"")


@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is missing: apt-get install prometheus")
async def test_prometheus_scrapes_it_and_answers_queries(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    assert PROMETHEUS is not None
    port = free_port()
    async with called_daemon(daemon_with, tmp_path) as (daemon, session):
        config = tmp_path / "prometheus.yml"
        config.write_text(SCRAPE.format(target=daemon.url.removeprefix("http://")))
        with (tmp_path / "prometheus.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data",
                f"--web.listen-address=127.0.0.1:{port}", stdout=log, stderr=log,
            )  # fmt: skip
        try:
            query = {"query": "sum by (endpoint) (turnout_answered_requests_total)"}
            async with asyncio.timeout(WAIT_S):
                while True:
                    result = await asked(session, f"http://127.0.0.1:{port}/api/v1/query", query)
                    if result:
                        break
                    await asyncio.sleep(0.1)
        finally:
            process.terminate()
            await process.wait()
    (row,) = result
    assert row["metric"] == {"endpoint": "my-endpoint"}
    assert row["value"][1] == str(CALLS + DIRECT_CALLS)


async def asked(
    session: aiohttp.ClientSession, url: str, query: dict[str, str]
) -> list[dict[str, Any]]:
    """What Prometheus answers; nothing until it is up."""
    try:
        async with session.get(url, params=query) as response:
            if response.status != 200:
                return []
            found: list[dict[str, Any]] = (await response.json())["data"]["result"]
            return found
    except aiohttp.ClientConnectionError:
        return []
