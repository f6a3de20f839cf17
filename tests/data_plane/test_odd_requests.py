"""Requests that are odd, wrong or sly: what is taken, what is refused, and that nothing hangs."""

import asyncio
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.core.request import Payload
from router.data_plane.heads import ParsedHead
from router.data_plane.known_heads import KnownHeads
from router.data_plane.reader import Reader, RefusedError
from tests.data_plane.odd_requests import ODD_REQUESTS, Outcome
from tests.data_plane.scripted import KEY, Worker, running

WAIT_S = 10
NAMES = [name for name, _, _ in ODD_REQUESTS]
KEY_LINE = f"Authorization: Bearer {KEY}\r\n".encode()


class Owner:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def on_expect_continue(self, parsed: ParsedHead) -> None:
        """Nobody waits."""

    def on_request(self, parsed: ParsedHead, body: Payload) -> None:
        self.bodies.append(bytes(body))


def outcome(parts: list[bytes], known: KnownHeads | None = None) -> tuple[list[bytes], int]:
    """The bodies of what a reader takes, and the status of what it refuses, or 0."""
    owner = Owner()
    reader = Reader(owner, known or KnownHeads(), 10**6)
    try:
        for part in parts:
            reader.feed(part)
    except RefusedError as refused:
        return owner.bodies, int(refused.status.line.split(b" ")[0])
    return owner.bodies, 0


def expected(wanted: Outcome) -> tuple[list[bytes], int]:
    return ([], wanted) if isinstance(wanted, int) else (wanted, 0)


@pytest.mark.parametrize(("data", "wanted"), [row[1:] for row in ODD_REQUESTS], ids=NAMES)
def test_odd_requests_are_read_alike_whole_and_byte_by_byte(data: bytes, wanted: Outcome) -> None:
    assert outcome([data]) == expected(wanted)
    assert outcome([data[n : n + 1] for n in range(len(data))]) == expected(wanted)


@pytest.mark.parametrize(("data", "wanted"), [row[1:] for row in ODD_REQUESTS], ids=NAMES)
async def test_at_the_listener_they_are_refused_and_closed_or_served(
    blue: Worker, data: bytes, wanted: Outcome
) -> None:
    """With a key, so that nothing is refused for want of one."""
    keyed = data.replace(b"Host:", KEY_LINE + b"Host:")
    reader, writer = await asyncio.open_connection("127.0.0.1", blue.port)
    writer.write(keyed)
    async with asyncio.timeout(WAIT_S):
        for body in [None] if isinstance(wanted, int) else wanted:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lengths = [line for line in head.split("\r\n") if line.startswith("content-length")]
            got = await reader.readexactly(int(lengths[0].split(": ")[1]))
            status = int(head.split(" ")[1])
            if body is None:
                assert status == wanted
                assert "connection: close" in head
                assert await reader.read() == b"", "nothing behind the refusal"
            elif status != 431:  # A key is a header more.
                assert (status, got) == (200, body)
    writer.close()
    assert not blue.instances["blue-0"].requests or not isinstance(wanted, int)


odd = st.sampled_from([data for _, data, _ in ODD_REQUESTS if len(data) < 2000])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """One or two of them behind each other, with some bytes changed, doubled or left out."""
    data = bytearray(b"".join(draw(st.lists(odd, min_size=1, max_size=2))))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data) - 1))
        change = draw(st.sampled_from(["byte", "out", "double", "end"]))
        if change == "byte":
            data[at] = draw(st.sampled_from(b"\r\n\t :,;0a\x00\x7f\xff/"))
        elif change == "out":
            del data[at : at + draw(st.integers(1, 8))]
        elif change == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 40))]
        else:
            data[at:at] = b"\r\n"
        if not data:
            data += b"G"
    return bytes(data)


@given(mutated(), st.lists(st.integers(1, 60), max_size=30))
def test_any_bytes_are_read_alike_however_they_are_cut_and_whatever_was_known(
    data: bytes, cuts: list[int]
) -> None:
    known = KnownHeads()
    for _, valid, wanted in ODD_REQUESTS:
        if not isinstance(wanted, int):
            outcome([valid], known)
    parts, rest = [], data
    for cut in cuts:
        parts.append(rest[:cut])
        rest = rest[cut:]
    assert outcome([*filter(None, parts), rest], known) == outcome([data])


@given(st.lists(mutated(), min_size=1, max_size=3))
def test_what_is_read_never_fails_otherwise_than_by_a_refusal(stream: list[bytes]) -> None:
    outcome(stream)


async def fuzz(streams: list[bytes]) -> list[bytes]:
    """What a listener answers to each, on a connection of its own; others are served meanwhile."""

    async def send(data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        try:
            writer.write(data)
            writer.write_eof()
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        async with running(Path(folder)) as worker, asyncio.timeout(WAIT_S):
            await worker.add_instance("blue-0")
            await worker.route({"blue": ["blue-0"]}, {"blue": 100})
            honest = valid_request() * 3
            *answered, served = await asyncio.gather(*map(send, [*streams, honest]))
            assert served.count(b"HTTP/1.1 200 OK\r\n") == 3
            return answered


def valid_request() -> bytes:
    _, data, _ = ODD_REQUESTS[-1]
    return data[: len(data) // 3].replace(b"Host:", KEY_LINE + b"Host:")


@settings(max_examples=settings().max_examples // 10 + 1)
@given(st.lists(mutated(), min_size=10, max_size=30))
def test_a_listener_answers_any_bytes_ends_the_connection_and_serves_the_others(
    streams: list[bytes],
) -> None:
    """The end of each read is awaited: a connection that hangs fails by its time limit."""
    keyed = [data.replace(b"Host:", KEY_LINE + b"Host:") for data in streams]
    for data, answered in zip(keyed, asyncio.run(fuzz(keyed)), strict=True):
        statuses = re.findall(rb"^HTTP/1\.1 (\d{3}) ", answered, re.MULTILINE)
        assert b"500" not in statuses, data
        # One of a request's answers at most is not 102, and a request has a line end.
        assert len([one for one in statuses if one != b"102"]) <= data.count(b"\n") + 1, data
