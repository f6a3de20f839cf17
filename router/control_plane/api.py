"""The REST API: Azure Resource Manager's shape for endpoints and deployments (azure.md 8).

Reads requests and words answers; the service does the rest. The api-version is ignored,
and so are subscription, resource group and workspace: there is one daemon.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Literal
from urllib.parse import quote

from aiohttp import web
from msgspec import Meta, Struct
from msgspec.structs import replace

from router.control_plane.described import Anything, Resource, ResourceList, Status, described
from router.control_plane.errors import answer_errors
from router.control_plane.guard import guard
from router.control_plane.operations import Operation
from router.control_plane.records import Keys, KeyType, StoredDeployment
from router.control_plane.resources import (
    ENDPOINT_ID_PROPERTY,
    PROVIDER,
    deployment_resource,
    endpoint_resource,
    operation_status,
)
from router.control_plane.rest import (
    BODY,
    BODY_BYTES_MAX,
    WORKSPACE,
    json_answer,
    read_body,
    workspace_path,
)
from router.control_plane.service import ControlPlane
from router.control_plane.tokens import Token
from router.core.arm import deployment_from_arm, endpoint_from_arm
from router.core.arm_bodies import DeploymentBody, EndpointBody
from router.core.parse import parse
from router.core.statistics import EndpointStatistics

ENDPOINT = f"{WORKSPACE}/onlineEndpoints/{{endpoint}}"
DEPLOYMENT = f"{ENDPOINT}/deployments/{{deployment}}"
OPERATION = (
    f"/subscriptions/{{subscription}}/providers/{PROVIDER}/locations/local/"
    "mfeOperationsStatus/{operation}"
)
WAIT_S_MAX = 600.0
# In seconds.
RETRY_AFTER = {"Retry-After": "1"}


class RegenerateKeys(Struct, rename="camel", forbid_unknown_fields=True):
    """Body of regenerateKeys. A key must be able to stand in an HTTP header."""

    key_type: KeyType
    key_value: Annotated[str, Meta(pattern="^[!-~]{16,256}$")] | None = None


class GetLogs(Struct, rename="camel", forbid_unknown_fields=True):
    """Body of getLogs; ``tail`` counts lines."""

    container_type: Literal["InferenceServer", "StorageInitializer"] = "InferenceServer"
    tail: Annotated[int, Meta(ge=1, le=1_000_000)] = 5000


class Logs(Struct):
    """Answer of getLogs."""

    content: str


def make_app(
    control_plane: ControlPlane,
    status: Callable[[], Mapping[str, object]],
    token: str | None = None,
    check_not_declared: Callable[[str], None] = lambda _: None,
) -> web.Application:
    """The application that serves the API of ``control_plane``.

    Args:
        status: what ``GET /status`` answers.
        token: what clients must show; see guard.py.
        check_not_declared: refuses to change an endpoint, by its name, that is not clients'.
    """
    api = _Api(control_plane, status, check_not_declared)
    middlewares = [answer_errors, guard(token)]
    app = web.Application(middlewares=middlewares, client_max_size=BODY_BYTES_MAX)
    app.add_routes(
        [
            web.get("/status", api.status),
            web.get(f"{WORKSPACE}/onlineEndpoints", api.list_endpoints),
            web.get(ENDPOINT, api.get_endpoint),
            web.put(ENDPOINT, api.put_endpoint),
            web.delete(ENDPOINT, api.delete_endpoint),
            web.post(f"{ENDPOINT}/listKeys", api.list_keys),
            web.post(f"{ENDPOINT}/token", api.token),
            web.post(f"{ENDPOINT}/regenerateKeys", api.regenerate_keys),
            web.get(f"{ENDPOINT}/statistics", api.statistics),
            web.get(f"{ENDPOINT}/deployments", api.list_deployments),
            web.get(DEPLOYMENT, api.get_deployment),
            web.put(DEPLOYMENT, api.put_deployment),
            web.delete(DEPLOYMENT, api.delete_deployment),
            web.post(f"{DEPLOYMENT}/getLogs", api.get_logs),
            web.get(OPERATION, api.get_operation),
        ]
    )
    return app


class _Api:
    def __init__(
        self,
        control_plane: ControlPlane,
        status: Callable[[], Mapping[str, object]],
        check_not_declared: Callable[[str], None],
    ) -> None:
        self._control_plane = control_plane
        self._status = status
        self._check_not_declared = check_not_declared

    @described("Where the daemon listens, its workers, and its configuration", {200: Anything})
    async def status(self, _: web.Request) -> web.Response:
        return json_answer(self._status())

    @described("All endpoints", {200: ResourceList})
    async def list_endpoints(self, request: web.Request) -> web.Response:
        endpoints = self._control_plane.endpoints()
        scoring_base = self._control_plane.scoring_base
        workspace = workspace_path(request)
        return json_answer(
            {"value": [endpoint_resource(e, workspace, scoring_base) for e in endpoints]}
        )

    @described("An endpoint", {200: Resource})
    async def get_endpoint(self, request: web.Request) -> web.Response:
        return json_answer(self._endpoint(request))

    @described(
        "Creates or replaces an endpoint", {200: Resource, 201: Resource}, bodies=(EndpointBody,)
    )
    async def put_endpoint(self, request: web.Request) -> web.Response:
        spec = endpoint_from_arm(request.match_info["endpoint"], await read_body(request), BODY)
        own = {k: v for k, v in spec.properties.items() if k != ENDPOINT_ID_PROPERTY}
        self._check_not_declared(spec.name)
        is_new = await self._control_plane.put_endpoint(replace(spec, properties=own))
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return json_answer(self._endpoint(request), status)

    @described(
        "Begins to delete an endpoint with its deployments",
        {202: None, 204: None},
        long_running=True,
    )
    async def delete_endpoint(self, request: web.Request) -> web.Response:
        name = request.match_info["endpoint"]
        self._check_not_declared(name)
        operation = self._control_plane.delete_endpoint(name)
        return _deleting(request, operation)

    @described("An endpoint's keys", {200: Keys})
    async def list_keys(self, request: web.Request) -> web.Response:
        return json_answer(self._control_plane.keys(request.match_info["endpoint"]))

    @described("A new token of an endpoint", {200: Token})
    async def token(self, request: web.Request) -> web.Response:
        return json_answer(self._control_plane.token(request.match_info["endpoint"]))

    @described("Replaces a key", {200: Keys}, bodies=(RegenerateKeys,))
    async def regenerate_keys(self, request: web.Request) -> web.Response:
        wanted = parse(RegenerateKeys, await read_body(request), BODY)
        name = request.match_info["endpoint"]
        keys = await self._control_plane.regenerate_key(name, wanted.key_type, wanted.key_value)
        return json_answer(keys)

    @described("What all workers have counted", {200: EndpointStatistics})
    async def statistics(self, request: web.Request) -> web.Response:
        return json_answer(await self._control_plane.statistics(request.match_info["endpoint"]))

    @described("An endpoint's deployments", {200: ResourceList})
    async def list_deployments(self, request: web.Request) -> web.Response:
        endpoint_name = request.match_info["endpoint"]
        self._control_plane.endpoint(endpoint_name)
        workspace = workspace_path(request)
        deployments = self._control_plane.deployments_of(endpoint_name)
        return json_answer({"value": [self._resource(d, workspace) for d in deployments]})

    @described("A deployment", {200: Resource})
    async def get_deployment(self, request: web.Request) -> web.Response:
        return json_answer(self._deployment(request))

    @described(
        "Begins to create or replace a deployment",
        {200: Resource, 201: Resource},
        bodies=(DeploymentBody,),
        long_running=True,
    )
    async def put_deployment(self, request: web.Request) -> web.Response:
        names = request.match_info["endpoint"], request.match_info["deployment"]
        spec = deployment_from_arm(*names, await read_body(request), BODY)
        self._check_not_declared(spec.endpoint_name)
        operation = await self._control_plane.put_deployment(spec)
        status = HTTPStatus.CREATED if operation.record.kind == "Creating" else HTTPStatus.OK
        return json_answer(self._deployment(request), status, _async_headers(request, operation))

    @described("Begins to delete a deployment", {202: None, 204: None}, long_running=True)
    async def delete_deployment(self, request: web.Request) -> web.Response:
        names = request.match_info["endpoint"], request.match_info["deployment"]
        self._check_not_declared(names[0])
        return _deleting(request, self._control_plane.delete_deployment(*names))

    @described("The last lines of a deployment's logs", {200: Logs}, bodies=(GetLogs,))
    async def get_logs(self, request: web.Request) -> web.Response:
        wanted = parse(GetLogs, await read_body(request), BODY)
        names = request.match_info["endpoint"], request.match_info["deployment"]
        content = await self._control_plane.logs(*names, wanted.tail)
        # There is no container that fetches models: they are local files.
        is_server = wanted.container_type == "InferenceServer"
        return json_answer({"content": content if is_server else ""})

    @described("How far an operation is", {200: Status}, headers=("Prefer",))
    async def get_operation(self, request: web.Request) -> web.Response:
        operation = self._control_plane.operations.get(request.match_info["operation"])
        await operation.wait(_preferred_wait_s(request))
        # Azure's clients take the pause from each answer, and without one pause for 30 s.
        headers = RETRY_AFTER if operation.record.ended_at is None else None
        return json_answer(operation_status(operation.record, request.path), headers=headers)

    def _endpoint(self, request: web.Request) -> dict[str, object]:
        endpoint = self._control_plane.endpoint(request.match_info["endpoint"])
        return endpoint_resource(
            endpoint, workspace_path(request), self._control_plane.scoring_base
        )

    def _deployment(self, request: web.Request) -> dict[str, object]:
        names = request.match_info["endpoint"], request.match_info["deployment"]
        return self._resource(self._control_plane.deployment(*names), workspace_path(request))

    def _resource(self, deployment: StoredDeployment, workspace: str) -> dict[str, object]:
        spec = deployment.spec
        instances = self._control_plane.instances_of(spec.endpoint_name, spec.name)
        return deployment_resource(deployment, instances, workspace)


def _deleting(request: web.Request, operation: Operation | None) -> web.Response:
    if operation is None:
        return web.Response(status=HTTPStatus.NO_CONTENT)
    return json_answer(None, HTTPStatus.ACCEPTED, _async_headers(request, operation))


def _async_headers(request: web.Request, operation: Operation) -> dict[str, str]:
    # Whatever the client put there, it goes into a header.
    subscription = quote(request.match_info["subscription"], safe="")
    path = OPERATION.format(subscription=subscription, operation=operation.record.id)
    return {"Azure-AsyncOperation": f"{request.url.origin()}{path}", **RETRY_AFTER}


def _preferred_wait_s(request: web.Request) -> float:
    """The N of ``Prefer: wait=N`` (RFC 7240), what is no number is ignored."""
    for preference in request.headers.get("Prefer", "").split(","):
        name, _, value = preference.partition("=")
        if name.strip().lower() == "wait" and value.strip().isdecimal():
            return min(float(value), WAIT_S_MAX)
    return 0.0
