"""One client connection: answers go out in the order of their requests.

entrance.py takes the requests in and replies.py makes bytes of answers. Who serves a
request, and whether, is decided in the core.
"""

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, cast

from router.core.quota import Quota
from router.core.request import Answer, Outcome, Refusal, Request
from router.data_plane import hangup
from router.data_plane.engine import now_ns
from router.data_plane.entrance import Entrance
from router.data_plane.paced import PacedWriter
from router.data_plane.replies import delay_trailers
from router.data_plane.streamed import Streamed

if TYPE_CHECKING:
    from router.data_plane.listener import Listener

# Requests of one connection that may wait for answers before it is read no further.
PIPELINED_MAX = 64
# How long what a refused client still sends is read and thrown away. Closed at once, its
# unread bytes would make the kernel reset the connection before the answer is read.
LINGER_S = 2.0
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Ready:
    """A response that needed no dispatcher, in line behind those that do."""

    __slots__ = ("quota", "reply")

    def __init__(self, reply: bytes, quota: Quota | None) -> None:
        self.reply = reply
        self.quota = quota


class Connection(asyncio.Protocol):
    """A client of the listener, and the dispatcher's Client for each of its requests."""

    _transport: asyncio.Transport
    _writer: PacedWriter

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self._dispatcher = listener.dispatcher
        self._replies = listener.replies
        self._entrance = Entrance(self, listener)
        self._waiting: deque[Request | _Ready] = deque()
        self._owes_continue = False
        self._lingers = False
        self._closed = False
        self._write_paused = False
        self._reading = True

    @property
    def is_reading(self) -> bool:
        """Whether a request has begun to come and is not whole yet."""
        return self._entrance.is_reading

    @property
    def is_paused(self) -> bool:
        """Whether no more is read from the client for now."""
        return not self._reading

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        # uvloop's transports don't inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._writer = PacedWriter(self._transport, self._flush)
        self._listener.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """The client is gone: what it asked is dropped where that can still be done."""
        self._closed = True
        self._entrance.close()
        self._writer.close()
        for request in self._waiting:
            if isinstance(request, Request):
                self._dispatcher.abandon(request)
        self._waiting.clear()
        self._listener.on_closed(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._entrance.feed(data)

    def eof_received(self) -> bool:
        """The client sends no more; what it asked is still answered, unless it has gone."""
        self._entrance.closing = True
        self._close_when_answered()
        first = self._waiting[0] if self._waiting else None
        if isinstance(first, Request) and first.reply is None and first.head.takes_chunks:
            self._transport.write(hangup.PROBE)
            hangup.watch(self._transport)
        return True

    def pause_writing(self) -> None:
        """The client does not read its answers: take no more requests from it."""
        self._write_paused = True
        self.update_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._write_paused = False
        self.update_reading()
        self._flush()

    # The entrance's Exit

    def on_taken(self, request: Request) -> None:
        """It waits for its answer."""
        self._owes_continue = False
        self._waiting.append(request)
        if len(self._waiting) > PIPELINED_MAX:
            self.update_reading()

    def answer(self, reply: bytes, quota: Quota | None) -> None:
        """Writes it in its turn."""
        self._owes_continue = False
        self._waiting.append(_Ready(reply, quota))
        self._flush()
        self.update_reading()

    def refuse(self, reply: bytes) -> None:
        """Writes it in its turn, and closes once the client had the time to read it."""
        self._lingers = True
        self.answer(reply, None)

    def proceed(self) -> None:
        """Sends the interim answer, in its turn behind the answers to earlier requests."""
        if self._waiting or self._writer.is_busy:
            self._owes_continue = True
        else:
            self._transport.write(CONTINUE)

    def update_reading(self) -> None:
        """Reads on, or not."""
        reading = (
            not self._write_paused
            and not self._entrance.is_held
            and len(self._waiting) <= PIPELINED_MAX
        )
        if reading != self._reading and not self._closed:
            self._reading = reading
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    # The dispatcher's Client

    def on_answer(self, request: Request, answer: Answer) -> None:
        """The model has answered, or sends a part of its answer."""
        if self._closed:
            if answer.more:
                self._dispatcher.abandon(request)
            return
        if answer.more or request.reply is not None:
            self._on_part(request, answer)
        elif request.head.takes_trailers and _is_delayed(request, answer):
            self._begin(request, answer, delayed=True)
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
        self._entrance.drain()
        if self._entrance.closing:
            self._close_when_answered()

    def abort(self) -> None:
        """Cuts the connection."""
        self._transport.abort()

    def _begin(self, request: Request, answer: Answer, *, delayed: bool = False) -> Streamed:
        head = self._replies.begin(request, answer, close=self._is_last(request), delayed=delayed)
        reply = request.reply = Streamed(head, chunked=request.head.takes_chunks)
        return reply

    def _on_part(self, request: Request, answer: Answer) -> None:
        reply = request.reply or self._begin(request, answer)
        assert isinstance(reply, Streamed)
        reply.add(answer.payload)
        if answer.more:
            return
        if answer.outcome == Outcome.RETURNED or not request.begun:
            reply.end()
        else:
            reply.cut_off()

    def _close_when_answered(self) -> None:
        if not self._waiting and not self._writer.is_busy and self._entrance.has_ended:
            self._transport.close()

    def _is_last(self, request: Request) -> bool:
        return self._entrance.has_ended and self._waiting[-1] is request

    def _flush(self) -> None:
        """Writes what is due: answers, and parts of one, with none unanswered before them."""
        waiting, writer = self._waiting, self._writer
        while waiting and not writer.is_busy and (reply := waiting[0].reply) is not None:
            first = waiting[0]
            if isinstance(reply, bytes):
                quota = first.quota if isinstance(first, _Ready) else first.deployment.quota
                writer.write(reply, quota)
            elif not self._write_streamed(first):
                break
            waiting.popleft()
        if not self._reading and len(waiting) <= PIPELINED_MAX:
            self.update_reading()
        if waiting or writer.is_busy:
            return
        if self._lingers:
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER_S, self._transport.close)
        elif self._entrance.has_ended:
            self._transport.close()
        elif self._owes_continue:
            self._owes_continue = False
            self._transport.write(CONTINUE)

    def _write_streamed(self, request: Request | _Ready) -> bool:
        """Writes what there is of the answer at the head of the line; tells if it was all."""
        reply = request.reply
        assert isinstance(request, Request)
        assert isinstance(reply, Streamed)
        quota = request.deployment.quota
        if rendered := reply.take():
            self._writer.write(rendered, quota, reply)
            if self._writer.is_busy:
                return False
        if reply.cut:
            self._cut_off(reply)
            return False
        if not self._write_paused and (count_bytes := reply.take_grant()):
            self._dispatcher.grant(request, count_bytes)
        if not reply.complete:
            return False
        delays_ns = request.delay_ns, reply.delay_ns
        announced = request.head.takes_trailers and any(delays_ns)
        self._transport.write(reply.last_chunk(delay_trailers(*delays_ns) if announced else b""))
        return True

    def _cut_off(self, reply: Streamed) -> None:
        """Ends the connection so that the client takes the answer for no whole one."""
        self._closed = True
        self._entrance.close()
        if reply.chunked:
            # The last chunk is missing.
            self._transport.close()
        else:
            # An orderly end would look like the body's: lingering for no time means a reset.
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()


def _is_delayed(request: Request, answer: Answer) -> bool:
    """Whether the throttle held up the request, or will hold up this answer."""
    throttle = request.deployment.quota.throttle
    if throttle is None:
        return False
    return bool(request.delay_ns) or throttle.would_wait(len(answer.payload), now_ns())
