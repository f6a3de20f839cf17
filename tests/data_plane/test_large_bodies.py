"""Large bodies travel in parts, and hold up nothing else."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.request import NO_HEAD, Kind, Request
from router.data_plane.forwarding import PART_BYTES, Forwarding
from router.data_plane.request_ids import RequestIds
from runtime.parts import Parts
from tests.data_plane.scripted import Worker
from tests.data_plane.test_listener import Client, ask, request
from turnout.scoring.v1.scoring_pb2 import ScoreRequest

WAIT_S = 10
# Below the test worker's limit.
LARGE_BYTES = 40 * PART_BYTES


def taken(number: int, payload: bytes) -> Request:
    return Request(number, Kind.LIVE, None, payload, NO_HEAD, 10**18, None)  # type: ignore[arg-type]


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
    got: list[ScoreRequest] = []
    while under_way:
        chosen = random.choice(under_way)  # type: ignore[attr-defined]
        message = next(chosen, None)
        if message is None:
            under_way.remove(chosen)
        else:
            got += parts.whole(message.requests)
    assert {one.id: one.payload for one in got} == payloads
    assert not parts._begun, "nothing is kept"
    assert all(one.timeout_ns == 10**18 and not one.more for one in got)


@pytest.mark.parametrize("extra", [-1, 0, 1, 3 * PART_BYTES])
async def test_a_body_about_the_size_of_a_part_or_of_several_arrives_as_it_was(
    blue: Worker, extra: int
) -> None:
    body = b"x" * (PART_BYTES + extra)
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
