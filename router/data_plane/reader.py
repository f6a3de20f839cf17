"""Reads HTTP/1.1 requests from bytes: httptools parses, this file bounds and collects.

It knows no socket and answers nothing; connection.py does. A request is handed over when
it is whole, and then forgotten.
"""

from typing import Protocol

import httptools

from router.core.request import Head
from router.data_plane import statuses
from router.data_plane.addresses import SCORE, destination
from router.data_plane.client_ids import ECHOED, echo_of
from router.data_plane.statuses import Status

URL_BYTES_MAX = 8 * 1024
HEAD_BYTES_MAX = 64 * 1024

POST = b"POST"


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

    def on_request(self, reader: "Reader") -> None:
        """The reader's attributes describe a whole request, until this returns."""


class Reader:
    """The requests of one connection, one after the other.

    Attributes:
        in_message: a request has begun to come and is not whole yet.
        pinned: the header azureml-model-deployment, None without it.
        authorization, content_type: those headers.
        headers: all of them, names in lower case.
    """

    __slots__ = (
        "_body",
        "_body_begun",
        "_body_bytes",
        "_echoed",
        "_expects_continue",
        "_head_bytes",
        "_host",
        "_max_payload_bytes",
        "_owner",
        "_parser",
        "_url",
        "authorization",
        "content_type",
        "headers",
        "in_message",
        "pinned",
    )

    def __init__(self, owner: Owner, max_payload_bytes: int) -> None:
        self._owner = owner
        self._max_payload_bytes = max_payload_bytes
        self._parser = httptools.HttpRequestParser(self)
        self.in_message = False
        self._head_bytes = 0
        self._body_begun = False

    def feed(self, data: bytes) -> None:
        """Takes in bytes; calls the owner for each request that they complete.

        Raises:
            RefusedError: they are not HTTP/1.1, or more than is allowed.
        """
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

    # What a whole request says, besides the attributes.

    @property
    def method(self) -> bytes:
        """The request's method."""
        return self._parser.get_method()

    @property
    def keep_alive(self) -> bool:
        """Whether the client may send another request on this connection.

        Not after HTTP/1.0, whose clients often wait for the end.
        """
        return self._parser.should_keep_alive() and self._parser.get_http_version() != "1.0"

    @property
    def url(self) -> str:
        """The request target, for messages."""
        return self._url.decode("latin-1")

    @property
    def body(self) -> bytes:
        """The whole body."""
        parts = self._body
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def destination(self) -> tuple[str, bytes] | None:
        """The endpoint that the URL names, and the path below it; None if it names none."""
        return destination(self._url, self._host)

    def head(self, target: bytes) -> Head:
        """What goes on to the instance and back to the client; ``target`` by ``destination``."""
        method = self.method
        query = self._url.partition(b"?")[2]
        legacy_id, echo = echo_of(self._echoed) if self._echoed else (b"", b"")
        usual = method == POST and target == SCORE and not query
        return Head(
            content_type=self.content_type,
            method="" if usual else method.decode("latin-1"),
            target="" if usual else (target + b"?" + query if query else target).decode("latin-1"),
            headers=self.headers,
            legacy_id=legacy_id,
            echo=echo,
            takes_chunks=self._parser.get_http_version() != "1.0",
        )

    # httptools callbacks, in the order of a request.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self.in_message = True
        self._head_bytes = 0
        self._body_begun = False
        self._url = b""
        self._host = b""
        self.authorization = b""
        self.pinned: str | None = None
        self.content_type = ""
        self.headers: list[tuple[bytes, bytes]] = []
        self._echoed: dict[bytes, bytes] = {}
        self._expects_continue = False
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
        self.headers.append((name, value))
        if name == b"authorization":
            self.authorization = value
        elif name == b"content-type":
            self.content_type = value.decode("latin-1")
        elif name == b"azureml-model-deployment":
            self.pinned = value.decode("latin-1").strip()
        elif name == b"host":
            self._host = value
        elif name == b"content-length":
            self._check_size(int(value))
        elif name == b"expect":
            self._expects_continue = value.lower() == b"100-continue"
        elif name in ECHOED:
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
        self._owner.on_request(self)
        self._body = []

    def _check_size(self, size_bytes: int) -> None:
        limit = self._max_payload_bytes
        if size_bytes > limit:
            raise RefusedError(
                statuses.PAYLOAD_TOO_LARGE,
                f"expected a body of at most {limit} bytes (data_plane.max_payload_bytes in "
                f"turnout.yml), got {size_bytes} or more",
            )
