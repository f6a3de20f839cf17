"""One client connection: HTTP/1.1 in, answers out in the order of the requests.

httptools parses; this file bounds what it takes in, finds the endpoint's name in the URL,
hands each whole request to the dispatcher, and keeps pipelined answers in order. Who
serves a request, and whether, is decided in the core.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from router.core.request import Answer, Refusal, Request
from router.data_plane import statuses
from router.data_plane.engine import now_ns
from router.data_plane.statuses import Status

if TYPE_CHECKING:
    from router.data_plane.listener import Listener

URL_BYTES_MAX = 8 * 1024
HEAD_BYTES_MAX = 64 * 1024
# Requests of one connection that may wait for answers before it is read no further.
PIPELINED_MAX = 64

SCORE = b"/score"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
DEFAULT_CONTENT_TYPE = "application/json"


class _Ready:
    """A response that needed no dispatcher, in line behind those that do."""

    __slots__ = ("reply",)

    def __init__(self, reply: bytes) -> None:
        self.reply = reply


class Connection(asyncio.Protocol):
    """A client of the listener, and the dispatcher's Client for each of its requests."""

    # Of the connection.
    _transport: asyncio.Transport
    _parser: httptools.HttpRequestParser
    # Of the request being read.
    _url: bytes
    _authorization: bytes
    _pinned: str | None
    _content_type: str
    _host: bytes
    _body: list[bytes]

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self._dispatcher = listener.dispatcher
        self._waiting: deque[Request | _Ready] = deque()
        self._draining = listener.draining
        self._closing = False
        self._closed = False
        self._write_paused = False
        self._reading = True
        self._head_bytes = 0
        self._in_message = False
        self._owes_continue = False
        self._body_bytes = 0

    @property
    def is_reading(self) -> bool:
        """Whether a request has begun to come and is not whole yet."""
        return self._in_message

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        # uvloop's transports don't inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._listener.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """The client is gone; answers to it are dropped when they come."""
        self._closed = True
        self._listener.on_closed(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come; whole requests among them are dispatched."""
        if self._closing:
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except _RefusedError as refused:
            self._refuse_and_close(refused.status, refused.message)
        except httptools.HttpParserUpgrade:
            self._refuse_and_close(statuses.BAD_REQUEST, "expected plain HTTP/1.1, got an upgrade")
        except httptools.HttpParserError as error:
            # httptools wraps what a callback raised.
            if isinstance(error.__context__, _RefusedError):
                self._refuse_and_close(error.__context__.status, error.__context__.message)
            else:
                self._refuse_and_close(
                    statuses.BAD_REQUEST, f"expected an HTTP/1.1 request, got: {error}"
                )
        else:
            if self._in_message and not self._body_begun and self._head_bytes > HEAD_BYTES_MAX:
                self._refuse_and_close(
                    statuses.HEADERS_TOO_LARGE,
                    f"expected at most {HEAD_BYTES_MAX} bytes of headers, got more",
                )

    def eof_received(self) -> bool:
        """The client sends no more; what it asked is still answered."""
        self._close_when_answered()
        return True

    def pause_writing(self) -> None:
        """The client does not read its answers: take no more requests from it."""
        self._write_paused = True
        self._update_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._write_paused = False
        self._update_reading()

    # httptools callbacks, in the order of a request

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._in_message = True
        self._head_bytes = 0
        self._body_begun = False
        self._url = b""
        self._authorization = b""
        self._pinned = None
        self._content_type = DEFAULT_CONTENT_TYPE
        self._host = b""
        self._expects_continue = False
        self._body = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """The request target, or a part of it."""
        self._url += url
        if len(self._url) > URL_BYTES_MAX:
            raise _RefusedError(
                statuses.URI_TOO_LONG, f"expected a URL of at most {URL_BYTES_MAX} bytes, got more"
            )

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; most are of no concern here."""
        name = name.lower()
        if name == b"authorization":
            self._authorization = value
        elif name == b"content-type":
            self._content_type = value.decode("latin-1")
        elif name == b"azureml-model-deployment":
            self._pinned = value.decode("latin-1").strip()
        elif name == b"host":
            self._host = value
        elif name == b"content-length":
            self._check_size(int(value))
        elif name == b"expect":
            self._expects_continue = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """The body comes next, if any."""
        self._body_begun = True
        if self._expects_continue:
            # An earlier request's answer must not come after this interim one.
            if self._waiting:
                self._owes_continue = True
            else:
                self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A part of the body, chunked or not."""
        self._body_bytes += len(body)
        self._check_size(self._body_bytes)
        self._body.append(body)

    def on_message_complete(self) -> None:
        """A whole request: dispatch it."""
        self._in_message = False
        self._owes_continue = False
        if self._draining or not self._parser.should_keep_alive():
            self._closing = True
        result = self._dispatch()
        if isinstance(result, Request):
            self._waiting.append(result)
            if len(self._waiting) > PIPELINED_MAX:
                self._update_reading()
        else:
            self._write_in_turn(_Ready(result))

    # The dispatcher's Client

    def on_answer(self, request: Request, answer: Answer) -> None:
        """The model has answered."""
        if self._closed:
            return
        close = self._is_last(request)
        request.reply = self._listener.replies.answer(request, answer, close=close)
        self._flush()

    def on_refusal(self, request: Request, refusal: Refusal) -> None:
        """The router answers in the model's place."""
        if self._closed:
            return
        request.reply = self._listener.replies.refusal(
            refusal, deployment=request.deployment.name, close=self._is_last(request)
        )
        self._flush()

    # The listener's

    def drain(self) -> None:
        """Closes after the last answer that is due; a request half read is still taken."""
        self._draining = True
        if not self._in_message:
            self._close_when_answered()

    def abort(self) -> None:
        """Cuts the connection."""
        self._transport.abort()

    def _dispatch(self) -> Request | bytes:
        """Hands the request to the dispatcher, or renders why not."""
        replies = self._listener.replies
        name = self._endpoint_name()
        if name is None:
            message = "expected POST /ENDPOINT/score, or POST /score with the host ENDPOINT.DOMAIN"
            got = self._url.decode("latin-1")
            return replies.error(
                statuses.NOT_FOUND, f"{message}, got the URL {got!r}", close=self._closing
            )
        method = self._parser.get_method()
        if method != b"POST":
            return replies.error(
                statuses.METHOD_NOT_ALLOWED,
                f"expected POST, got {method.decode('latin-1')}",
                close=self._closing,
            )
        endpoint = self._dispatcher.authorize(name, self._authorization)
        if isinstance(endpoint, Refusal):
            return replies.refusal(endpoint, deployment=None, close=self._closing)
        body = self._body
        result = self._dispatcher.arrive(
            endpoint,
            self._pinned,
            body[0] if len(body) == 1 else b"".join(body),
            self._content_type,
            self,
            now_ns(),
        )
        if isinstance(result, Refusal):
            return replies.refusal(result, deployment=None, close=self._closing)
        return result

    def _endpoint_name(self) -> str | None:
        """The endpoint that the URL names: /{endpoint}/score, or /score on {endpoint}.domain."""
        path = self._url
        if path[:1] != b"/":
            # An absolute URI names a host of its own, which wins over the header's.
            url = httptools.parse_url(path)
            self._host = url.host or self._host
            path = url.path or b""
        path = path.partition(b"?")[0]
        if not path.endswith(SCORE):
            return None
        name = path[1 : -len(SCORE)] if path != SCORE else self._host.partition(b".")[0]
        return name.decode("latin-1")

    def _check_size(self, size_bytes: int) -> None:
        limit = self._listener.max_payload_bytes
        if size_bytes > limit:
            raise _RefusedError(
                statuses.PAYLOAD_TOO_LARGE,
                f"expected a body of at most {limit} bytes (data_plane.max_payload_bytes in "
                f"turnout.yml), got {size_bytes} or more",
            )

    def _refuse_and_close(self, status: Status, message: str) -> None:
        self._closing = True
        self._write_in_turn(_Ready(self._listener.replies.error(status, message, close=True)))

    def _close_when_answered(self) -> None:
        self._closing = True
        if not self._waiting:
            self._transport.close()

    def _is_last(self, request: Request) -> bool:
        return self._closing and self._waiting[-1] is request

    def _write_in_turn(self, ready: _Ready) -> None:
        self._waiting.append(ready)
        self._flush()

    def _flush(self) -> None:
        """Writes the answers that are due: those with no unanswered request before them."""
        waiting = self._waiting
        while waiting and (reply := waiting[0].reply) is not None:
            self._transport.write(reply)
            waiting.popleft()
        if not self._reading and len(waiting) <= PIPELINED_MAX:
            self._update_reading()
        if waiting:
            return
        if self._closing:
            self._transport.close()
        elif self._owes_continue:
            self._owes_continue = False
            self._transport.write(CONTINUE)

    def _update_reading(self) -> None:
        reading = not self._write_paused and len(self._waiting) <= PIPELINED_MAX
        if reading != self._reading and not self._closed:
            self._reading = reading
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()


class _RefusedError(Exception):
    """Raised in a parser callback to stop reading this connection."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
