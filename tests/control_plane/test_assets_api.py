"""The API of assets, workspace and datastore over HTTP, on a real daemon (azure.md 8.4, 8.5)."""

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import CONFIG, WORKSPACE, Client, Daemon, deployment_body


async def put_model(client: Client, name: str, version: str, path: Path, **more: object) -> int:
    body = {"properties": {"modelUri": str(path), **more}}
    return (await client.call("PUT", f"{WORKSPACE}/models/{name}/versions/{version}", body)).status


async def listed(client: Client, path: str) -> list[str]:
    answer = await client.call("GET", f"{WORKSPACE}/{path}")
    assert answer.status == 200, answer.body
    assert answer.body["nextLink"] is None
    return [resource["name"] for resource in answer.body["value"]]


@pytest.fixture
def weights(shared_daemon: Daemon) -> Path:
    path = shared_daemon.folder / "weights.bin"
    path.write_text("weights")
    return path


async def test_a_version_is_answered_with_all_that_the_sdk_can_not_do_without(
    client: Client, weights: Path
) -> None:
    assert await put_model(client, "full", "1", weights, tags={"a": "b"}) == 201
    assert await put_model(client, "full", "1", weights, tags={"a": "c"}) == 200
    shown = await client.call("GET", f"{WORKSPACE}/models/full/versions/1")
    assert shown.body["id"] == f"{WORKSPACE}/models/full/versions/1"
    assert shown.body["name"] == "1"
    properties = shown.body["properties"]
    assert properties["flavors"] == {}
    assert properties["tags"] == {"a": "c"}
    assert properties["isAnonymous"] is False
    assert (await client.call("PUT", shown.body["id"], shown.body)).status == 200


async def test_other_content_under_a_version_is_a_conflict(client: Client, weights: Path) -> None:
    assert await put_model(client, "fixed", "1", weights) == 201
    other = weights.with_name("other.bin")
    await asyncio.to_thread(other.write_text, "other")
    body = {"properties": {"modelUri": str(other)}}
    refused = await client.call("PUT", f"{WORKSPACE}/models/fixed/versions/1", body)
    assert (refused.status, refused.body["error"]["code"]) == (409, "Conflict")
    assert "azureml:fixed:1 already exists" in refused.message


async def test_lists_have_the_newest_first_up_to_a_number_and_what_is_not_archived(
    client: Client, weights: Path
) -> None:
    for version in ("1", "2", "3"):
        await put_model(client, "many", version, weights)
    await put_model(client, "many", "3", weights, isArchived=True)
    versions = "models/many/versions"
    assert await listed(client, versions) == ["2", "1"]
    assert await listed(client, f"{versions}?$orderBy=createdtime%20asc") == ["1", "2"]
    assert await listed(client, f"{versions}?$orderBy=createdtime%20desc&$top=1") == ["2"]
    assert await listed(client, f"{versions}?listViewType=ArchivedOnly") == ["3"]
    assert await listed(client, f"{versions}?listViewType=All&$top=2") == ["3", "2"]
    assert await listed(client, "models/nobody/versions") == []


async def test_a_container_counts_versions_and_is_archived_and_restored(
    client: Client, weights: Path
) -> None:
    await put_model(client, "whole", "4", weights)
    path = f"{WORKSPACE}/models/whole"
    shown = await client.call("GET", path)
    assert shown.body["properties"]["latestVersion"] == "4"
    assert shown.body["properties"]["nextVersion"] == "5"
    assert "whole" in await listed(client, "models")
    archived = await client.call("PATCH", path, {"properties": {"isArchived": True}})
    assert archived.body["properties"]["isArchived"] is True
    assert "whole" not in await listed(client, "models")
    assert "whole" in await listed(client, "models?listViewType=All")
    shown.body["properties"]["isArchived"] = False
    assert (await client.call("PUT", path, shown.body)).status == 200
    assert "whole" in await listed(client, "models")
    assert (await client.call("GET", f"{WORKSPACE}/models/nobody")).status == 404


async def test_a_deleted_version_leaves_a_deployment_of_it_running(
    client: Client, shared_daemon: Daemon, weights: Path
) -> None:
    await put_model(client, "gone", "1", weights)
    await client.call("PUT", "gone", {"properties": {}})
    code = shared_daemon.code("gone")
    begun = await client.put_deployment("gone", "blue", code, model="azureml:gone:1")
    assert begun.body["properties"]["model"] == f"{WORKSPACE}/models/gone/versions/1"
    assert (await client.finish(begun)).body["status"] == "Succeeded"
    await client.set_traffic("gone", blue=100)
    path = f"{WORKSPACE}/models/gone/versions/1"
    assert (await client.call("DELETE", path)).status == 200
    assert (await client.call("DELETE", path)).status == 204
    assert (await client.call("GET", path)).status == 404
    assert (await client.score("gone")).status == 200


async def test_a_curated_environment_is_done_without_and_the_operation_says_so(
    client: Client, shared_daemon: Daemon
) -> None:
    await client.call("PUT", "curated", {"properties": {}})
    reference = "azureml://registries/azureml/environments/any/versions/1"
    begun = await client.put_deployment(
        "curated", "blue", shared_daemon.code("curated"), environmentId=reference
    )
    done = await client.finish(begun)
    assert done.body["status"] == "Succeeded"
    assert reference in done.body["properties"]["warnings"][0]


