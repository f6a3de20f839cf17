"""What the router reads of a request's head: its URL and headers, made sense of once.

The bytes were parsed before, and what the sense leads to comes later: reader.py, intake.py.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

from msgspec import Struct

from router.core.request import Head
from router.data_plane.addresses import SCORE, destination
from router.data_plane.client_ids import ECHOED, echo_of

HEAD_END = b"\r\n\r\n"
POST = b"POST"
# Those that are another with each request: a head with one of them does not come again.
_OWN = ECHOED | {
    b"b3", b"date", b"request-id", b"traceparent", b"x-amzn-trace-id", b"x-b3-spanid",
    b"x-correlation-id", b"x-request-id",
}  # fmt: skip
_LEAVES_LENGTH_OPEN = {b"expect", b"transfer-encoding"}
# The headers that mean something to the router; the others are passed on at most.
READ = _OWN | _LEAVES_LENGTH_OPEN | {
    b"authorization", b"azureml-model-deployment", b"content-length", b"content-type", b"host",
    b"te",
}  # fmt: skip
_NOT_REPEATED = _OWN | _LEAVES_LENGTH_OPEN


class ParsedHead(Struct, frozen=True, gc=False):
    """A request without its body.

    Attributes:
        url: the request target.
        endpoint: that it names; None if it names none.
        asks_to_score: and not for what an endpoint serves besides.
        authorization: that header's value, empty without it.
        pinned: the header azureml-model-deployment, None without it.
        keep_alive: the client may send another request on this connection.
        expects_continue: it waits for an interim answer before it sends the body.
        body_bytes: the body's length as announced, 0 if it is not.
        repeats: the same head may come again, with a body of the same length.
        passed_on: what goes on to the instance and back to the client.
    """

    method: bytes
    url: bytes
    endpoint: str | None
    asks_to_score: bool
    authorization: bytes
    pinned: str | None
    keep_alive: bool
    expects_continue: bool
    body_bytes: int
    repeats: bool
    passed_on: Head


def make_head(
    method: bytes,
    url: bytes,
    headers: Sequence[tuple[bytes, bytes]],
    values: Mapping[bytes, bytes],
    *,
    is_old: bool,
    keep_alive: bool,
) -> ParsedHead:
    """The sense of a head.

    Args:
        headers: all of them, names in lower case.
        values: of those in READ.
        is_old: it is one of HTTP/1.0.
    """
    value = values.get
    endpoint, path = destination(url, value(b"host", b"")) or (None, b"")
    query = url.partition(b"?")[2]
    asks_to_score = path == SCORE
    usual = method == POST and asks_to_score and not query
    target = b"" if usual else path
    pinned = value(b"azureml-model-deployment")
    repeats = _NOT_REPEATED.isdisjoint(values)
    legacy_id, echo = (b"", b"") if repeats else echo_of(values)
    return ParsedHead(
        method=method,
        url=url,
        endpoint=endpoint,
        asks_to_score=asks_to_score,
        authorization=value(b"authorization", b""),
        pinned=None if pinned is None else pinned.decode("latin-1").strip(),
        # Clients that speak HTTP/1.0 often wait for the connection's end.
        keep_alive=keep_alive and not is_old,
        expects_continue=not is_old and value(b"expect", b"").lower() == b"100-continue",
        body_bytes=int(value(b"content-length", 0)),
        repeats=repeats,
        passed_on=Head(
            content_type=value(b"content-type", b"").decode("latin-1"),
            method=method.decode("latin-1") if target else "",
            target=(target + b"?" + query if query else target).decode("latin-1"),
            headers=headers,
            legacy_id=legacy_id,
            echo=echo,
            takes_chunks=not is_old,
            takes_trailers=not is_old and b"trailers" in value(b"te", b"").lower(),
            size_bytes=_size_bytes(method, url, headers),
        ),
    )


def _size_bytes(method: bytes, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    """As clients write it: a space, and line ends, where the standard has them."""
    line = len(method) + len(url) + len(b"  HTTP/1.1\r\n")
    return line + sum(map(len, chain.from_iterable(headers))) + 4 * len(headers) + 2
