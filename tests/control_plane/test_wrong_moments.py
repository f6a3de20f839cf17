"""Right calls at a wrong time: while an operation on their endpoint runs, or all at once."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.control_plane.daemon import Client, Daemon, deployment_body
from tests.control_plane.wrong_rows import CODE, CONFLICT, dep, properties

# Its init() lasts until someone opens the pipe to write.
WAITING = """
import os, pathlib
def init(): pathlib.Path(os.environ['GO']).read_text()
def run(raw): return 'ok'
"""
AT_ONCE = 8
ROWS: list[tuple[str, str, object]] = [
    ("PUT", "busy", properties()),
    ("PUT", "busy", properties(authMode="AMLToken")),
    ("PUT", "busy/deployments/blue", dep()),
    ("PUT", "busy/deployments/green", dep()),
    ("DELETE", "busy", None),
    ("DELETE", "busy/deployments/blue", None),
    ("POST", "busy/regenerateKeys", {"keyType": "Primary"}),
]
MESSAGE = (
    "expected an endpoint without a running operation, got {!r}, on which one of kind Updating "
    "runs. Try again when it has ended."
)


@pytest.fixture
async def busy(client: Client, shared_daemon: Daemon) -> AsyncIterator[Client]:
    """A client of a daemon on which an operation of the endpoint `busy` runs."""
    pipe = shared_daemon.folder / "go"
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    shared_daemon.code("code")
    waiting = shared_daemon.code("waiting", WAITING)
    assert (await client.call("PUT", "busy", properties())).status == 201
    variables = {"GO": str(pipe)}
    begun = await client.put_deployment("busy", "blue", waiting, environmentVariables=variables)
    yield client
    await asyncio.to_thread(pipe.write_text, "")
    assert (await client.finish(begun)).body["status"] == "Succeeded"
    assert (await client.finish(await client.call("DELETE", "busy"))).body["status"] == "Succeeded"


async def state(client: Client) -> list[Any]:
    keys = (await client.call("POST", "busy/listKeys")).body
    return [(await client.call("GET", path)).body for path in ("busy", "busy/deployments")] + [keys]


async def test_an_endpoint_takes_no_second_operation_while_one_runs(
    busy: Client, shared_daemon: Daemon
) -> None:
    before = await state(busy)
    for method, path, body in ROWS:
        sent = json.loads(json.dumps(body).replace(CODE, f"{shared_daemon.folder}/code"))
        refused = await busy.call(method, path, sent)
        code = refused.body["error"]["code"]
        assert ((refused.status, code), refused.message) == (CONFLICT, MESSAGE.format("busy"))
        assert await state(busy) == before


async def test_other_endpoints_are_free_while_an_operation_runs_on_one(busy: Client) -> None:
    assert (await busy.call("PUT", "free", properties())).status == 201
    assert (await busy.finish(await busy.call("DELETE", "free"))).body["status"] == "Succeeded"


async def test_of_updates_at_the_same_time_exactly_one_begins(
    client: Client, shared_daemon: Daemon
) -> None:
    assert (await client.call("PUT", "race", properties())).status == 201
    body = deployment_body(shared_daemon.code("code"))
    answers = await asyncio.gather(
        *(client.call("PUT", f"race/deployments/blue-{i}", body) for i in range(AT_ONCE))
    )
    assert Counter(answer.status for answer in answers) == {201: 1, 409: AT_ONCE - 1}
    refused = [answer for answer in answers if answer.status == 409]
    assert {answer.message for answer in refused} == {MESSAGE.format("race")}
    (begun,) = (answer for answer in answers if answer.status == 201)
    assert (await client.finish(begun)).body["status"] == "Succeeded"
    there = (await client.call("GET", "race/deployments")).body["value"]
    assert [deployment["name"] for deployment in there] == [begun.body["name"]]
