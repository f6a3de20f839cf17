"""Large bodies travel in parts, and hold up nothing else."""

import asyncio
from unittest.mock import ANY, Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core import request as core
from router.core.lane import LARGE_BYTES_MIN
from router.core.request import VIEW_BYTES_MIN
from router.data_plane.forwarding import HEADERS_WISH, PART_BYTES, Forwarding
from router.data_plane.known_heads import KnownHeads
from router.data_plane.reader import Reader
from router.data_plane.request_ids import RequestIds
from runtime.parts import Parts
from runtime.request import Request, as_message
from tests.data_plane.scripted import Worker
from tests.data_plane.test_listener import Client, ask, request
from turnout.scoring.v1.scoring_pb2 import RequestBatch

WAIT_S = 10
# Below the test worker's limit.
LARGE_BYTES = 40 * LARGE_BYTES_MIN


def taken(number: int, payload: core.Payload, head: core.Head = core.NO_HEAD) -> core.Request:
    return core.Request(
        number,
        core.Kind.LIVE,
        None,  # type: ignore[arg-type]
        payload,
        head,
        10**18,
        None,
    )


@given(st.lists(st.integers(1, 4 * PART_BYTES), min_size=1, max_size=3), st.randoms())
def test_parts_of_several_requests_in_any_mixture_become_whole_again(
    sizes: list[int], random: "st.DataObject"
) -> None:
    forwarding, parts = Forwarding(RequestIds()), Parts()
    payloads = {n: bytes([n]) * size for n, size in enumerate(sizes, start=1)}
    requests = [taken(n, payload) for n, payload in payloads.items()]
    under_way = [forwarding.to_parts(one, 0) for one in requests]
    for one in requests:
        # As when its deadline passes before its turn: who has it must hear of it all the same.
        one.payload = b""
    got: list[Request] = []
    while under_way:
        chosen = random.choice(under_way)  # type: ignore[attr-defined]
        message = next(chosen, None)
        if message is None:
            under_way.remove(chosen)
        else:
            got += parts.whole(RequestBatch.FromString(message).requests)
    assert {one.id: one.payload for one in got} == payloads
    assert not parts._begun, "nothing is kept"
    assert all(one.timeout_ns == 10**18 for one in got)
    messages = [as_message(one) for one in got]
    assert {one.id: one.payload for one in messages} == payloads
    assert all(one.timeout_ns == 10**18 and not one.more for one in messages)


@given(st.lists(st.integers(0, 3 * VIEW_BYTES_MIN), max_size=5), st.booleans(), st.booleans())
def test_a_message_holds_bodies_of_any_size_as_they_are_in_their_order(
    sizes: list[int],
    as_views: bool,  # noqa: FBT001 - drawn
    with_headers: bool,  # noqa: FBT001 - drawn
) -> None:
    forwarding = Forwarding(RequestIds())
    forwarding.read_wishes([HEADERS_WISH] if with_headers else [])
    payloads = [bytes([n]) * size for n, size in enumerate(sizes)]
    head = core.Head(content_type="a/b", method="GET", target="/score?a=1", headers=[(b"c", b"d")])
    batch = [
        taken(n, memoryview(one) if as_views and len(one) >= VIEW_BYTES_MIN else one, head)
        for n, one in enumerate(payloads)
    ]
    message = RequestBatch.FromString(forwarding.to_message(batch, 10**18 - 5))
    assert [(one.id, one.payload) for one in message.requests] == list(enumerate(payloads))
    for one in message.requests:
        assert (one.content_type, one.timeout_ns, one.more) == ("a/b", 5, False)
        assert (one.method, one.target) == ("GET", "/score?a=1")
        assert [header.name for header in one.headers] == ["c", "x-request-id"] * with_headers


@pytest.mark.parametrize(
    ("size", "behind", "is_view"),
    [
        (VIEW_BYTES_MIN - 1, b"", False),
        (VIEW_BYTES_MIN, b"", True),
        # It would keep what is behind it in memory, too.
        (VIEW_BYTES_MIN, b"P", False),
    ],
)
def test_a_body_is_a_view_where_copying_would_take_long(
    size: int, behind: bytes, *, is_view: bool
) -> None:
    owner = Mock()
    reader = Reader(owner, KnownHeads(), LARGE_BYTES)
    reader.feed(request(b"a" * size))
    reader.feed(request(b"b" * size) + behind)
    (_, first), (_, second) = (call.args for call in owner.on_request.call_args_list)
    assert (first, second) == (b"a" * size, b"b" * size)
    assert isinstance(second, memoryview) == is_view


@pytest.mark.parametrize("size", [VIEW_BYTES_MIN - 1, VIEW_BYTES_MIN, 100_000])
async def test_a_body_arrives_as_it_was_however_its_bytes_come(blue: Worker, size: int) -> None:
    client = await Client.connect(blue)
    for n in range(5):
        body = bytes([97 + n]) * size
        whole = request(body)
        # From the second on the head is known: alone, in two reads, and with the next behind it.
        cut = (len(whole), len(whole), len(whole) - 1, len(whole) // 2, 20)[n]
        client.send(whole[:cut])
        if cut < len(whole):
            await asyncio.sleep(0)
            client.send(whole[cut:])
        client.send(request(body[:-1]))
        assert await client.response() == (200, ANY, body)
        assert await client.response() == (200, ANY, body[:-1])
    await client.close()


@pytest.mark.parametrize("size", [LARGE_BYTES_MIN - 1, LARGE_BYTES_MIN, 5 * PART_BYTES + 1])
async def test_a_body_about_as_large_as_those_that_come_in_parts_arrives_as_it_was(
    blue: Worker, size: int
) -> None:
    body = b"x" * size
    status, _, answer = await ask(blue, request(body))
    assert (status, answer) == (200, body)


async def test_a_small_request_passes_a_large_one_that_is_on_its_way(blue: Worker) -> None:
    instance = blue.instances["blue-0"]
    # The first answer opens the window: run() is fast.
    await ask(blue, request())
    first_part = asyncio.Event()
    instance.on_message = first_part.set
    large, small = await Client.connect(blue), await Client.connect(blue)
    large.send(request(b"x" * LARGE_BYTES))
    async with asyncio.timeout(WAIT_S):
        await first_part.wait()
        small.send(request(b"[1]"))
        assert (await small.response())[0] == 200
        assert (await large.response())[0] == 200
    await large.close()
    await small.close()
    assert [len(one.payload) for one in instance.requests[-2:]] == [3, LARGE_BYTES]
