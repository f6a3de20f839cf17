"""HTTP/1.1 at the listener, byte by byte over real sockets."""

import asyncio
import io
import json
import uuid

import aiohttp
import pytest

from tests.data_plane.scripted import KEY, Worker, echo
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer, ScoreRequest

WAIT_S = 10


def request(
    body: bytes = b"{}",
    *,
    method: str = "POST",
    path: str = "/my-endpoint/score",
    key: str | None = KEY,
    headers: str = "",
) -> bytes:
    authorization = f"Authorization: Bearer {key}\r\n" if key is not None else ""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}{headers}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Client:
    """A raw connection that reads whole responses."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, worker: Worker) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", worker.port))

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(WAIT_S):
            head = await self._reader.readuntil(b"\r\n\r\n")
            while head.startswith(b"HTTP/1.1 102"):
                head = await self._reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")[:-2]
            headers = dict(line.split(": ", 1) for line in lines)
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return int(first.split(" ")[1]), headers, body

    async def at_end(self) -> bool:
        async with asyncio.timeout(WAIT_S):
            return await self._reader.read(1) == b""

    def finish(self) -> None:
        self._writer.write_eof()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def ask(worker: Worker, data: bytes) -> tuple[int, dict[str, str], bytes]:
    client = await Client.connect(worker)
    client.send(data)
    response = await client.response()
    await client.close()
    return response


def message(body: bytes) -> str:
    text = json.loads(body)["error"]["message"]
    assert isinstance(text, str)
    return text


async def test_a_request_is_answered_by_the_model_with_azures_headers(blue: Worker) -> None:
    status, headers, body = await ask(blue, request(b'{"data": 1}'))
    assert (status, body) == (200, b'{"data": 1}')
    assert headers["azureml-model-deployment"] == "blue"
    assert headers["content-type"] == "application/json"
    assert headers["x-ms-run-function-failed"] == "False"
    assert float(headers["x-ms-run-fn-exec-ms"]) == 0.02
    assert uuid.UUID(headers["x-request-id"]).version == 4


async def test_the_endpoint_is_found_by_host_too(blue: Worker) -> None:
    data = request(path="/score").replace(b"Host: localhost", b"Host: my-endpoint.here:8080")
    assert (await ask(blue, data))[0] == 200


async def test_a_query_and_an_absolute_uri_are_understood(blue: Worker) -> None:
    assert (await ask(blue, request(path="/my-endpoint/score?a=b")))[0] == 200
    absolute = request(path="http://my-endpoint.here/score")
    assert (await ask(blue, absolute))[0] == 200


async def test_either_key_opens_the_endpoint(blue: Worker) -> None:
    assert (await ask(blue, request(key="other-key")))[0] == 200


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (request(key=None), 401, "Authorization: Bearer KEY"),
        (request(key="wrong"), 401, "Authorization: Bearer KEY"),
        (request(path="/nothing/score"), 401, "Check the endpoint's name"),
        (request(path="/my-endpoint"), 404, "expected POST /ENDPOINT/score"),
        (request(path="/my-endpoint/v1/score"), 404, "expected POST /ENDPOINT/score"),
        (request(headers="azureml-model-deployment: red\r\n"), 404, "(blue), got 'red'"),
        (b"rubbish\r\n\r\n", 400, "expected an HTTP/1.1 request"),
        (request(path="/" + "x" * 9000 + "/score"), 414, "8192 bytes"),
    ],
)
async def test_a_request_that_is_refused_says_why(
    blue: Worker, data: bytes, status: int, words: str
) -> None:
    got, headers, body = await ask(blue, data)
    assert got == status
    assert words in message(body)
    assert headers["content-type"] == "application/json"
    assert not blue.instances["blue-0"].requests


async def test_401_is_the_same_for_known_and_unknown_endpoints(blue: Worker) -> None:
    known = await ask(blue, request(key="wrong"))
    unknown = await ask(blue, request(path="/nothing/score", key="wrong"))
    assert known[2] == unknown[2]


async def test_an_endpoint_whose_traffic_is_all_0_answers_404_but_direct_calls_reach_it(
    worker: Worker,
) -> None:
    await worker.add_instance("blue-0")
    await worker.route({"blue": ["blue-0"]}, {"blue": 0})
    status, _, body = await ask(worker, request())
    assert status == 404
    assert "no deployment with traffic above 0" in message(body)
    assert (await ask(worker, request(headers="azureml-model-deployment: blue\r\n")))[0] == 200


async def test_a_connection_is_kept_alive_until_the_client_wants_it_closed(blue: Worker) -> None:
    client = await Client.connect(blue)
    for _ in range(3):
        client.send(request())
        assert (await client.response())[0] == 200
    client.send(request(headers="Connection: close\r\n"))
    _, headers, _ = await client.response()
    assert headers["connection"] == "close"
    assert await client.at_end()
    await client.close()


async def test_pipelined_requests_are_answered_in_order_though_answers_come_in_reverse(
    worker: Worker,
) -> None:
    turns = [asyncio.Event() for _ in range(3)]

    async def last_first(asked: ScoreRequest) -> ScoreAnswer:
        index = int(asked.payload)
        if index < 2:
            await turns[index + 1].wait()
        turns[index].set()
        return await echo(asked)

    for index in range(3):
        await worker.add_instance(f"blue-{index}", last_first)
    await worker.route({"blue": [f"blue-{i}" for i in range(3)]}, {"blue": 100})
    client = await Client.connect(worker)
    client.send(b"".join(request(b"%d" % index) for index in range(3)) + request(key="wrong"))
    assert [(await client.response())[2] for _ in range(3)] == [b"0", b"1", b"2"]
    assert (await client.response())[0] == 401
    await client.close()


async def test_hundreds_of_pipelined_requests_are_all_answered(blue: Worker) -> None:
    client = await Client.connect(blue)
    client.send(b"".join(request(b"%d" % index) for index in range(500)))
    for index in range(500):
        status, _, body = await client.response()
        assert (status, body) == (200, b"%d" % index)
    await client.close()


async def test_a_chunked_body_arrives_whole(blue: Worker) -> None:
    head = request(b"")[: -len(b"Content-Length: 0\r\n\r\n")]
    chunks = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    assert (await ask(blue, head + chunks))[2] == b"abcdefg"


async def test_a_request_that_comes_byte_by_byte_is_understood(blue: Worker) -> None:
    client = await Client.connect(blue)
    for byte in request(b"slow"):
        client.send(bytes([byte]))
    assert (await client.response())[2] == b"slow"
    await client.close()


async def test_expect_100_continue_is_answered_before_the_body_is_sent(blue: Worker) -> None:
    client = await Client.connect(blue)
    whole = request(b"body", headers="Expect: 100-continue\r\n")
    client.send(whole[: -len(b"body")])
    assert (await client.response())[0] == 100
    client.send(b"body")
    assert (await client.response())[2] == b"body"
    await client.close()


async def test_a_body_over_the_limit_is_refused_before_it_is_read(small: Worker) -> None:
    client = await Client.connect(small)
    client.send(request(bytes(1001))[:200])
    status, headers, body = await client.response()
    assert (status, headers["connection"]) == (413, "close")
    assert "at most 1000 bytes (data_plane.max_payload_bytes in turnout.yml)" in message(body)
    assert await client.at_end()
    await client.close()
    assert (await ask(small, request(bytes(1000))))[0] == 200


async def test_a_chunked_body_over_the_limit_is_refused(small: Worker) -> None:
    head = request(b"")[: -len(b"Content-Length: 0\r\n\r\n")]
    chunks = b"Transfer-Encoding: chunked\r\n\r\n" + b"1f4\r\n" + bytes(500) + b"\r\n"
    chunks += b"1f5\r\n" + bytes(501) + b"\r\n"
    assert (await ask(small, head + chunks))[0] == 413


async def test_endless_headers_are_refused(blue: Worker) -> None:
    client = await Client.connect(blue)
    client.send(b"POST /my-endpoint/score HTTP/1.1\r\nX: ")
    async with asyncio.timeout(WAIT_S):
        while not any(connection.is_reading for connection in blue.listener.connections):
            await asyncio.sleep(0)
    # Not a byte more than it takes: what is unread when the listener closes resets.
    client.send(bytes(b"x" * (64 * 1024 + 1)))
    assert (await client.response())[0] == 431
    await client.close()


async def test_what_a_client_asked_before_it_shut_its_side_is_answered(blue: Worker) -> None:
    client = await Client.connect(blue)
    client.send(request(b"last"))
    client.finish()
    assert (await client.response())[2] == b"last"
    assert await client.at_end()
    await client.close()


async def test_a_content_type_that_would_end_the_header_is_made_harmless(worker: Worker) -> None:
    async def sly(asked: ScoreRequest) -> ScoreAnswer:
        answer = await echo(asked)
        answer.content_type = "text/plain\r\nx-injected: 1 \N{SNOWMAN}"
        return answer

    await worker.add_instance("blue-0", sly)
    await worker.route({"blue": ["blue-0"]}, {"blue": 100})
    status, headers, body = await ask(worker, request(b"whole"))
    assert (status, body) == (200, b"whole")
    assert headers["content-type"] == "text/plainx-injected: 1 ?"
    assert "x-injected" not in headers


async def test_what_follows_the_last_request_of_a_connection_is_ignored(blue: Worker) -> None:
    client = await Client.connect(blue)
    client.send(request(b"last", headers="Connection: close\r\n") + request(b"too late"))
    status, headers, body = await client.response()
    assert (status, headers["connection"], body) == (200, "close", b"last")
    assert await client.at_end()
    await client.close()


async def test_a_failure_of_the_router_itself_is_a_500_and_not_the_clients_fault(
    blue: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise AssertionError("planted")

    monkeypatch.setattr(blue.engine.dispatcher, "arrive", broken)
    status, headers, body = await ask(blue, request())
    assert (status, headers["connection"]) == (500, "close")
    assert "planted" not in message(body)
    assert "planted" in caplog.text


async def test_an_ordinary_client_sees_the_413_though_it_sends_megabytes(small: Worker) -> None:
    async with aiohttp.ClientSession() as client:
        url = f"http://127.0.0.1:{small.port}/my-endpoint/score"
        headers = {"Authorization": f"Bearer {KEY}"}
        for _ in range(5):
            body = io.BytesIO(bytes(8_000_000))
            async with client.post(url, data=body, headers=headers) as response:
                assert response.status == 413


async def test_an_offer_to_upgrade_is_refused_once_with_what_to_do(blue: Worker) -> None:
    client = await Client.connect(blue)
    client.send(request(b"1", headers="Connection: Upgrade\r\nUpgrade: h2c\r\n"))
    status, headers, body = await client.response()
    assert (status, headers["connection"]) == (400, "close")
    assert "without the header Upgrade" in message(body)
    assert not blue.instances["blue-0"].requests
    assert await client.at_end()
    await client.close()


async def test_head_is_answered_without_a_body(blue: Worker) -> None:
    client = await Client.connect(blue)
    client.send(request(b"", method="HEAD") + request(b"next"))
    head = await client._reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405 ")
    assert (await client.response())[2] == b"next"
    await client.close()


async def test_connect_and_odd_targets_are_the_clients_fault(blue: Worker) -> None:
    status, _, _ = await ask(blue, b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status in {400, 404}
    status, _, _ = await ask(blue, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status in {400, 404}


async def test_http_1_0_is_answered_and_closed(blue: Worker) -> None:
    client = await Client.connect(blue)
    client.send(request(b"old", headers="Connection: keep-alive\r\n").replace(b"1.1", b"1.0"))
    status, headers, body = await client.response()
    assert (status, headers["connection"], body) == (200, "close", b"old")
    assert await client.at_end()
    await client.close()


async def test_trailers_mean_nothing_and_are_bounded(blue: Worker) -> None:
    head = request(b"", key=None)[: -len(b"Content-Length: 0\r\n\r\n")]
    start = head + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    sly = f"Authorization: Bearer {KEY}\r\n\r\n".encode()
    assert (await ask(blue, start + sly))[0] == 401
    client = await Client.connect(blue)
    client.send(start.replace(b"\r\n\r\n1", f"\r\nAuthorization: Bearer {KEY}\r\n\r\n1".encode()))
    client.send(b"X: ")
    for _ in range(20):
        client.send(bytes(b"x" * 32_768))
    assert (await client.response())[0] == 431
    await client.close()


async def test_the_scheme_of_the_credentials_may_be_of_either_case(blue: Worker) -> None:
    data = request(key=None, headers=f"authorization: bearer {KEY}\r\n")
    assert (await ask(blue, data))[0] == 200


async def test_refusals_behind_a_slow_request_are_bounded_too(worker: Worker) -> None:
    release = asyncio.Event()

    async def held(asked: ScoreRequest) -> ScoreAnswer:
        await release.wait()
        return await echo(asked)

    await worker.add_instance("blue-0", held)
    await worker.route({"blue": ["blue-0"]}, {"blue": 100})
    client = await Client.connect(worker)
    client.send(request(b"slow"))
    refused = request(b"", key="wrong")
    for _ in range(200):
        client.send(refused * 200)
    async with asyncio.timeout(WAIT_S):
        while not any(connection.is_paused for connection in worker.listener.connections):
            await asyncio.sleep(0)
    release.set()
    assert (await client.response())[2] == b"slow"
    assert (await client.response())[0] == 401
    await client.close()
