"""Reads HTTP/1.1 requests from bytes: httptools parses, this file bounds and collects.

It knows no socket and answers nothing; connection.py does. A request is handed over when
it is whole, and then forgotten, but for its head (known_heads.py).
"""

from typing import Protocol

import httptools

from router.core.request import VIEW_BYTES_MIN, Payload
from router.data_plane import statuses
from router.data_plane.heads import HEAD_END, READ, ParsedHead, make_head
from router.data_plane.known_heads import KnownHead, KnownHeads
from router.data_plane.statuses import Status
from router.data_plane.strict import HEADERS_MAX, objection

URL_BYTES_MAX = 8 * 1024
HEAD_BYTES_MAX = 64 * 1024


class RefusedError(Exception):
    """What came is no request that may be taken; the connection can't be read any further."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Owner(Protocol):
    """Who gets the requests."""

    def on_expect_continue(self, parsed: ParsedHead) -> None:
        """The client waits for an interim answer before it sends the body."""

    def on_request(self, parsed: ParsedHead, body: Payload) -> None:
        """A whole request has come."""


class Reader:
    """The requests of one connection, one after the other.

    Attributes:
        in_message: a request has begun to come and is not whole yet.
    """

    __slots__ = (
        "_body",
        "_body_begun",
        "_body_bytes",
        "_first",
        "_head_bytes",
        "_headers",
        "_known",
        "_last",
        "_max_payload_bytes",
        "_missing_bytes",
        "_owner",
        "_parsed",
        "_parser",
        "_url",
        "_values",
        "in_message",
    )

    def __init__(self, owner: Owner, known: KnownHeads, max_payload_bytes: int) -> None:
        self._owner = owner
        self._known = known
        # The known head that came last.
        self._last: KnownHead | None = None
        self._max_payload_bytes = max_payload_bytes
        self._parser = httptools.HttpRequestParser(self)
        self.in_message = False
        self._head_bytes = 0
        self._body_begun = False
        # Of a body whose head was known.
        self._missing_bytes = 0
        self._body: list[bytes] = []
        self._first: ParsedHead | None = None

    @property
    def unfinished(self) -> tuple[ParsedHead, int] | None:
        """The head, and the bytes so far of the body, of a request that is not whole yet."""
        if not self.in_message:
            return None
        if self._missing_bytes:
            return self._parsed, self._parsed.body_bytes - self._missing_bytes
        return (self._parsed, self._body_bytes) if self._body_begun else None

    def feed(self, data: bytes) -> None:
        """Takes in bytes; calls the owner for each request that they complete.

        Raises:
            RefusedError: they are not HTTP/1.1, or more than is allowed.
        """
        if self._missing_bytes:
            data = self._take_missing(data)
        elif self.in_message:
            self._parse(data)
            return
        data = self._take_known(data)
        if data:
            self._first = None
            self._parse(data)
            if self._first is not None:
                self._known.remember(data, self._first)

    def _take_known(self, data: bytes) -> bytes:
        """Hands over the requests with known heads that come first; returns the rest.

        One whose body is not whole yet is kept for _take_missing: neither needs the parser.
        """
        while data:
            known = self._last
            # Most clients say what they said last.
            if known is None or not data.startswith(known[0]):
                known = self._known.find(data[: data.find(HEAD_END) + len(HEAD_END)])
                if known is None:
                    break
                self._last = known
            parsed = known[1]
            body_begin = len(known[0])
            end = body_begin + parsed.body_bytes
            more_bytes = len(data) - end
            if more_bytes < 0:
                self.in_message = True
                self._parsed = parsed
                self._body = [data[body_begin:]]
                self._missing_bytes = -more_bytes
                return b""
            if more_bytes or parsed.body_bytes < VIEW_BYTES_MIN:
                self._owner.on_request(parsed, data[body_begin:end])
            else:
                # It keeps all of the data in memory, so nothing but its own head may be in there.
                self._owner.on_request(parsed, memoryview(data)[body_begin:])
            data = data[end:] if more_bytes else b""
        return data

    def _take_missing(self, data: bytes) -> bytes:
        """Takes the body's next part; returns what comes after its end."""
        part, rest = data, b""
        if len(data) > self._missing_bytes:
            part, rest = data[: self._missing_bytes], data[self._missing_bytes :]
        self._body.append(part)
        self._missing_bytes -= len(part)
        if not self._missing_bytes:
            self.on_message_complete()
        return rest

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
            raise _too_large()

    # httptools callbacks, in the order of a request.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self.in_message = True
        self._head_bytes = 0
        self._body_begun = False
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._values: dict[bytes, bytes] = {}
        self._body.clear()
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
        if len(self._headers) == HEADERS_MAX:
            raise RefusedError(
                statuses.HEADERS_TOO_LARGE, f"expected at most {HEADERS_MAX} headers, got more"
            )
        name = name.lower()
        self._headers.append((name, value))
        if name in READ:
            self._values[name] = value

    def on_headers_complete(self) -> None:
        """The body comes next, if any."""
        self._body_begun = True
        parser = self._parser
        if parser.should_upgrade():
            # The parser would take the body for the other protocol's.
            raise RefusedError(
                statuses.BAD_REQUEST,
                "expected plain HTTP/1.1, got CONNECT or an offer to upgrade (`curl --http2` sends "
                "one). Send the request without the header Upgrade.",
            )
        method, version = parser.get_method(), parser.get_http_version()
        if objected := objection(method, version, self._headers, self._values):
            raise RefusedError(*objected)
        self._parsed = make_head(
            method,
            self._url,
            self._headers,
            self._values,
            is_old=version == "1.0",
            keep_alive=parser.should_keep_alive(),
        )
        if self._parsed.passed_on.size_bytes > HEAD_BYTES_MAX:
            raise _too_large()
        self._check_size(self._parsed.body_bytes)
        if self._first is None:
            self._first = self._parsed
        if self._parsed.expects_continue:
            self._owner.on_expect_continue(self._parsed)

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
        body, self._body = self._body, []
        self._owner.on_request(self._parsed, body[0] if len(body) == 1 else b"".join(body))

    def _check_size(self, size_bytes: int) -> None:
        limit = self._max_payload_bytes
        if size_bytes > limit:
            raise RefusedError(
                statuses.PAYLOAD_TOO_LARGE,
                f"expected a body of at most {limit} bytes (data_plane.max_payload_bytes in "
                f"turnout.yml), got {size_bytes} or more",
            )


def _too_large() -> RefusedError:
    return RefusedError(
        statuses.HEADERS_TOO_LARGE, f"expected at most {HEAD_BYTES_MAX} bytes of headers, got more"
    )
