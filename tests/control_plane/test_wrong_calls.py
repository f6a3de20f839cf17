"""Wrong calls of the REST API: each gets the very answer of its row, and changes nothing.

`fix` has blue with all traffic and green with none; `mirrored` mirrors to green; `full`
has as many deployments as an endpoint may have.
"""

import json
from typing import Any

import pytest

from tests.control_plane import wrong_calls, wrong_deployments
from tests.control_plane.daemon import Client, Daemon
from tests.control_plane.wrong_deployments import CODE

ROWS = wrong_calls.ROWS + wrong_deployments.ROWS
LISTS = ("", "fix/deployments", "mirrored/deployments", "full/deployments")
DEPLOYMENTS_MAX = 20
# It lacks init(), and fails as soon as it can.
BROKEN = "def run(raw): pass\n"


async def prepare(client: Client, daemon: Daemon) -> None:
    """The endpoints that the table speaks of, made once for all its rows."""
    if (await client.call("GET", "full")).status != 404:
        return
    code, broken = daemon.code("code"), daemon.code("broken", BROKEN)
    for name in ("fix", "mirrored"):
        await client.serve(name, "blue", code)
        await client.finish(await client.put_deployment(name, "green", code))
    split = {"traffic": {"blue": 100}, "mirrorTraffic": {"green": 10}}
    assert (await client.call("PUT", "mirrored", {"properties": split})).status == 200
    await client.call("PUT", "full", {"properties": {}})
    for number in range(DEPLOYMENTS_MAX):
        await client.finish(await client.put_deployment("full", f"blue-{number}", broken))


async def state(client: Client) -> list[Any]:
    lists = [(await client.call("GET", path)).body for path in LISTS]
    return [*lists, (await client.call("POST", "fix/listKeys")).body]


@pytest.mark.parametrize(("method", "path", "body", "status", "message"), ROWS)
async def test_a_wrong_call_says_what_is_wrong_and_changes_nothing(
    client: Client,
    shared_daemon: Daemon,
    method: str,
    path: str,
    body: object,
    status: tuple[int, str],
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
