"""Reads HTTP/1.1 requests from bytes: httptools parses, this file bounds and collects.

It knows no socket and answers nothing; connection.py does. A request is handed over when
it is whole, and then forgotten, but for its head (heads.py).
"""

from typing import Protocol

import httptools

from router.core.request import Head
from router.data_plane import statuses
from router.data_plane.addresses import SCORE, destination
from router.data_plane.client_ids import ECHOED, echo_of
from router.data_plane.heads import HEAD_END, KnownHeads, ParsedHead
from router.data_plane.statuses import Status

URL_BYTES_MAX = 8 * 1024
HEAD_BYTES_MAX = 64 * 1024

POST = b"POST"
# The headers that mean something to the router; the others are passed on at most.
_READ = ECHOED | {
    b"authorization", b"azureml-model-deployment", b"content-length", b"content-type",
    b"expect", b"host", b"transfer-encoding",
}  # fmt: skip


class RefusedError(Exception):
    """What came is no request that may be taken; the connection can't be read any further."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Owner(Protocol):
    """Who gets the requests."""

    def on_expect_continue(self) -> None:
        """The client waits for an interim answer before it sends the body."""

    def on_request(self, parsed: ParsedHead, body: bytes) -> None:
        """A whole request has come."""


class Reader:
    """The requests of one connection, one after the other.

    Attributes:
        in_message: a request has begun to come and is not whole yet.
    """

    __slots__ = (
        "_authorization",
        "_body",
        "_body_begun",
        "_body_bytes",
        "_content_length",
        "_content_type",
        "_echoed",
        "_expects_continue",
        "_head_bytes",
        "_headers",
        "_host",
        "_known",
        "_max_payload_bytes",
        "_owner",
        "_parsed",
        "_parser",
        "_pinned",
        "_tells_length",
        "_url",
        "in_message",
    )

    def __init__(self, owner: Owner, known: KnownHeads, max_payload_bytes: int) -> None:
        self._owner = owner
        self._known = known
        self._max_payload_bytes = max_payload_bytes
        self._parser = httptools.HttpRequestParser(self)
        self.in_message = False
        self._head_bytes = 0
        self._body_begun = False
        self._parsed: ParsedHead | None = None

    def feed(self, data: bytes) -> None:
        """Takes in bytes; calls the owner for each request that they complete.

        Raises:
            RefusedError: they are not HTTP/1.1, or more than is allowed.
        """
        if self.in_message:
            self._parse(data)
            return
        data = self._take_known(data)
        if data:
            self._parsed = None
            self._parse(data)
            if self._parsed is not None and not self.in_message:
                self._known.remember(data, self._parsed)

    def _take_known(self, data: bytes) -> bytes:
        """Hands over the whole requests with known heads that come first; returns the rest."""
        while data:
            body_begin = data.find(HEAD_END) + len(HEAD_END)
            parsed = self._known.find(data[:body_begin])
            if parsed is None:
                break
            end = body_begin + parsed.body_bytes
            if end > len(data):
                break
            self._owner.on_request(parsed, data[body_begin:end])
            data = data[end:]
        return data

    def _parse(self, data: bytes) -> None:
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            # httptools wraps what a callback of ours raised.
            raise error.__context__ or error from None
        except httptools.HttpParserError as error:
            raise RefusedError(
                statuses.BAD_REQUEST, f"expected an HTTP/1.1 request, got: {error}"
            ) from None
        if self.in_message and self._head_bytes > HEAD_BYTES_MAX:
            raise RefusedError(
                statuses.HEADERS_TOO_LARGE,
                f"expected at most {HEAD_BYTES_MAX} bytes of headers, got more",
            )

    # httptools callbacks, in the order of a request.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self.in_message = True
        self._head_bytes = 0
        self._body_begun = False
        self._url = b""
        self._host = b""
        self._authorization = b""
        self._pinned: str | None = None
        self._content_type = ""
        self._content_length = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._echoed: dict[bytes, bytes] = {}
        self._expects_continue = False
        self._tells_length = True
        self._body: list[bytes] = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """The request target, or a part of it."""
        self._url += url
        if len(self._url) > URL_BYTES_MAX:
            raise RefusedError(
                statuses.URI_TOO_LONG, f"expected a URL of at most {URL_BYTES_MAX} bytes, got more"
            )

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; those after a body mean nothing."""
        if self._body_begun:
            return
        name = name.lower()
        self._headers.append((name, value))
        if name not in _READ:
            return
        if name == b"authorization":
            self._authorization = value
        elif name == b"content-type":
            self._content_type = value.decode("latin-1")
        elif name == b"azureml-model-deployment":
            self._pinned = value.decode("latin-1").strip()
        elif name == b"host":
            self._host = value
        elif name == b"content-length":
            self._content_length = int(value)
            self._check_size(self._content_length)
        elif name == b"transfer-encoding":
            self._tells_length = False
        elif name == b"expect":
            self._expects_continue = value.lower() == b"100-continue"
            self._tells_length = False
        else:
            self._echoed[name] = value

    def on_headers_complete(self) -> None:
        """The body comes next, if any."""
        self._body_begun = True
        if self._parser.should_upgrade():
            # The parser would take the body for the other protocol's.
            raise RefusedError(
                statuses.BAD_REQUEST,
                "expected plain HTTP/1.1, got CONNECT or an offer to upgrade (`curl --http2` sends "
                "one). Send the request without the header Upgrade.",
            )
        if self._expects_continue and self._parser.get_http_version() != "1.0":
            self._owner.on_expect_continue()

    def on_body(self, body: bytes) -> None:
        """A part of the body, chunked or not."""
        # What is no body is counted again from here: chunk sizes, trailers.
        self._head_bytes = 0
        self._body_bytes += len(body)
        self._check_size(self._body_bytes)
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self.in_message = False
        body = self._body
        self._body = []
        self._parsed = self._parsed_head()
        self._owner.on_request(self._parsed, body[0] if len(body) == 1 else b"".join(body))

    def _parsed_head(self) -> ParsedHead:
        parser, method = self._parser, self._parser.get_method()
        # Clients that speak HTTP/1.0 often wait for the connection's end.
        is_old = parser.get_http_version() == "1.0"
        named = destination(self._url, self._host)
        usual = method == POST and named is not None and named[1] == SCORE
        query = self._url.partition(b"?")[2]
        target = b"" if named is None or (usual and not query) else named[1]
        legacy_id, echo = echo_of(self._echoed) if self._echoed else (b"", b"")
        return ParsedHead(
            method=method,
            url=self._url,
            destination=named,
            authorization=self._authorization,
            pinned=self._pinned,
            keep_alive=parser.should_keep_alive() and not is_old,
            body_bytes=self._content_length if self._tells_length else -1,
            passed_on=Head(
                content_type=self._content_type,
                method=method.decode("latin-1") if target else "",
                target=(target + b"?" + query if query else target).decode("latin-1"),
                headers=self._headers,
                legacy_id=legacy_id,
                echo=echo,
                takes_chunks=not is_old,
            ),
        )

    def _check_size(self, size_bytes: int) -> None:
        limit = self._max_payload_bytes
        if size_bytes > limit:
            raise RefusedError(
                statuses.PAYLOAD_TOO_LARGE,
                f"expected a body of at most {limit} bytes (data_plane.max_payload_bytes in "
                f"turnout.yml), got {size_bytes} or more",
            )
