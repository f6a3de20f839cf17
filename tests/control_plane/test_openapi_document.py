"""The OpenAPI document has every route that is registered, and no other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from router.control_plane import openapi
from router.control_plane.api import make_app
from router.control_plane.assets_api import asset_routes
from router.control_plane.blobs_api import blob_routes
from router.control_plane.config_file import ConfigFile, FirstReading
from router.control_plane.declarations import Declarations
from router.control_plane.described import Anything, described
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.metrics import Metrics
from router.control_plane.reload_api import Reload
from router.control_plane.service import ControlPlane
from router.control_plane.store import Store
from router.control_plane.workers import WorkerPool
from router.core.config import DaemonConfig, DataPlaneSettings
from tests.control_plane.daemon import Client

METHODS = {"get", "put", "post", "patch", "delete"}
BLOBS = "/blobs/{container}/{name}"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[web.Application]:
    """The whole API, of a control plane that is not started."""
    folder = StateFolder(tmp_path)
    store = Store.open(":memory:")
    settings = LiveSettings(DaemonConfig())
    pool = WorkerPool(folder, DataPlaneSettings(), settings)
    plane = ControlPlane(store, folder, pool, settings)
    app = make_app(plane, dict)
    file = ConfigFile(
        FirstReading(DaemonConfig(), tmp_path, None),
        settings,
        plane,
        Declarations(plane, store, None),
    )
    app.add_routes([web.post("/reload", Reload(pool, file, dict).post)])
    app.add_routes([web.get("/metrics", Metrics(pool.statistics_by_worker).get)])
    app.add_routes(asset_routes(plane.registry, plane.blobs))
    app.add_routes(blob_routes(plane.blobs, 1))
    app.add_routes([web.get(openapi.PATH, openapi.Document(app).get)])
    yield app
    store.close()


def operations(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method, path) for path, item in document["paths"].items() for method in item}


def registered(app: web.Application) -> set[tuple[str, str]]:
    return {
        (route.method.lower(), route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


def test_the_document_has_each_route_but_the_blob_stores(app: web.Application) -> None:
    documented = operations(openapi.document_of(app))
    assert registered(app) - documented == {("get", BLOBS), ("put", BLOBS)}
    assert documented <= registered(app)
    assert {method for method, _ in documented} == METHODS


async def test_the_daemon_serves_the_document_of_its_routes(
    client: Client, app: web.Application
) -> None:
    answer = await client.call("GET", openapi.PATH)
    assert answer.status == 200
    assert answer.body == openapi.document_of(app)


def test_a_route_without_a_description_is_an_error() -> None:
    async def handler(_: web.Request) -> web.Response:
        raise AssertionError

    app = web.Application()
    app.add_routes([web.get("/described", described("It is", {200: Anything})(handler))])
    assert operations(openapi.document_of(app)) == {("get", "/described")}

    async def another(_: web.Request) -> web.Response:
        raise AssertionError

    app.add_routes([web.get("/new", another)])
    with pytest.raises(AssertionError, match=r"/new.* is not described"):
        openapi.document_of(app)


def test_what_begins_an_operation_says_so_in_its_answers(app: web.Application) -> None:
    document = openapi.document_of(app)
    paths: Any = document["paths"]
    with_headers = {
        (method, path.rpartition("/")[2], status)
        for path, item in paths.items()
        for method, operation in item.items()
        for status, response in operation["responses"].items()
        if set(response.get("headers", ())) == {"Azure-AsyncOperation", "Retry-After"}
    }
    assert with_headers == {
        ("put", "{deployment}", "200"),
        ("put", "{deployment}", "201"),
        ("delete", "{deployment}", "202"),
        ("delete", "{endpoint}", "202"),
    }


def test_every_reference_leads_to_a_schema(app: web.Application) -> None:
    document: Any = openapi.document_of(app)
    found = set(references(document))
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert found <= schemas
    assert {f"#/components/schemas/{name}" for name in ("EndpointBody", "DeploymentBody")} <= found


def references(value: object) -> list[str]:
    """Every `$ref` in a document."""
    if isinstance(value, list):
        return [found for part in value for found in references(part)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if "$ref" in value else []
    return own + [found for part in value.values() for found in references(part)]


def test_where_text_is_wanted_numbers_and_truth_values_are_said_to_do(app: web.Application) -> None:
    document: Any = openapi.document_of(app)
    principal = document["components"]["schemas"]["Identity"]["properties"]["principalId"]
    kinds = {str(choice["type"]) for choice in principal["anyOf"]}
    assert kinds == {"['string', 'number', 'boolean']", "null"}
