"""Wrong calls of the REST API: each gets the very answer of its row, and changes nothing.

`fix` has blue with all traffic and green with none; `mirrored` mirrors to green; `full`
has as many deployments as an endpoint may have; `kept` is a registered model. Calls while an
operation runs are in test_wrong_moments.py.
"""

import http.client
import json
from typing import Any

import pytest

from tests.control_plane import (
    wrong_assets,
    wrong_deployments,
    wrong_endpoints,
    wrong_requests,
    wrong_traffic,
)
from tests.control_plane.daemon import ENDPOINTS, LIMIT_S, WORKSPACE, Client, Daemon
from tests.control_plane.wrong_rows import CODE, Status

ROWS = [
    *wrong_traffic.ROWS,
    *wrong_endpoints.ROWS,
    *wrong_deployments.ROWS,
    *wrong_assets.ROWS,
]
SHOWN = (
    "",
    "fix/deployments",
    "mirrored/deployments",
    "full/deployments",
    *(f"{WORKSPACE}/{kind}?listViewType=All" for kind in ("codes", "models", "environments")),
    f"{WORKSPACE}/models/kept/versions?listViewType=All",
)
DEPLOYMENTS_MAX = 20
# It lacks init(), and fails as soon as it can.
BROKEN = "def run(raw): pass\n"


async def prepare(client: Client, daemon: Daemon) -> None:
    """What the tables speak of, made once for all their rows."""
    if (await client.call("GET", "full")).status != 404:
        return
    code, broken = daemon.code("code"), daemon.code("broken", BROKEN)
    for name in ("fix", "mirrored"):
        await client.serve(name, "blue", code)
        await client.finish(await client.put_deployment(name, "green", code))
    split = {"traffic": {"blue": 100}, "mirrorTraffic": {"green": 10}}
    assert (await client.call("PUT", "mirrored", {"properties": split})).status == 200
    kept = {"properties": {"modelUri": code}}
    assert (await client.call("PUT", f"{WORKSPACE}/models/kept/versions/1", kept)).status == 201
    await client.call("PUT", "full", {"properties": {}})
    for number in range(DEPLOYMENTS_MAX):
        await client.finish(await client.put_deployment("full", f"blue-{number}", broken))


async def state(client: Client) -> list[Any]:
    """All that a client can see of what is declared, keys too."""
    lists = [(await client.call("GET", path)).body for path in SHOWN]
    return [*lists, (await client.call("POST", "fix/listKeys")).body]


@pytest.mark.parametrize(("method", "path", "body", "status", "message"), ROWS)
async def test_a_wrong_call_says_what_is_wrong_and_changes_nothing(
    client: Client,
    shared_daemon: Daemon,
    method: str,
    path: str,
    body: object,
    status: Status,
    message: str,
) -> None:
    await prepare(client, shared_daemon)
    folder = str(shared_daemon.folder)
    sent = json.loads(json.dumps(body).replace(CODE, f"{folder}/code"))
    before = await state(client)
    refused = await client.call(method, path, sent)
    error = refused.body["error"]
    assert (refused.status, error["code"]) == status
    assert error["message"].replace(folder, "{folder}") == message
    assert await state(client) == before


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "message"), wrong_requests.ROWS
)
async def test_an_odd_request_is_refused_in_the_same_form_and_changes_nothing(
    client: Client,
    shared_daemon: Daemon,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
    status: Status,
    message: str,
) -> None:
    await prepare(client, shared_daemon)
    before = await state(client)
    below = f"{ENDPOINTS}/{path}" if path else ENDPOINTS
    target = path if path.startswith("/") else below
    refused, content_type, error = send(shared_daemon, method, target, body, headers)
    assert (refused, error["code"]) == status
    assert (error["message"], content_type) == (message, "application/json; charset=utf-8")
    assert await state(client) == before


def send(
    daemon: Daemon, method: str, target: str, body: bytes, headers: dict[str, str]
) -> tuple[int, str | None, dict[str, str]]:
    """Status, content type and error of the answer to a request that is sent as it is."""
    netloc = daemon.addresses["control_base"].removeprefix("http://")
    connection = http.client.HTTPConnection(netloc, timeout=LIMIT_S)
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], json.loads(answer.read())["error"]
    finally:
        connection.close()


async def test_a_line_break_in_a_path_does_not_get_into_headers(client: Client) -> None:
    assert (await client.call("PUT", "broken-line", {"properties": {}})).status == 201
    odd = ENDPOINTS.replace("/subscriptions/", "/subscriptions/a%0D%0AX:%20y")
    begun = await client.call("DELETE", f"{odd}/broken-line")
    assert begun.status == 202
    assert "X" not in begun.headers
    assert "/subscriptions/a%0D%0AX%3A%20y" in begun.headers["Azure-AsyncOperation"]
    assert (await client.finish(begun)).body["status"] == "Succeeded"
