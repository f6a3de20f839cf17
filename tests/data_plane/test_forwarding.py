"""What reaches an instance besides the body, and what of a script's headers reaches clients."""

import asyncio
import uuid

import pytest

from router.data_plane.forwarding import HEADERS_WISH
from tests.data_plane.scripted import ScriptedInstance, Worker, echo
from tests.data_plane.test_listener import Client, ask, request
from turnout.scoring.v1.scoring_pb2 import Header, ScoreAnswer, ScoreRequest

WAIT_S = 10


async def instance_that_wants_headers(worker: Worker, name: str) -> ScriptedInstance:
    instance = await worker.add_instance(name)
    instance.metadata = (HEADERS_WISH,)
    return instance


def names(score_request: ScoreRequest) -> list[str]:
    return [header.name for header in score_request.headers]


async def test_an_instance_that_did_not_ask_gets_no_headers(blue: Worker) -> None:
    status, _, _ = await ask(blue, request(headers="x-own: 1\r\n"))
    assert status == 200
    (seen,) = blue.instances["blue-0"].requests
    assert (names(seen), seen.method, seen.target) == ([], "", "")


async def test_an_instance_that_asked_gets_them_in_their_order_with_the_routers_id(
    worker: Worker,
) -> None:
    instance = await instance_that_wants_headers(worker, "blue-0")
    await worker.route({"blue": ["blue-0"]}, {"blue": 100})
    own = "x-b: 1\r\nX-A: caf\xe9\r\nx-b: 2\r\nx-request-id: forged\r\n"
    status, headers, _ = await ask(worker, request(headers=own))
    assert status == 200
    (seen,) = instance.requests
    got = [(header.name, header.value) for header in seen.headers]
    assert got[2:5] == [("x-b", b"1"), ("x-a", "caf\xe9".encode()), ("x-b", b"2")]
    assert got[-1] == ("x-request-id", headers["x-request-id"].encode())
    assert len([name for name, _ in got if name == "x-request-id"]) == 1
    assert "authorization" in names(seen)


async def test_a_copy_has_no_authorization_and_names_the_request_that_it_copies(
    worker: Worker,
) -> None:
    instance = await instance_that_wants_headers(worker, "shadow-0")
    arrived = asyncio.Event()

    async def behave(score_request: ScoreRequest) -> ScoreAnswer | None:
        arrived.set()
        return await echo(score_request)

    instance.behave = behave
    await worker.add_instance("blue-0")
    await worker.route({"blue": ["blue-0"], "shadow": ["shadow-0"]}, {"blue": 100}, {"shadow": 50})
    ids = [(await ask(worker, request()))[1]["x-request-id"] for _ in range(4)]
    async with asyncio.timeout(WAIT_S):
        await arrived.wait()
    copied = {header.name: header.value.decode() for header in instance.requests[0].headers}
    assert "authorization" not in copied
    assert copied["x-turnout-mirrored-from"] in ids
    assert uuid.UUID(copied["x-request-id"])
    assert copied["x-request-id"] not in ids


@pytest.mark.parametrize(
    ("path", "method", "target"),
    [
        ("/my-endpoint/score?a=1&b", "POST", "/score?a=1&b"),
        ("/my-endpoint/score", "GET", "/score"),
        ("/my-endpoint/score", "PUT", "/score"),
        ("/my-endpoint/swagger.json?version=3", "GET", "/swagger.json?version=3"),
        ("/my-endpoint/", "GET", "/"),
    ],
)
async def test_other_methods_and_paths_go_to_the_instance(
    blue: Worker, path: str, method: str, target: str
) -> None:
    status, _, _ = await ask(blue, request(b"", method=method, path=path))
    assert status == 200
    (seen,) = blue.instances["blue-0"].requests
    assert (seen.method, seen.target) == (method, target)


async def test_head_is_answered_without_a_body(blue: Worker) -> None:
    client = await Client.connect(blue)
    client.send(request(b"", method="HEAD"))
    client.send(request(b"[1]"))
    head = await asyncio.wait_for(client._reader.readuntil(b"\r\n\r\n"), WAIT_S)
    assert head.startswith(b"HTTP/1.1 405 ")
    assert (await client.response())[2] == b"[1]"
    await client.close()


@pytest.mark.parametrize(
    ("given", "legacy", "echoed"),
    [
        ("x-ms-client-request-id: mine_1-A\r\n", "mine_1-A", "mine_1-A"),
        ("x-ms-request-id: older\r\n", "older", "older"),
        ("x-ms-request-id: older\r\nx-ms-client-request-id: mine\r\n", "older", "mine"),
        (f"x-ms-client-request-id: {'x' * 100}\r\n", "x" * 40, "x" * 40),
        ("x-ms-client-request-id: a b;c<d\r\n", "abcd", "abcd"),
        ("x-ms-client-request-id: ;;\r\n", None, None),
        ("", None, None),
    ],
)
async def test_a_clients_own_ids_come_back_cleaned(
    blue: Worker, given: str, legacy: str | None, echoed: str | None
) -> None:
    _, headers, _ = await ask(blue, request(headers=given))
    assert headers["x-ms-request-id"] == legacy or headers["x-request-id"]
    assert headers.get("x-ms-client-request-id") == echoed
    _, refused, _ = await ask(blue, request(headers=given, key="wrong"))
    assert refused.get("x-ms-client-request-id") == echoed


async def test_a_scripts_headers_cannot_break_the_response_or_speak_for_the_router(
    blue: Worker,
) -> None:
    async def behave(score_request: ScoreRequest) -> ScoreAnswer:
        answer = await echo(score_request)
        said = {
            "X-Own": b"kept", "x-split": b"a\r\nx-injected: 1", "bad name": b"1", "": b"1",
            "caf\xe9": b"1", "Content-Length": b"1", "Transfer-Encoding": b"chunked",
            "Connection": b"close", "x-request-id": b"forged", "azureml-model-deployment": b"red",
            "server": b"theirs",
        }  # fmt: skip
        answer.headers.extend(Header(name=name, value=value) for name, value in said.items())
        return answer

    blue.instances["blue-0"].behave = behave
    client = await Client.connect(blue)
    for _ in range(2):
        client.send(request(b"[1, 2]"))
        status, headers, body = await client.response()
        assert (status, body) == (200, b"[1, 2]")
        assert headers["x-own"] == "kept"
        assert headers["x-split"] == "ax-injected: 1"
        assert not {"x-injected", "bad name", "", "transfer-encoding", "connection"} & set(headers)
        assert headers["azureml-model-deployment"] == "blue"
        assert headers["server"] == "turnout"
        assert headers["x-request-id"] != "forged"
    await client.close()
