"""A head that is known is taken without the parser, and means what the parser would say."""

import itertools

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.core.request import Payload
from router.data_plane.heads import ParsedHead
from router.data_plane.known_heads import KNOWN_MAX, KnownHeads
from router.data_plane.reader import Reader, RefusedError

PAYLOAD_BYTES_MAX = 1000
POST = b"POST /my-endpoint/score HTTP/1.1\r\nHost: localhost\r\n"
INNER = POST + b"Content-Length: 2\r\n\r\n{}"
BODIES = [b"", b"{}", b"x" * 300, b"\r\n\r\n", POST + b"\r\n", INNER]
KEY = b"Authorization: Bearer secret\r\n"


def with_length(head: bytes, body: bytes) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(head: bytes, body: bytes) -> bytes:
    chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"


bodies = st.sampled_from(BODIES)
HEADS = [
    POST,
    POST + KEY,
    POST + b"azureml-model-deployment: green\r\n",
    POST + b"x-ms-client-request-id: one\r\n",
    POST + b"Expect: 100-continue\r\n",
    POST + b"Connection: close\r\n",
    POST.replace(b"1.1", b"1.0"),
    POST.replace(b"my-endpoint", b"other"),
    b"\r\n" + POST,
    b"\r\n\r\n" + POST,
    POST.replace(b"\r\n", b"\n"),
]
heads = st.sampled_from(HEADS)
requests = st.one_of(
    st.builds(with_length, heads, bodies),
    st.builds(chunked, heads, bodies),
    st.builds(lambda head: head + b"\r\n", heads),
    st.builds(lambda body: POST + b"Content-Length: 5000\r\n\r\n" + body, bodies),
)


class Forgetful(KnownHeads):
    """Knows none."""

    def remember(self, data: bytes, parsed: ParsedHead) -> None:
        """Forgets it."""


class Owner:
    def __init__(self) -> None:
        self.got: list[object] = []

    def on_expect_continue(self, parsed: ParsedHead) -> None:
        self.got.append("continue")

    def on_request(self, parsed: ParsedHead, body: Payload) -> None:
        self.got.append((parsed, bytes(body)))
        if not parsed.keep_alive:
            raise ClosedError


class ClosedError(Exception):
    """The owner reads no further."""


def read(known: KnownHeads, parts: list[bytes]) -> list[object]:
    owner = Owner()
    reader = Reader(owner, known, PAYLOAD_BYTES_MAX)
    try:
        for part in parts:
            reader.feed(part)
    except ClosedError:
        owner.got.append("closed")
    except RefusedError as refused:
        owner.got.append(refused.status.code)
    else:
        owner.got.append(("in message", reader.in_message))
    return owner.got


def cut(data: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(borders) if a < b]


@given(st.lists(requests, min_size=1, max_size=5), st.lists(st.integers(0, 5000), max_size=4))
@example([with_length(POST, b"{}"), with_length(POST, b"{}")], [])
def test_whatever_comes_in_whatever_parts_is_read_as_if_no_head_were_known(
    messages: list[bytes], places: list[int]
) -> None:
    known = KnownHeads()
    for message in messages:
        read(known, [message])
    parts = cut(b"".join(messages), places)
    assert read(known, parts) == read(Forgetful(), parts)


@pytest.mark.parametrize("head", HEADS)
def test_a_head_that_comes_again_means_the_same_again(head: bytes) -> None:
    known, message = KnownHeads(), with_length(head, b"{}")
    for _ in range(3):
        assert read(known, [message]) == read(Forgetful(), [message])


@pytest.mark.parametrize("body", [b"", b"{}", INNER])
def test_a_known_head_may_come_with_any_part_of_its_body_and_of_what_follows(body: bytes) -> None:
    known, message = KnownHeads(), with_length(POST, body)
    read(known, [message])
    for place in range(1, 2 * len(message)):
        parts = cut(message + message, [place])
        assert read(known, parts) == read(Forgetful(), parts)


def test_a_known_head_needs_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    class CountingParser(httptools.HttpRequestParser):
        fed = 0

        def feed_data(self, data: bytes) -> None:  # type: ignore[override]
            CountingParser.fed += 1
            super().feed_data(data)

    monkeypatch.setattr(httptools, "HttpRequestParser", CountingParser)
    owner = Owner()
    reader = Reader(owner, KnownHeads(), PAYLOAD_BYTES_MAX)
    for _ in range(3):
        message = with_length(POST, b"x" * 300)
        reader.feed(message[:-200])
        reader.feed(message[-200:])
    assert CountingParser.fed == 2
    assert len(owner.got) == 3


def test_no_more_heads_are_kept_than_the_limit_and_none_with_an_id_of_its_own() -> None:
    known = KnownHeads()
    for number in range(2 * KNOWN_MAX):
        read(known, [with_length(POST + b"x-%d: y\r\n" % number, b"")])
        assert len(known._by_bytes) <= KNOWN_MAX
    own = with_length(POST + b"traceparent: 1\r\n", b"")
    read(known, [own])
    assert known.find(own) is None
    assert known.find(with_length(POST + b"x-%d: y\r\n" % (2 * KNOWN_MAX - 1), b"")) is not None
