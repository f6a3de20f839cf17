"""One client connection: what comes in, what goes out, and when it ends.

entrance.py takes the requests in, replies.py makes bytes of answers and line.py writes
them. Who serves a request, and whether, is decided in the core.
"""

import asyncio
from typing import TYPE_CHECKING, cast

from router.core.quota import Quota
from router.core.request import Answer, Outcome, Refusal, Request
from router.data_plane import hangup, statuses
from router.data_plane.engine import now_ns
from router.data_plane.entrance import Entrance
from router.data_plane.line import Line, Ready
from router.data_plane.patience import Patience, Verdict
from router.data_plane.streamed import Streamed
from router.data_plane.traffic_log import Entry

if TYPE_CHECKING:
    from router.data_plane.listener import Listener

# Requests of one connection that may wait for answers before it is read no further.
PIPELINED_MAX = 64
# How long what a refused client still sends is read and thrown away. Closed at once, its
# unread bytes would make the kernel reset the connection before the answer is read.
LINGER_S = 2.0
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """A client of the listener, and the dispatcher's Client for each of its requests."""

    _transport: asyncio.Transport
    _line: Line
    _patience: Patience

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self._dispatcher = listener.dispatcher
        self._replies = listener.replies
        self._entrance = Entrance(self, listener)
        # The transport calls it for each read; what stands between is saved.
        self.data_received = self._entrance.feed  # type: ignore[method-assign]
        self._owes_continue = False
        self._lingers = False
        self._closed = False
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
        self._line = Line(
            self._transport, self._dispatcher, self._listener.traffic_log, self._flush
        )
        self._patience = Patience(self._listener.limits, now_ns())
        if len(self._listener.connections) >= self._listener.limits.max_connections:
            message = "this worker has all the connections that it may (data_plane.max_connections)"
            self._entrance.closing = True
            self.answer(self._replies.error(statuses.OVERLOADED, message, close=True), None, None)
        self._listener.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """The client is gone."""
        self._closed = True
        self._entrance.close()
        self._line.drop()
        self._listener.on_closed(self)

    def eof_received(self) -> bool:
        """The client sends no more; what it asked is still answered, unless it has gone."""
        self._entrance.closing = True
        self._close_when_answered()
        first = self._line.waiting[0] if self._line.waiting else None
        is_due = first is not None and first.reply is None and not self._line.is_writing
        if is_due and isinstance(first, Request) and first.head.takes_chunks:
            self._transport.write(hangup.PROBE)
            hangup.watch(self._transport)
        # TLS has no half of a connection.
        return self._transport.get_extra_info("sslcontext") is None

    def pause_writing(self) -> None:
        """The client does not read its answers: take no more requests from it."""
        self._line.writes_slowly = True
        self.update_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._line.writes_slowly = False
        self.update_reading()
        self._flush()

    # The entrance's Exit

    def on_taken(self, request: Request) -> None:
        """It waits for its answer."""
        self._owes_continue = False
        waiting = self._line.waiting
        waiting.append(request)
        if len(waiting) > PIPELINED_MAX:
            self.update_reading()

    def answer(self, reply: bytes, quota: Quota | None, entry: Entry | None) -> None:
        """Writes it in its turn."""
        self._owes_continue = False
        self._line.waiting.append(Ready(reply, quota, entry))
        self._flush()
        self.update_reading()

    def refuse(self, reply: bytes) -> None:
        """Writes it in its turn, and closes once the client had the time to read it."""
        self._lingers = True
        self.answer(reply, None, None)

    def proceed(self) -> None:
        """Sends the interim answer, in its turn behind the answers to earlier requests."""
        if self._line.is_empty:
            self._transport.write(CONTINUE)
        else:
            self._owes_continue = True

    def update_reading(self) -> None:
        """Reads on, or not."""
        reading = (
            not self._line.writes_slowly
            and not self._entrance.is_held
            and len(self._line.waiting) <= PIPELINED_MAX
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
        if request.entry is not None:
            _note_first_answer(request)
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
        """Closes after the last answer that is due; a request half read is still taken.

        An idle client's next request is, too, until ``end``: its answer says that it is the
        last. Closed at once, it might be sending that request just now.
        """
        self._entrance.drain()
        if not self._line.is_empty or self._entrance.is_held:
            self.end()

    def end(self) -> None:
        """Closes after the last answer that is due, at once if there is none."""
        self._entrance.end()
        if self._entrance.closing:
            self._close_when_answered()

    def give_up(self) -> None:
        """Takes in nothing more, not even what is held; closes after the answers that are due."""
        self._entrance.close()
        self._close_when_answered()

    def abort(self) -> None:
        """Cuts the connection."""
        self._transport.abort()

    def look(self, now: int) -> None:
        """Ends the connection if its client takes too long; to be called about once a second."""
        # Also of one that is closed already: it waits for its client to read.
        if self._patience.is_over(self._transport, now):
            self._transport.abort()
        if self._closed or self._lingers:
            return
        if not self._reading:
            self._entrance.forgive(now)
        match self._patience.look(self._entrance, self._line, now):
            case Verdict.TIMED_OUT:
                self._entrance.give_up()
            case Verdict.IDLE:
                self._transport.close()

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
        if self._line.is_empty and self._entrance.has_ended:
            self._transport.close()

    def _is_last(self, request: Request) -> bool:
        entrance = self._entrance
        # Most connections go on.
        return entrance.closing and entrance.has_ended and self._line.waiting[-1] is request

    def _flush(self) -> None:
        """Writes what is due, and ends the connection behind the last answer."""
        line = self._line
        line.flush()
        if line.is_cut:
            self._closed = True
            self._entrance.close()
            return
        if not self._reading and len(line.waiting) <= PIPELINED_MAX:
            self.update_reading()
        # Most connections go on: asked first, since a property costs more.
        goes_on = not (self._lingers or self._entrance.closing or self._owes_continue)
        if goes_on or not line.is_empty:
            return
        if self._lingers:
            if self._transport.can_write_eof():
                self._transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER_S, self._transport.close)
        elif self._entrance.closing and self._entrance.has_ended:
            self._transport.close()
        elif self._owes_continue:
            self._owes_continue = False
            self._transport.write(CONTINUE)


def _note_first_answer(request: Request) -> None:
    if isinstance(request.entry, Entry) and request.reply is None:
        request.entry.first_answer_ns = now_ns()


def _is_delayed(request: Request, answer: Answer) -> bool:
    """Whether the throttle held up the request, or will hold up this answer."""
    throttle = request.deployment.quota.throttle
    if throttle is None:
        return False
    return bool(request.delay_ns) or throttle.would_wait(len(answer.payload), now_ns())