async def test_what_a_deployment_refers_to_may_be_sent_back_and_starts_nothing(
    client: Client, shared_daemon: Daemon, weights: Path
) -> None:
    await put_model(client, "back", "1", weights)
    body = {"properties": {"codeUri": shared_daemon.code("back")}}
    await client.call("PUT", f"{WORKSPACE}/codes/back/versions/1", body)
    await client.call("PUT", "back", {"properties": {}})
    deployment = deployment_body("azureml:back:1", model=f"{WORKSPACE}/models/back/labels/latest")
    path = "back/deployments/blue"
    begun = await client.call("PUT", path, deployment)
    assert (await client.finish(begun)).body["status"] == "Succeeded"
    instances = shared_daemon.pids("i")
    shown = await client.call("GET", path)
    assert shown.body["properties"]["codeConfiguration"]["codeId"].endswith(
        "/codes/back/versions/1"
    )
    done = await client.finish(await client.call("PUT", path, shown.body))
    assert done.body["status"] == "Succeeded"
    assert shared_daemon.pids("i") == instances


async def test_each_code_asset_gets_a_container_of_its_own(client: Client) -> None:
    path = f"{WORKSPACE}/codes/c/versions/1/startPendingUpload"
    body = {"pendingUploadType": "TemporaryBlobReference"}
    uris = set()
    for _ in range(2):
        answer = await client.call("POST", path, body)
        reference = answer.body["blobReferenceForConsumption"]
        assert reference["credential"]["credentialType"] == "SAS"
        assert reference["credential"]["sasUri"].startswith(reference["blobUri"] + "?")
        uris.add(reference["blobUri"])
    assert len(uris) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("PUT", "models/m/versions/1", {}, 400, "expected the key `properties`"),
        ("PUT", "models/m/versions/1", {"properties": {}}, 400, "expected the key `modelUri`"),
        ("PUT", "codes/m/versions/1", {"properties": {"codeUri": 1}}, 400, "$.properties.codeUri"),
        ("PUT", "models/m/versions/1", {"properties": {"modelUrl": ""}}, 400, "`modelUri`?"),
        ("PUT", "models/m/versions/a%20b", {"properties": {"modelUri": "/"}}, 400, "'a b'"),
        ("PUT", "models/m%2F..%2Fx/versions/1", {"properties": {"modelUri": "/"}}, 400, "name"),
        ("PATCH", "models/nobody", {"properties": {}}, 404, "'nobody'"),
        ("GET", "models/nobody/versions/1", None, 404, "azureml:nobody:1"),
        ("GET", "models/m/versions?$top=x", None, 400, "`$top`"),
        ("GET", "models/m/versions?listViewType=x", None, 400, "`listViewType`"),
        ("GET", "datastores/other", None, 404, "workspaceblobstore"),
        ("GET", "data/d/versions/1", None, 404, "Not Found"),
    ],
)
async def test_bad_input_is_refused_with_what_was_expected(
    client: Client, method: str, path: str, body: object, status: int, message: str
) -> None:
    refused = await client.call(method, f"{WORKSPACE}/{path}", body)
    assert (refused.status, refused.message.find(message) >= 0) == (status, True), refused.body


async def test_the_same_api_is_there_over_tls(start_daemon: StartDaemon) -> None:
    daemon = start_daemon().wait_ready()
    addresses = daemon.addresses
    trusting = ssl.create_default_context(cafile=addresses["certificate"])
    async with aiohttp.ClientSession() as session:
        url = f"{addresses['tls_base']}{WORKSPACE}/datastores/workspaceblobstore"
        async with session.get(url, ssl=trusting) as answer:
            datastore = await answer.json()
    account = addresses["tls_base"].removeprefix("https://")
    assert datastore["properties"]["accountName"] == f"{account}/blobs#"


async def test_without_a_tls_port_there_is_no_tls(start_daemon: StartDaemon) -> None:
    settings = {"port": 0, "tls_port": None}
    daemon = start_daemon(**{**CONFIG, "control_plane": settings}).wait_ready()
    assert daemon.addresses["tls_base"] is None
    assert not list((daemon.state / "tls").iterdir())


def test_a_busy_tls_port_is_named_with_its_setting(
    start_daemon: StartDaemon, shared_daemon: Daemon
) -> None:
    port = int(shared_daemon.addresses["tls_base"].rsplit(":", 1)[1])
    daemon = start_daemon(**{**CONFIG, "control_plane": {"port": 0, "tls_port": port}})
    assert daemon.wait() == 1
    assert f"127.0.0.1:{port}, where another program listens" in daemon.log.read_text()
    assert "set `control_plane.tls_port`" in daemon.log.read_text()


async def test_registered_assets_survive_a_kill(start_daemon: StartDaemon) -> None:
    daemon = start_daemon().wait_ready()
    weights = daemon.folder / "weights.bin"
    await asyncio.to_thread(weights.write_text, "weights")
    async with Client(daemon) as client:
        assert await put_model(client, "kept", "1", weights) == 201
        before = await client.call("GET", f"{WORKSPACE}/models/kept/versions/1")
    await asyncio.to_thread(daemon.kill)
    await asyncio.to_thread(daemon.restart)
    async with Client(daemon) as client:
        after = await client.call("GET", f"{WORKSPACE}/models/kept/versions/1")
    assert after.body == before.body
