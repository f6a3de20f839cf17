"""The daemon's file while it runs: taken when it changes, refused whole, owner of endpoints."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import CONFIG, LIMIT_S, OK, Client, Daemon

DEPLOYMENT = (
    "name: {name}\nendpoint_name: declared\n"
    "code_configuration: {{code: {name}, scoring_script: score.py}}\n"
    "environment_variables: {{}}\n"
)
BROKEN = "def init(): raise OSError('no weights')\ndef run(raw): pass\n"


def declaration(*deployments: str, **traffic: int) -> dict[str, object]:
    files = [f"{name}.yml" for name in deployments]
    return {"endpoint": "endpoint.yml", "deployments": files, "traffic": traffic}


def write_files(folder: Path) -> None:
    (folder / "endpoint.yml").write_text("name: declared\nauth_mode: key\n")
    for name in ("blue", "green"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "score.py").write_text(OK.replace("ok", name))
        (folder / f"{name}.yml").write_text(DEPLOYMENT.format(name=name))


@pytest.fixture(scope="module")
def running() -> Iterator[Daemon]:
    folder = Path(tempfile.mkdtemp(prefix="t-"))
    write_files(folder)
    daemon = Daemon(folder, CONFIG).wait_ready()
    yield daemon
    code = daemon.stop()
    daemon.end()
    shutil.rmtree(folder)
    assert code == 0


@pytest.fixture
async def client(running: Daemon) -> AsyncIterator[Client]:
    async with Client(running) as client:
        yield client


@pytest.fixture
async def daemon(running: Daemon, client: Client) -> Daemon:
    """One whose file declares an endpoint with blue; on SIGHUP, though nothing has changed."""
    before = await configuration(client)
    write_files(running.folder)
    running.config = CONFIG
    running.write_config(endpoints=[declaration("blue", blue=100)])
    running.process.send_signal(signal.SIGHUP)
    state = await wait_loaded(client, before)
    assert state["error"] is None
    assert state["endpoints"] == endpoint_state("Succeeded")
    return running


async def configuration(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = (await client.call("GET", "/status")).body["configuration"]
    return found


async def wait_for(client: Client, **expected: object) -> dict[str, Any]:
    """Returns when the configuration is in this state; ``error`` need only hold the words."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            state = await configuration(client)
            if all(_fits(state[key], value) for key, value in expected.items()):
                return state
            await asyncio.sleep(0.05)


def _fits(found: object, expected: object) -> bool:
    return expected in found if isinstance(found, str) and isinstance(expected, str) else (
        found == expected
    )  # fmt: skip


def endpoint_state(state: str) -> dict[str, object]:
    return {"declared": {"at": "$.endpoints[0]", "state": state, "error": None}}


