"""One client connection: hands whole requests to the dispatcher, and answers in their order.

reader.py makes requests of bytes and replies.py makes bytes of answers. Who serves a
request, and whether, is decided in the core.
"""

import asyncio
import logging
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, cast

from router.core.request import Answer, Outcome, Refusal, Request
from router.data_plane import statuses
from router.data_plane.heads import ParsedHead
from router.data_plane.intake import take_in
from router.data_plane.reader import Reader, RefusedError
from router.data_plane.statuses import Status
from router.data_plane.streamed import Streamed

if TYPE_CHECKING:
    from router.data_plane.listener import Listener

# Requests of one connection that may wait for answers before it is read no further.
PIPELINED_MAX = 64
# How long what a refused client still sends is read and thrown away. Closed at once, its
# unread bytes would make the kernel reset the connection before the answer is read.
LINGER_S = 2.0
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

log = logging.getLogger(__name__)


class _Ready:
    """A response that needed no dispatcher, in line behind those that do."""

    __slots__ = ("reply",)

    def __init__(self, reply: bytes) -> None:
        self.reply = reply


class Connection(asyncio.Protocol):
    """A client of the listener, and the dispatcher's Client for each of its requests."""

    _transport: asyncio.Transport

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self._dispatcher = listener.dispatcher
        self._replies = listener.replies
        self._reader = Reader(self, listener.known_heads, listener.max_payload_bytes)
        self._waiting: deque[Request | _Ready] = deque()
        self._owes_continue = False
        # No request after the one that is being read now, if any; then none at all.
        self._draining = listener.draining
        self._closing = False
        self._lingers = False
        self._closed = False
        self._write_paused = False
        self._reading = True

    @property
    def is_reading(self) -> bool:
        """Whether a request has begun to come and is not whole yet."""
        return self._reader.in_message

    @property
    def is_paused(self) -> bool:
        """Whether no more is read from the client for now."""
        return not self._reading

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        # uvloop's transports don't inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._listener.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """The client is gone; answers to it are dropped when they come."""
        self._closed = True
        for request in self._waiting:
            if isinstance(request.reply, Streamed) and not request.reply.complete:
                assert isinstance(request, Request)
                self._dispatcher.abandon(request)
        self._listener.on_closed(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come; whole requests among them are dispatched."""
        if self._closing:
            return
        try:
            self._reader.feed(data)
        except RefusedError as refused:
            # What follows the last request that a client may send is of no concern.
            if not self._closing:
                self._refuse_and_close(refused.status, refused.message)
        except Exception:
            log.exception("a request could not be taken")
            self._refuse_and_close(statuses.INTERNAL_ERROR, "the router failed; its log says how")

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
        self._flush()

    # The reader's Owner

    def on_expect_continue(self) -> None:
        """Sends the interim answer, in its turn behind the answers to earlier requests."""
        if self._waiting:
            self._owes_continue = True
        else:
            self._transport.write(CONTINUE)

    def on_request(self, parsed: ParsedHead, body: bytes) -> None:
        """Dispatches a whole request, or answers it at once."""
        if self._closing:
            return
        self._owes_continue = False
        if self._draining or not parsed.keep_alive:
            self._closing = True
        result = take_in(parsed, body, self._dispatcher, self._replies, self, close=self._closing)
        if isinstance(result, Request):
            self._waiting.append(result)
        else:
            self._write_in_turn(_Ready(result))
        if len(self._waiting) > PIPELINED_MAX:
            self._update_reading()

    # The dispatcher's Client

    def on_answer(self, request: Request, answer: Answer) -> None:
        """The model has answered, or sends a part of its answer."""
        if self._closed:
            if answer.more:
                self._dispatcher.abandon(request)
            return
        if answer.more or request.reply is not None:
            self._on_part(request, answer)
        else:
            request.reply = self._replies.answer(request, answer, close=self._is_last(request))
        self._flush()

    def on_refusal(self, request: Request, refusal: Refusal) -> None:
        """The router answers in the model's place, or ends an answer that has begun."""
        if self._closed:
            return
        if isinstance(request.reply, Streamed):
            request.reply.cut_off()
        else:
            request.reply = self._replies.refusal(
                refusal, request=request, close=self._is_last(request)
            )
        self._flush()

    # The listener's

    def drain(self) -> None:
        """Closes after the last answer that is due; a request half read is still taken."""
        self._draining = True
        if not self._reader.in_message:
            self._close_when_answered()

    def abort(self) -> None:
        """Cuts the connection."""
        self._transport.abort()

    def _on_part(self, request: Request, answer: Answer) -> None:
        reply = request.reply
        if reply is None:
            head = self._replies.begin(request, answer, close=self._is_last(request))
            reply = request.reply = Streamed(head, chunked=request.head.takes_chunks)
        assert isinstance(reply, Streamed)
        reply.add(answer.payload)
        if answer.more:
            return
        if answer.outcome == Outcome.RETURNED:
            reply.end()
        else:
            reply.cut_off()

    def _close_when_answered(self) -> None:
        self._closing = True
        if not self._waiting:
            self._transport.close()

    def _refuse_and_close(self, status: Status, message: str) -> None:
        self._closing = self._lingers = True
        self._write_in_turn(_Ready(self._replies.error(status, message, close=True)))

    def _is_last(self, request: Request) -> bool:
        return self._closing and self._waiting[-1] is request

    def _write_in_turn(self, ready: _Ready) -> None:
        self._waiting.append(ready)
        self._flush()

    def _flush(self) -> None:
        """Writes what is due: answers, and parts of one, with none unanswered before them."""
        waiting = self._waiting
        while waiting and (reply := waiting[0].reply) is not None:
            if isinstance(reply, bytes):
                self._transport.write(reply)
            elif not self._write_streamed(waiting[0]):
                break
            waiting.popleft()
        if not self._reading and len(waiting) <= PIPELINED_MAX:
            self._update_reading()
        if waiting:
            return
        if self._lingers:
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER_S, self._transport.close)
        elif self._closing:
            self._transport.close()
        elif self._owes_continue:
            self._owes_continue = False
            self._transport.write(CONTINUE)

    def _write_streamed(self, request: Request | _Ready) -> bool:
        """Writes what there is of the answer at the head of the line; tells if it was all."""
        reply = request.reply
        assert isinstance(request, Request)
        assert isinstance(reply, Streamed)
        if rendered := reply.take():
            self._transport.write(rendered)
        if reply.cut:
            self._cut_off(reply)
            return False
        if not self._write_paused and (count_bytes := reply.take_grant()):
            self._dispatcher.grant(request, count_bytes)
        return reply.complete

    def _cut_off(self, reply: Streamed) -> None:
        """Ends the connection so that the client takes the answer for no whole one."""
        self._closed = self._closing = True
        if reply.chunked:
            # The last chunk is missing.
            self._transport.close()
        else:
            # An orderly end would look like the body's: lingering for no time means a reset.
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def _update_reading(self) -> None:
        reading = not self._write_paused and len(self._waiting) <= PIPELINED_MAX
        if reading != self._reading and not self._closed:
            self._reading = reading
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()
