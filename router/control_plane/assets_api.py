"""The REST API of code, models and environments, and of the workspace around them (azure.md 8).

Reads requests and words answers; the registry does the rest. Which workspace is named makes
no difference: there is one. Where files are uploaded to is blobs_api.py's.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web

from router.control_plane.asset_bodies import (
    BODIES,
    ContainerBody,
    container_properties,
    version_properties,
)
from router.control_plane.asset_records import AssetId, Kind, StoredAsset, StoredContainer
from router.control_plane.asset_resources import (
    container_resource,
    datastore_resource,
    datastore_secrets,
    pending_upload,
    version_resource,
    workspace_resource,
)
from router.control_plane.blobs import DEFAULT_CONTAINER, DEFAULT_DATASTORE, Blobs
from router.control_plane.described import Anything, Resource, ResourceList, described
from router.control_plane.registry import Registry
from router.control_plane.rest import WORKSPACE, json_answer, read_body, workspace_path
from router.core.errors import BadRequest, ResourceNotFound

_KIND = "{kind:codes|models|environments}"
CONTAINER = f"{WORKSPACE}/{_KIND}/{{name}}"
VERSIONS = f"{CONTAINER}/versions"
VERSION = f"{VERSIONS}/{{version}}"
DATASTORES = f"{WORKSPACE}/datastores"
DATASTORE = f"{DATASTORES}/{{datastore}}"

LIST_VIEW_TYPE = "listViewType"
TOP_DIGITS_MAX = 9
# Which archived ones a list has, by Azure's word.
_SHOWN = {
    "activeonly": {False},
    "archivedonly": {True},
    "all": {False, True},
}


def asset_routes(registry: Registry, blobs: Blobs) -> list[web.RouteDef]:
    """The routes of the assets in ``registry``, whose files go through ``blobs``."""
    api = _AssetsApi(registry, blobs)
    return [
        web.get(f"{WORKSPACE}/{_KIND}", api.list_containers),
        web.get(CONTAINER, api.get_container),
        web.put(CONTAINER, api.put_container),
        web.patch(CONTAINER, api.patch_container),
        web.get(VERSIONS, api.list_versions),
        web.get(VERSION, api.get_version),
        web.put(VERSION, api.put_version),
        web.delete(VERSION, api.delete_version),
        web.post(f"{VERSION}/startPendingUpload", api.start_pending_upload),
        web.get(WORKSPACE, api.get_workspace),
        web.get(DATASTORES, api.list_datastores),
        web.get(DATASTORE, api.get_datastore),
        web.post(f"{DATASTORE}/listSecrets", api.list_secrets),
    ]


class _AssetsApi:
    def __init__(self, registry: Registry, blobs: Blobs) -> None:
        self._registry = registry
        self._blobs = blobs

    @described("The names of one kind of asset", {200: ResourceList}, query=(LIST_VIEW_TYPE,))
    async def list_containers(self, request: web.Request) -> web.Response:
        kind, shown = _kind(request), _shown(request)
        containers = [self._registry.container(kind, name) for name in self._registry.names(kind)]
        return _list(self._container(c, request) for c in containers if c.archived in shown)

    @described("A name, with its latest version", {200: Resource})
    async def get_container(self, request: web.Request) -> web.Response:
        container = self._registry.container(_kind(request), request.match_info["name"])
        return json_answer(self._container(container, request))

    @described(
        "Creates or replaces a name", {200: Resource, 201: Resource}, bodies=(ContainerBody,)
    )
    async def put_container(self, request: web.Request) -> web.Response:
        properties = container_properties(await read_body(request))
        return self._put_container(request, properties)

    @described("Changes what is said of a name", {200: Resource}, bodies=(ContainerBody,))
    async def patch_container(self, request: web.Request) -> web.Response:
        changes = container_properties(await read_body(request))
        old = self._registry.container(_kind(request), request.match_info["name"])
        return self._put_container(request, old.properties | changes)

    @described(
        "The versions of a name",
        {200: ResourceList},
        query=("hash", "$orderBy", "$top", LIST_VIEW_TYPE),
    )
    async def list_versions(self, request: web.Request) -> web.Response:
        kind, shown = _kind(request), _shown(request)
        if (content_hash := request.query.get("hash")) is not None and kind == "codes":
            # Whatever the name: clients ask under a random one (azure.md 8.4).
            versions = self._registry.with_hash(content_hash)
        else:
            versions = self._registry.versions(kind, request.match_info["name"])
        found = [asset for asset in _ordered(versions, request) if asset.archived in shown]
        workspace = workspace_path(request)
        return _list(version_resource(asset, workspace) for asset in found[: _top(request)])

    @described("A version", {200: Resource})
    async def get_version(self, request: web.Request) -> web.Response:
        asset = self._registry.get(_asset_id(request))
        return json_answer(version_resource(asset, workspace_path(request)))

    @described("Registers a version", {200: Resource, 201: Resource}, bodies=tuple(BODIES.values()))
    async def put_version(self, request: web.Request) -> web.Response:
        asset_id = _asset_id(request)
        properties = version_properties(asset_id.kind, await read_body(request))
        asset, is_new = await self._registry.put(asset_id, properties)
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return json_answer(version_resource(asset, workspace_path(request)), status)

    @described("Deletes a version", {200: None, 204: None})
    async def delete_version(self, request: web.Request) -> web.Response:
        found = self._registry.delete(_asset_id(request))
        return web.Response(status=HTTPStatus.OK if found else HTTPStatus.NO_CONTENT)

    @described("Where to upload a version's files", {200: Anything})
    async def start_pending_upload(self, request: web.Request) -> web.Response:
        container = self._blobs.new_container()
        token = self._blobs.token(container)
        return json_answer(pending_upload(str(request.url.origin()), container, token))

    @described("The workspace", {200: Resource})
    async def get_workspace(self, request: web.Request) -> web.Response:
        name, origin = request.match_info["workspace"], str(request.url.origin())
        return json_answer(workspace_resource(name, workspace_path(request), origin))

    @described("The one datastore", {200: ResourceList})
    async def list_datastores(self, request: web.Request) -> web.Response:
        return _list([datastore_resource(workspace_path(request), request.host)])

    @described("The datastore", {200: Resource})
    async def get_datastore(self, request: web.Request) -> web.Response:
        _check_datastore(request)
        return json_answer(datastore_resource(workspace_path(request), request.host))

    @described("What opens the datastore", {200: Anything})
    async def list_secrets(self, request: web.Request) -> web.Response:
        _check_datastore(request)
        return json_answer(datastore_secrets(self._blobs.token(DEFAULT_CONTAINER)))

    def _put_container(self, request: web.Request, properties: dict[str, object]) -> web.Response:
        container, is_new = self._registry.put_container(
            _kind(request), request.match_info["name"], properties
        )
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return json_answer(self._container(container, request), status)

    def _container(self, container: StoredContainer, request: web.Request) -> dict[str, object]:
        latest = self._registry.latest(container.kind, container.name)
        return container_resource(
            container,
            None if latest is None else latest.id.version,
            self._registry.next_version(container.kind, container.name),
            workspace_path(request),
        )


def _kind(request: web.Request) -> Kind:
    return cast("Kind", request.match_info["kind"])


def _asset_id(request: web.Request) -> AssetId:
    return AssetId(_kind(request), request.match_info["name"], request.match_info["version"])


def _list(resources: Iterable[dict[str, Any]]) -> web.Response:
    """All at once: there is never a next page."""
    return json_answer({"value": list(resources), "nextLink": None})


def _ordered(versions: list[StoredAsset], request: web.Request) -> list[StoredAsset]:
    """``versions``, the newest first, in the order that the query wants."""
    order = request.query.get("$orderBy", "createdtime desc")
    return versions[::-1] if order.lower().split()[-1:] == ["asc"] else versions


def _top(request: web.Request) -> int | None:
    top = request.query.get("$top")
    if top is not None and not (top.isdecimal() and len(top) <= TOP_DIGITS_MAX):
        raise BadRequest(
            f"expected a number of at most {TOP_DIGITS_MAX} digits, got {top!r}, at the query "
            f"parameter `$top`"
        )
    return None if top is None else int(top)


def _shown(request: web.Request) -> set[bool]:
    wanted = request.query.get(LIST_VIEW_TYPE, "ActiveOnly")
    shown = _SHOWN.get(wanted.lower())
    if shown is None:
        raise BadRequest(
            f"expected 'ActiveOnly', 'ArchivedOnly' or 'All', got {wanted!r}, at the query "
            f"parameter `{LIST_VIEW_TYPE}`"
        )
    return shown


def _check_datastore(request: web.Request) -> None:
    name = request.match_info["datastore"]
    if name != DEFAULT_DATASTORE:
        raise ResourceNotFound(
            f"expected the one datastore that there is, {DEFAULT_DATASTORE}, got {name!r}"
        )