async def wait_loaded(client: Client, before: dict[str, Any]) -> dict[str, Any]:
    """Returns when a newer file than ``before`` is in force, and its endpoints are settled."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            state = await configuration(client)
            settled = all(e["state"] != "Updating" for e in state["endpoints"].values())
            if state["loaded_at"] != before["loaded_at"] and settled:
                return state
            await asyncio.sleep(0.05)


async def metric(client: Client, daemon: Daemon, name: str) -> float:
    url = f"{daemon.addresses['control_base']}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        lines = (await answer.text()).splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith(f"turnout_config_{name} ")]
    return float(value)


async def traffic(client: Client) -> object:
    return (await client.call("GET", "declared")).body["properties"]["traffic"]


async def deployments(client: Client) -> list[str]:
    listed = await client.call("GET", "declared/deployments")
    return [deployment["name"] for deployment in listed.body["value"]]


async def test_a_rollout_is_done_by_editing_the_file(daemon: Daemon, client: Client) -> None:
    assert (await client.score("declared")).body == "blue"
    instances = daemon.pids("i")
    before = await configuration(client)
    daemon.code("blue", OK.replace("ok", "edited"))
    daemon.write_config(endpoints=[declaration("blue", "green", blue=90, green=10)])
    state = await wait_loaded(client, before)
    assert state["endpoints"] == endpoint_state("Succeeded")
    assert await traffic(client) == {"blue": 90, "green": 10}
    # Blue was not touched: its code is the copy that was made when it was declared.
    assert daemon.pids("i").items() > instances.items()
    daemon.write_config(endpoints=[declaration("green", green=100)])
    await wait_loaded(client, state)
    assert await deployments(client) == ["green"]
    assert (await client.score("declared")).body == "green"


async def test_files_that_the_file_names_are_watched_too_also_behind_links(
    daemon: Daemon, client: Client
) -> None:
    state = await configuration(client)
    path = daemon.folder / "endpoint.yml"
    path.write_text(path.read_text() + "tags: {written: in place}\n")
    state = await wait_loaded(client, state)
    assert (await client.call("GET", "declared")).body["tags"] == {"written": "in place"}
    # As Kubernetes updates files: a link to a folder is replaced by one to another folder.
    text = (daemon.folder / "endpoint.yml").read_text()
    for version in ("first", "second"):
        (daemon.folder / version).mkdir()
        (daemon.folder / version / "endpoint.yml").write_text(text.replace("in place", version))
    (daemon.folder / "..data").symlink_to("first")
    (daemon.folder / "new").symlink_to("..data/endpoint.yml")
    (daemon.folder / "new").replace(path)
    state = await wait_loaded(client, state)
    assert (await client.call("GET", "declared")).body["tags"] == {"written": "first"}
    (daemon.folder / "new").symlink_to("second")
    (daemon.folder / "new").replace(daemon.folder / "..data")
    await wait_loaded(client, state)
    assert (await client.call("GET", "declared")).body["tags"] == {"written": "second"}
    path.unlink()


async def test_a_bad_file_is_refused_whole_and_the_next_good_one_is_taken(
    daemon: Daemon, client: Client
) -> None:
    daemon.write_config(
        quotas={"requests_per_s": 0}, endpoints=[declaration("blue", "green", green=100)]
    )
    state = await wait_for(
        client, error="turnout.yml: expected `int` >= 1, got 0 (int), at `$.quotas.requests_per_s`"
    )
    assert state["refused_at"] > state["loaded_at"]
    assert await metric(client, daemon, "last_reload_successful") == 0
    assert "is refused, the one before stays in force" in daemon.log.read_text()
    assert await traffic(client) == {"blue": 100}
    assert await deployments(client) == ["blue"]
    daemon.write_config(quotas={}, endpoints=[declaration("blue", "green", green=100)])
    state = await wait_loaded(client, state)
    assert (state["error"], state["refused_at"]) == (None, None)
    assert await metric(client, daemon, "last_reload_successful") == 1
    assert await metric(client, daemon, "last_reload_success_timestamp_seconds") > 1.7e9
    assert await traffic(client) == {"green": 100}


async def test_a_file_that_names_what_is_not_registered_is_refused_whole(
    daemon: Daemon, client: Client
) -> None:
    (daemon.folder / "blue/score.py").write_text(OK.replace("ok", "new"))
    green = DEPLOYMENT.format(name="green").replace("code: green", "code: azureml:fraud:7")
    (daemon.folder / "green.yml").write_text(green)
    daemon.write_config(endpoints=[declaration("blue", "green", blue=50, green=50)])
    await wait_for(client, error="fraud")
    assert await traffic(client) == {"blue": 100}
    assert (await client.score("declared")).body == "blue"
    assert await deployments(client) == ["blue"]


async def test_a_file_that_is_named_before_it_is_there_is_taken_when_it_comes(
    daemon: Daemon, client: Client
) -> None:
    before = await configuration(client)
    (daemon.folder / "green.yml").rename(daemon.folder / "away.yml")
    daemon.write_config(endpoints=[declaration("blue", "sub/green", blue=100)])
    await wait_for(client, error="sub/green.yml: expected a file, got none")
    (daemon.folder / "sub").mkdir()
    text = (daemon.folder / "away.yml").read_text().replace("code: green", "code: ../green")
    (daemon.folder / "sub/green.yml").write_text(text)
    state = await wait_loaded(client, before)
    assert state["error"] is None
    assert await deployments(client) == ["blue", "green"]


async def test_a_client_may_not_change_what_the_file_declares(
    daemon: Daemon, client: Client
) -> None:
    body = {"properties": {"traffic": {"blue": 0}}}
    for refused in (
        await client.call("PUT", "declared", body),
        await client.call("DELETE", "declared"),
        await client.put_deployment("declared", "green", str(daemon.folder / "green")),
        await client.call("DELETE", "declared/deployments/blue"),
    ):
        assert (refused.status, refused.body["error"]["code"]) == (409, "Conflict")
        assert f"in {daemon.path}, which declares it at `$.endpoints[0]`" in refused.message
        assert f"({daemon.folder}/endpoint.yml, {daemon.folder}/blue.yml)" in refused.message
    # Keys are no part of the file.
    key = {"keyType": "Primary", "keyValue": "k" * 16}
    assert (await client.call("POST", "declared/regenerateKeys", key)).status == 200
    assert await traffic(client) == {"blue": 100}
    assert (await client.call("PUT", "others", {"properties": {}})).status == 201


async def test_an_endpoint_that_is_taken_out_of_the_file_serves_on_and_is_released(
    daemon: Daemon, client: Client
) -> None:
    before = await configuration(client)
    daemon.write_config(endpoints=[])
    state = await wait_loaded(client, before)
    assert state["endpoints"] == {}
    assert "endpoint 'declared' is declared no longer: it serves on" in daemon.log.read_text()
    assert (await client.score("declared")).body == "blue"
    green = await client.put_deployment("declared", "green", str(daemon.folder / "green"))
    assert (await client.finish(green)).body["status"] == "Succeeded"
    # Whoever declares it again must not delete what came meanwhile, without knowing it.
    daemon.write_config(endpoints=[declaration("blue", blue=100)])
    await wait_for(client, error="got none of green, at `$.endpoints[0].deployments`")
    daemon.write_config(endpoints=[declaration("blue", "green", green=100)])
    await wait_loaded(client, state)
    assert (await client.score("declared")).body == "green"


async def test_quotas_change_while_the_daemon_runs_and_ports_do_not(
    daemon: Daemon, client: Client
) -> None:
    before = await configuration(client)
    daemon.write_config(
        data_plane={"port": 1, "workers": 2, "drain_timeout_ms": 1000},
        quotas={"endpoints": {"declared": {"requests_per_s": 1}}},
    )
    state = await wait_loaded(client, before)
    assert state["needs_restart"] == ["data_plane.port"]
    assert await metric(client, daemon, "keys_for_restart") == 1
    assert "`data_plane.port` has changed, which needs a restart" in daemon.log.read_text()
    async with asyncio.timeout(LIMIT_S):
        while (await client.score("declared")).status != 429:
            pass
    daemon.write_config(data_plane=CONFIG["data_plane"], quotas={})
    state = await wait_loaded(client, state)
    assert state["needs_restart"] == []
    assert [(await client.score("declared")).status for _ in range(3)] == [200] * 3


async def test_a_declared_update_that_fails_leaves_the_old_serving_and_can_be_taken_back(
    daemon: Daemon, client: Client
) -> None:
    before = await configuration(client)
    path = daemon.folder / "blue.yml"
    text = path.read_text()
    (daemon.folder / "broken").mkdir()
    (daemon.folder / "broken/score.py").write_text(BROKEN)
    path.write_text(text.replace("code: blue", "code: broken"))
    state = await wait_loaded(client, before)
    assert state["endpoints"]["declared"]["state"] == "Failed"
    assert "no weights" in state["endpoints"]["declared"]["error"]
    assert await metric(client, daemon, "failed_endpoints") == 1
    assert (await client.score("declared")).body == "blue"
    path.write_text(text)
    state = await wait_loaded(client, state)
    assert state["endpoints"] == endpoint_state("Succeeded")
    shown = await client.call("GET", "declared/deployments/blue")
    assert shown.body["properties"]["provisioningState"] == "Succeeded"


async def test_declared_endpoints_serve_when_the_daemon_is_ready_also_after_a_kill(
    start_daemon: StartDaemon, folder: Path
) -> None:
    write_files(folder)
    daemon = start_daemon(**CONFIG, endpoints=[declaration("blue", blue=100)]).wait_ready()
    async with Client(daemon) as client:
        assert (await client.score("declared")).body == "blue"
    instances = daemon.pids("i")
    daemon.kill()
    daemon.config = {**daemon.config, "endpoints": [declaration("blue", "green", green=100)]}
    daemon.restart()
    async with Client(daemon) as client:
        assert (await client.score("declared")).body == "green"
    assert daemon.pids("i").items() > instances.items()


def test_a_wrong_declaration_is_refused_before_anything_starts(
    start_daemon: StartDaemon, folder: Path
) -> None:
    write_files(folder)
    (folder / "blue.yml").write_text("name: blue\nendpoint_name: declared\n")
    daemon = start_daemon(**CONFIG, endpoints=[declaration("blue", blue=100)])
    assert daemon.wait() == 1
    assert "blue.yml: expected the key `code_configuration`" in daemon.log.read_text()
    assert not daemon.state.exists()


async def test_a_reload_by_command_reads_the_file_again_as_sighup_does(
    daemon: Daemon, client: Client
) -> None:
    before = await configuration(client)
    reloaded = await client.call("POST", "/reload")
    assert reloaded.status == 200
    assert reloaded.body["configuration"]["loaded_at"] > before["loaded_at"]
