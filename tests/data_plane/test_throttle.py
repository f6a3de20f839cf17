"""The throttle at the listener: slowed and reported, never refused; over real sockets."""

import asyncio
import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from router.core.quota import Quota
from router.core.routing import EndpointQuota
from tests.data_plane.scripted import KEY, Behaviour, Worker, echo, running
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer, ScoreRequest

RATE = 1_000_000
WAIT_S = 20
REQUEST_DELAY = "ms-azureml-bandwidth-request-delay-ms"
RESPONSE_DELAY = "ms-azureml-bandwidth-response-delay-ms"


async def routed(worker: Worker, quota: EndpointQuota | None = None, mirror: int = 0) -> Quota:
    """One endpoint with this quota, by default of RATE; returns what the worker counts."""
    for name in ("blue-1", "green-1"):
        await worker.add_instance(name)
    await worker.route(
        {"blue": ["blue-1"], "green": ["green-1"]},
        {"blue": 100},
        {"green": mirror} if mirror else None,
        quota=quota or EndpointQuota(bandwidth_bytes_per_s=RATE),
    )
    return worker.engine.dispatcher.snapshot.endpoints["my-endpoint"].quota


def request(body: bytes, headers: str = "TE: trailers\r\n", path: str = "my-endpoint") -> bytes:
    return (
        f"POST /{path}/score HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
        f"{headers}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def ask(worker: Worker, data: bytes) -> tuple[dict[str, str], bytes, dict[str, str]]:
    """Headers, body and trailers of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
    try:
        async with asyncio.timeout(WAIT_S):
            writer.write(data)
            return await answer(reader)
    finally:
        writer.close()


async def answer(
    reader: asyncio.StreamReader,
) -> tuple[dict[str, str], bytes, dict[str, str]]:
    head = lines_of(await reader.readuntil(b"\r\n\r\n"))
    if "transfer-encoding" not in head:
        return head, await reader.readexactly(int(head["content-length"])), {}
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    trailers = b""
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        trailers += line
    return head, body, lines_of(b"\r\n" + trailers + b"\r\n")


def lines_of(head: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:-2])


async def test_over_the_quota_a_request_is_delayed_and_the_trailers_say_how_long(
    worker: Worker,
) -> None:
    quota = await routed(worker)
    body = bytes(700_000)
    head, echoed, trailers = await ask(worker, request(body))
    assert echoed == body
    assert head["trailer"] == f"{REQUEST_DELAY}, {RESPONSE_DELAY}"
    # 1.4 MB of which 1 MB was in the bucket; what it gained meanwhile is not waited for.
    assert trailers[REQUEST_DELAY] == "0"
    assert 0 < int(trailers[RESPONSE_DELAY]) <= 450
    assert quota.response_delay_ns > 0
    _, echoed, trailers = await ask(worker, request(body))
    assert echoed == body
    assert 0 < int(trailers[REQUEST_DELAY]) <= 750
    assert quota.request_delay_ns > 0


async def test_within_the_quota_nothing_is_delayed_and_no_trailer_is_sent(worker: Worker) -> None:
    quota = await routed(worker)
    head, body, trailers = await ask(worker, request(b"{}"))
    assert (body, trailers) == (b"{}", {})
    assert "trailer" not in head
    assert quota.delayed == 0


async def test_a_client_that_takes_no_trailers_gets_none(worker: Worker) -> None:
    quota = await routed(worker)
    head, echoed, _ = await ask(worker, request(bytes(900_000), headers=""))
    assert int(head["content-length"]) == len(echoed) == 900_000
    assert quota.response_delay_ns > 0


async def test_requests_responses_and_copies_are_counted_with_their_headers(
    worker: Worker,
) -> None:
    quota = await routed(worker, mirror=50)
    sent = request(b"x" * 100)
    received = 0
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
    for _ in range(100):
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        received += len(head) + len(await reader.readexactly(100))
    writer.close()
    async with asyncio.timeout(WAIT_S):
        while worker.engine.dispatcher.ledger.everything():
            await asyncio.sleep(0.01)
    assert quota.request_bytes == 100 * len(sent)
    assert quota.response_bytes == received
    # The copies' answers have no headers of HTTP.
    assert quota.copy_bytes == 50 * (len(sent) + 100)


async def test_mirrored_copies_use_up_the_quota(worker: Worker) -> None:
    quota = await routed(worker, mirror=50)
    for _ in range(10):
        await ask(worker, request(bytes(90_000)))
    # 1.8 MB of requests and answers, 0.9 MB of copies and theirs, 1 MB in the bucket.
    assert quota.copy_bytes > 900_000
    assert quota.request_delay_ns + quota.response_delay_ns > 1_000_000_000


async def test_a_long_body_is_read_no_faster_than_the_quota_lets(worker: Worker) -> None:
    quota = await routed(worker)
    body = bytes(1_900_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.port, limit=2**22)
    writer.write(request(body, headers=""))
    async with asyncio.timeout(WAIT_S):
        while not quota.request_delay_ns:
            await asyncio.sleep(0.001)
        (connection,) = worker.listener.connections
        assert connection.is_paused, "no more is read"
        assert connection.is_reading, "it is not whole yet"
        _, echoed, _ = await answer(reader)
    assert echoed == body
    assert quota.request_bytes == len(request(body, headers=""))
    writer.close()


async def test_requests_behind_a_delayed_one_keep_their_order(worker: Worker) -> None:
    await routed(worker)
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.port, limit=2**22)
    bodies = [bytes([n]) * 60_000 for n in range(20)]
    writer.write(b"".join(request(body, headers="") for body in bodies))
    writer.write_eof()
    async with asyncio.timeout(WAIT_S):
        for body in bodies:
            assert (await answer(reader))[1] == body
        assert await reader.read() == b""
    writer.close()


async def test_another_endpoint_is_not_touched(worker: Worker) -> None:
    await routed(worker)
    (endpoint,) = worker.routing.endpoints
    other = replace(endpoint, name="other-endpoint")
    await worker.apply(endpoint, other)
    quotas = {
        name: found.quota for name, found in worker.engine.dispatcher.snapshot.endpoints.items()
    }
    first = asyncio.create_task(ask(worker, request(bytes(1_500_000))))
    async with asyncio.timeout(WAIT_S):
        while not quotas["my-endpoint"].delayed:
            await asyncio.sleep(0.001)
    await ask(worker, request(b"{}", path="other-endpoint"))
    assert not first.done()
    assert quotas["other-endpoint"].delayed == 0
    await first


async def test_a_client_that_hangs_up_while_it_is_held_is_forgotten(worker: Worker) -> None:
    quota = await routed(worker)
    _, writer = await asyncio.open_connection("127.0.0.1", worker.port)
    writer.write(request(bytes(60_000)) * 30)
    async with asyncio.timeout(WAIT_S):
        while not quota.request_delay_ns:
            await asyncio.sleep(0.001)
        writer.transport.abort()
        while worker.listener.connections:
            await asyncio.sleep(0.001)
    asked = len(worker.instances["blue-1"].requests)
    assert asked < 30


async def test_what_a_client_that_hung_up_has_queued_is_dropped(worker: Worker) -> None:
    gate = asyncio.Event()

    async def waits(asked: ScoreRequest) -> ScoreAnswer | None:
        await gate.wait()
        return await echo(asked)

    await worker.add_instance("slow-1", waits)
    await worker.route({"slow": ["slow-1"]}, {"slow": 100}, concurrency=1)
    lane = worker.engine.dispatcher.snapshot.endpoints["my-endpoint"].deployments["slow"].lane
    writers = []
    async with asyncio.timeout(WAIT_S):
        for count in (1, 2):
            _, writer = await asyncio.open_connection("127.0.0.1", worker.port)
            writer.write(request(b"{}"))
            writers.append(writer)
            while lane.places.now < count:
                await asyncio.sleep(0.001)
        writers[1].close()
        while lane.places.now > 1:
            await asyncio.sleep(0.001)
        # Its place is free for another.
        third = asyncio.create_task(ask(worker, request(b"third")))
        while lane.places.now < 2:
            await asyncio.sleep(0.001)
        gate.set()
        assert (await third)[1] == b"third"
    assert len(worker.instances["slow-1"].requests) == 2
    writers[0].close()


@pytest.mark.parametrize(
    ("limits", "line", "words"),
    [
        (
            EndpointQuota(requests_per_s=1),
            b"HTTP/1.1 429 Rate-limited\r\n",
            b"takes 1 requests per second. Try again, or raise `quotas.requests_per_s`",
        ),
        (
            EndpointQuota(connections=1),
            b"HTTP/1.1 429 Too many connections\r\n",
            b"takes 1 connections at a time. Send more requests over each, try again, or raise "
            b"`quotas.connections`",
        ),
        (
            EndpointQuota(connections_per_s=1),
            b"HTTP/1.1 429 Too many connections\r\n",
            b"takes 1 new connections per second. Send more requests over each, try again, or "
            b"raise `quotas.connections_per_s`",
        ),
    ],
    ids=["requests", "connections", "new connections"],
)
async def test_past_a_limit_429_names_its_key_and_when_to_retry(
    worker: Worker, limits: EndpointQuota, line: bytes, words: bytes
) -> None:
    await routed(worker, limits)
    open_ones = []
    for expected in (b"HTTP/1.1 200 OK\r\n", line):
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        open_ones.append(writer)
        writer.write(request(b"{}"))
        assert await reader.readuntil(b"\r\n") == expected
    rest = await reader.readuntil(b"\r\n\r\n")
    assert b"retry-after: 1\r\n" in rest
    head = lines_of(b"\r\n" + rest)
    assert words in await reader.readexactly(int(head["content-length"]))
    for writer in open_ones:
        writer.close()


async def test_a_closed_connection_makes_room_for_another(worker: Worker) -> None:
    await routed(worker, EndpointQuota(connections=1))
    for _ in range(3):
        head, _, _ = await ask(worker, request(b"{}"))
        assert "retry-after" not in head
        async with asyncio.timeout(WAIT_S):
            while worker.listener.connections:
                await asyncio.sleep(0.001)


async def test_requests_over_one_connection_count_it_once(worker: Worker) -> None:
    await routed(worker, EndpointQuota(connections=1, connections_per_s=1))
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
    for _ in range(5):
        writer.write(request(b"{}"))
        assert "retry-after" not in (await answer(reader))[0]
    writer.close()


async def test_who_is_connected_stays_so_and_counts_when_limits_change(worker: Worker) -> None:
    quota = await routed(worker)
    open_ones = [await asyncio.open_connection("127.0.0.1", worker.port) for _ in range(3)]
    for limits in (
        EndpointQuota(),
        EndpointQuota(connections=3, connections_per_s=1),
        EndpointQuota(connections=1, bandwidth_bytes_per_s=10**9),
    ):
        counted = quota.request_bytes
        await worker.route({"blue": ["blue-1"], "green": []}, {"blue": 100}, quota=limits)
        for reader, writer in open_ones:
            writer.write(request(b"{}"))
            assert "retry-after" not in (await answer(reader))[0]
        assert quota.request_bytes > counted
    head, _, _ = await ask(worker, request(b"{}"))
    assert "retry-after" in head, "they count, though there was no limit when they came"
    for _, writer in open_ones:
        writer.close()
    async with asyncio.timeout(WAIT_S):
        while worker.listener.connections:
            await asyncio.sleep(0.001)
    head, _, _ = await ask(worker, request(b"{}"))
    assert "retry-after" not in head


async def test_what_is_held_up_when_its_limit_is_lifted_comes_whole_and_at_once(
    worker: Worker,
) -> None:
    quota = await routed(worker, EndpointQuota(bandwidth_bytes_per_s=300_000))
    body = random.Random(0).randbytes(1_000_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
    async with asyncio.timeout(WAIT_S):
        # 0.7 s of it for the request.
        writer.write(request(body) + request(b"next"))
        while not quota.response_delay_ns:
            await asyncio.sleep(0.001)
        await worker.route({"blue": ["blue-1"], "green": []}, {"blue": 100}, quota=EndpointQuota())
        assert (await answer(reader))[1] == body
        assert (await answer(reader))[1] == b"next"
    writer.close()


async def test_nothing_comes_between_the_parts_of_an_answer_that_is_held_up(
    worker: Worker,
) -> None:
    """Who has sent all it will is looked after, whether it is still there, by interim answers."""
    quota = await routed(worker, EndpointQuota(bandwidth_bytes_per_s=300_000))
    first, second = asyncio.Event(), asyncio.Event()

    def gated(gate: asyncio.Event) -> Behaviour:
        async def behave(asked: ScoreRequest) -> ScoreAnswer | None:
            await gate.wait()
            return await echo(asked)

        return behave

    worker.instances["blue-1"].behave = gated(first)
    worker.instances["green-1"].behave = gated(second)
    body = random.Random(0).randbytes(500_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
    async with asyncio.timeout(WAIT_S):
        writer.write(request(body, "") + request(b"next", "azureml-model-deployment: green\r\n"))
        while worker.engine.dispatcher.ledger.in_flight < 2:
            await asyncio.sleep(0.001)
        first.set()
        while not quota.response_delay_ns:
            await asyncio.sleep(0.001)
        writer.write_eof()
        assert (await answer(reader))[1] == body
        second.set()
        assert (await answer(reader))[1] == b"next"
    writer.close()


async def test_a_large_body_with_a_wrong_key_is_refused_before_it_has_come(
    worker: Worker,
) -> None:
    await routed(worker)
    for sends in (
        f"Content-Length: {10**7}\r\n\r\n".encode() + bytes(1000),
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        f"Expect: 100-continue\r\nContent-Length: {10**7}\r\n\r\n".encode(),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        writer.write(
            b"POST /my-endpoint/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\n" + sends
        )
        async with asyncio.timeout(WAIT_S):
            assert await reader.readuntil(b"\r\n") == b"HTTP/1.1 401 Unauthorized\r\n"
            assert b"connection: close\r\n" in await reader.readuntil(b"\r\n\r\n")
        writer.close()


async def test_strangers_use_up_nobodys_quota(tmp_path: Path) -> None:
    async with running(tmp_path) as worker:
        quota = await routed(worker)
        data = request(bytes(60_000)).replace(KEY.encode(), b"wrong!")
        head, _, _ = await ask(worker, data)
        assert "x-request-id" in head
        assert quota.request_bytes == quota.response_bytes == 0
