"""The answers of one connection, written in the order of their requests.

What an answer says is replies.py's, how fast it may go paced.py's; what becomes of the
connection behind the last one, connection.py decides.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable

from router.core.dispatcher import Dispatcher
from router.core.quota import Quota
from router.core.request import Request
from router.data_plane.paced import PacedWriter
from router.data_plane.replies import delay_trailers
from router.data_plane.streamed import Streamed
from router.data_plane.traffic_log import Entry, TrafficLog


class Ready:
    """A response that needed no dispatcher, in line behind those that do."""

    __slots__ = ("entry", "quota", "reply")

    def __init__(self, reply: bytes, quota: Quota | None, entry: Entry | None) -> None:
        self.reply = reply
        self.quota = quota
        self.entry = entry


class Line:
    """Who waits for an answer on one connection, the first first.

    Args:
        on_written: called when what the throttle held up is written.

    Attributes:
        waiting: whose answer is not handed over to be written yet.
        writes_slowly: the client does not read what it was sent.
        is_cut: an answer broke off; the connection was ended with it.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        dispatcher: Dispatcher,
        traffic_log: TrafficLog | None,
        on_written: Callable[[], None],
    ) -> None:
        self.waiting: deque[Request | Ready] = deque()
        self.writes_slowly = False
        self.is_cut = False
        self._transport = transport
        self._dispatcher = dispatcher
        self._traffic_log = traffic_log
        self._writer = PacedWriter(transport, on_written)
        # Of the answer that is being written.
        self._entry: Entry | None = None

    @property
    def is_empty(self) -> bool:
        """Whether everything is answered and written."""
        return not self.waiting and not self.is_writing

    @property
    def is_writing(self) -> bool:
        """Whether the throttle holds up a part of an answer."""
        return self._writer.is_busy

    def flush(self) -> None:
        """Writes what is due: answers, and parts of one, with none unanswered before them."""
        waiting, writer = self.waiting, self._writer
        while waiting and not writer.is_busy and (reply := waiting[0].reply) is not None:
            first = waiting[0]
            if self._traffic_log is not None:
                self._log_written()
                self._entry = first.entry if isinstance(first.entry, Entry) else None
            if isinstance(reply, bytes):
                quota = first.quota if isinstance(first, Ready) else first.deployment.quota
                if self._entry is not None:
                    self._entry.note(reply)
                writer.write(reply, quota, self._entry)
            elif not self._write_streamed(first):
                self._entry = None
                return
            waiting.popleft()
        if self._traffic_log is not None and not writer.is_busy:
            self._log_written()

    def drop(self) -> None:
        """The client is gone: what it asked is dropped where that can still be done."""
        self._writer.close()
        self._log_gone(self._entry)
        for request in self.waiting:
            if isinstance(request, Request):
                self._dispatcher.abandon(request)
            self._log_gone(request.entry)
        self.waiting.clear()

    def _write_streamed(self, request: Request | Ready) -> bool:
        """Writes what there is of the answer at the head of the line; tells if it was all."""
        reply = request.reply
        assert isinstance(request, Request)
        assert isinstance(reply, Streamed)
        if rendered := reply.take():
            if self._entry is not None:
                self._entry.note(rendered)
            self._writer.write(rendered, request.deployment.quota, reply)
            if self._writer.is_busy:
                return False
        if reply.cut:
            self._cut_off(reply)
            return False
        if not self.writes_slowly and (count_bytes := reply.take_grant()):
            self._dispatcher.grant(request, count_bytes)
        if reply.complete:
            self._end_streamed(request, reply)
        return reply.complete

    def _end_streamed(self, request: Request, reply: Streamed) -> None:
        if self._entry is not None:
            self._entry.delay_ns = reply.delay_ns
        delays_ns = request.delay_ns, reply.delay_ns
        announced = request.head.takes_trailers and any(delays_ns)
        self._transport.write(reply.last_chunk(delay_trailers(*delays_ns) if announced else b""))

    def _cut_off(self, reply: Streamed) -> None:
        """Ends the connection so that the client takes the answer for no whole one."""
        self.is_cut = True
        if reply.chunked:
            # The last chunk is missing.
            self._transport.close()
        else:
            # An orderly end would look like the body's: lingering for no time means a reset.
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def _log_written(self) -> None:
        """What was written last is written whole."""
        if self._entry is not None and self._traffic_log is not None:
            self._traffic_log.write(self._entry)
            self._entry = None

    def _log_gone(self, entry: object) -> None:
        if self._traffic_log is not None and isinstance(entry, Entry):
            self._traffic_log.write_gone(entry)
