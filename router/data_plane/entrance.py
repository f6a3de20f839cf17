"""The way in of one connection: whole requests go to the dispatcher, when their bytes may.

reader.py makes requests of bytes; the endpoint's quota says how long they have to wait, and
until then nothing more is read. What is answered, and in which order, is connection.py's.
"""

import logging
from collections import deque
from typing import TYPE_CHECKING, Protocol

from router.core.quota import Quota
from router.core.request import Client, Payload, Refusal, Request
from router.core.snapshot import SnapshotEndpoint
from router.data_plane import statuses
from router.data_plane.alarm import Alarm
from router.data_plane.engine import now_ns
from router.data_plane.heads import ParsedHead
from router.data_plane.intake import locate, take_in
from router.data_plane.reader import Reader, RefusedError
from router.data_plane.traffic_log import Entry

if TYPE_CHECKING:
    from router.data_plane.listener import Listener

# Whose key is wrong needn't send a larger body than this, or one of unknown length.
UNASKED_BYTES_MAX = 64 * 1024

log = logging.getLogger(__name__)


class Exit(Client, Protocol):
    """The connection's other half, which answers."""

    def on_taken(self, request: Request) -> None:
        """The dispatcher has it, and will answer."""

    def answer(self, reply: bytes, quota: Quota | None, entry: Entry | None) -> None:
        """This is the answer to what came last.

        Args:
            quota: whose bytes it counts among; None for a stranger's.
            entry: for the traffic log, if there is one.
        """

    def refuse(self, reply: bytes) -> None:
        """This is the last answer, whatever else the client sends."""

    def proceed(self) -> None:
        """Tells the client to send the body that it asked leave for, in its turn."""

    def update_reading(self) -> None:
        """Something has changed in whether more is to be read."""


class Entrance:
    """What one client sends.

    Attributes:
        closing: nothing is taken any more but what is held here.
        is_held: the throttle lets nothing in for now.
        was_active: a request has come; whoever looks takes it back.
        began_ns, last_read_ns: of a request that is not whole yet: its first byte, its last
            so far; began_ns is 0 if there is none.
    """

    __slots__ = (
        "_alarm",
        "_charged_bytes",
        "_delay_ns",
        "_dispatcher",
        "_draining",
        "_exit",
        "_first_is_charged",
        "_held",
        "_logs",
        "_quota",
        "_reader",
        "_replies",
        "began_ns",
        "closing",
        "is_held",
        "last_read_ns",
        "was_active",
    )

    def __init__(self, exit_: Exit, listener: "Listener") -> None:
        self._exit = exit_
        self._dispatcher = listener.dispatcher
        self._replies = listener.replies
        self._reader = Reader(self, listener.known_heads, listener.limits.max_payload_bytes)
        # No request after the one that is being read now, if any.
        self._draining = listener.draining
        self.closing = False
        self.is_held = False
        # Whole requests that wait for the throttle, or behind one that does.
        self._held: deque[tuple[ParsedHead, Payload]] = deque()
        self._first_is_charged = False
        self._alarm = Alarm(self._on_time)
        # Of the request that comes now or is held first.
        self._charged_bytes = 0
        self._delay_ns = 0
        self.was_active = False
        self.began_ns = self.last_read_ns = 0
        self._logs = listener.traffic_log is not None
        # The endpoint's that the connection counts as one of.
        self._quota: Quota | None = None

    @property
    def is_reading(self) -> bool:
        """Whether a request has begun to come and is not whole yet."""
        return self._reader.in_message

    @property
    def body_bytes(self) -> int | None:
        """How much has come of the body of the request that is coming; None before it."""
        found = self._reader.unfinished
        return None if found is None else found[1]

    def forgive(self, now_ns: int) -> None:
        """The client could not send, because nothing was read."""
        self.began_ns = self.last_read_ns = now_ns

    def give_up(self) -> None:
        """The request that is coming takes too long."""
        what = "headers" if self.body_bytes is None else "body"
        message = f"expected the {what} of a request without such pauses. Send it at once."
        self._refuse(self._replies.error(statuses.REQUEST_TIMEOUT, message, close=True))

    @property
    def is_empty(self) -> bool:
        """Whether nothing that came is still here."""
        return not self._reader.in_message and not self._held

    @property
    def has_ended(self) -> bool:
        """Whether no request will come out of here any more."""
        return self.closing and not self._held

    def feed(self, data: bytes) -> None:
        """Takes in bytes."""
        if self.closing:
            return
        try:
            self._reader.feed(data)
            if self._reader.in_message:
                self._on_unfinished()
        except RefusedError as refused:
            # What follows the last request that a client may send is of no concern.
            if not self.closing:
                self._refuse(self._replies.error(refused.status, refused.message, close=True))
        except Exception:
            log.exception("a request could not be taken")
            message = "the router failed; its log says how"
            self._refuse(self._replies.error(statuses.INTERNAL_ERROR, message, close=True))

    def drain(self) -> None:
        """Takes one request more at most."""
        self._draining = True

    def end(self) -> None:
        """Takes no request that has not begun to come."""
        self._draining = True
        if not self._reader.in_message:
            self.closing = True

    def close(self) -> None:
        """The client is gone, and what is held with it."""
        self.closing = True
        self._alarm.cancel()
        self._held.clear()
        if self._quota is not None:
            self._quota.close_connection()
            self._quota = None

    # The reader's Owner

    def on_expect_continue(self, parsed: ParsedHead) -> None:
        """Lets the client send the body, unless it is of no use."""
        found = locate(parsed, self._dispatcher, self._replies, now_ns(), close=True)
        if isinstance(found, bytes):
            self._refuse(found)
        else:
            self._exit.proceed()

    def on_request(self, parsed: ParsedHead, body: Payload) -> None:
        """Takes a whole request."""
        if self.closing:
            return
        self.was_active = True
        if self._draining or not parsed.keep_alive:
            self.closing = True
        if self.is_held:
            self._held.append((parsed, body))
            return
        self._enter(parsed, body)

    def _on_unfinished(self) -> None:
        """Charges for what has come of a long body; nobody sends one in vain."""
        self.last_read_ns = now_ns()
        self.began_ns = self.began_ns or self.last_read_ns
        found = self._reader.unfinished
        if found is None or self.is_held or self.closing:
            return
        parsed, body_bytes = found
        if 0 < parsed.body_bytes <= UNASKED_BYTES_MAX:
            return
        now = self.last_read_ns
        endpoint = locate(parsed, self._dispatcher, self._replies, now, close=True)
        if isinstance(endpoint, bytes):
            self._refuse(endpoint)
        else:
            new_bytes = parsed.passed_on.size_bytes + body_bytes - self._charged_bytes
            self._charged_bytes += new_bytes
            if wait_ns := endpoint.quota.charge_request(new_bytes, now):
                self._wait(endpoint.quota, wait_ns, now)

    def _enter(self, parsed: ParsedHead, body: Payload) -> None:
        """Hands a request over, or holds it until its bytes may pass."""
        now = now_ns()
        close = self.closing and not self._held
        endpoint = locate(parsed, self._dispatcher, self._replies, now, close=close)
        if isinstance(endpoint, bytes):
            self._charged_bytes = 0
            self._exit.answer(endpoint, None, self._entry(parsed, body, now))
            self.began_ns = 0
            return
        new_bytes = parsed.passed_on.size_bytes + len(body) - self._charged_bytes
        self._charged_bytes = 0
        if wait_ns := endpoint.quota.charge_request(new_bytes, now):
            self._held.appendleft((parsed, body))
            self._first_is_charged = True
            self._wait(endpoint.quota, wait_ns, now)
        else:
            self._hand_over(endpoint, parsed, body, now)

    def _wait(self, quota: Quota, wait_ns: int, now: int) -> None:
        """Lets nothing in until what came last may pass."""
        quota.note_request_delay(wait_ns)
        self._delay_ns += wait_ns
        self.is_held = True
        self._alarm.set(now + wait_ns)
        self._exit.update_reading()

    def _on_time(self) -> None:
        self.is_held = False
        if self._first_is_charged:
            self._first_is_charged = False
            self._release(*self._held.popleft())
        while self._held and not self.is_held:
            self._enter(*self._held.popleft())
        self._exit.update_reading()

    def _release(self, parsed: ParsedHead, body: Payload) -> None:
        """Hands over what was held, by the rules of now (invariant 1)."""
        now = now_ns()
        endpoint = locate(parsed, self._dispatcher, self._replies, now, close=self.has_ended)
        if isinstance(endpoint, bytes):
            self._exit.answer(endpoint, None, self._entry(parsed, body, now))
        else:
            self._hand_over(endpoint, parsed, body, now)

    def _hand_over(
        self, endpoint: SnapshotEndpoint, parsed: ParsedHead, body: Payload, now: int
    ) -> None:
        refusal = None if endpoint.quota is self._quota else self._count_in(endpoint, now)
        result = refusal or take_in(endpoint, parsed, body, self._dispatcher, self._exit, now)
        delay_ns, self._delay_ns = self._delay_ns, 0
        entry = self._entry(parsed, body, now, delay_ns) if self._logs else None
        self.began_ns = 0
        if isinstance(result, Request):
            if delay_ns:
                result.delay_ns = delay_ns
            if entry is not None:
                entry.deployment = result.deployment.name
                result.entry = entry
            self._exit.on_taken(result)
            return
        reply = self._replies.refusal(result, head=parsed.passed_on, close=self.has_ended)
        self._exit.answer(reply, endpoint.quota, entry)

    def _count_in(self, endpoint: SnapshotEndpoint, now: int) -> Refusal | None:
        """Counts the connection as one of this endpoint's; ends it if there are too many."""
        refusal = self._dispatcher.open_connection(endpoint, now)
        if refusal is not None:
            self.closing = True
            self._held.clear()
            return refusal
        if self._quota is not None:
            self._quota.close_connection()
        self._quota = endpoint.quota
        return None

    def _entry(
        self, parsed: ParsedHead, body: Payload, now: int, delay_ns: int = 0
    ) -> Entry | None:
        if not self._logs:
            return None
        return Entry(
            parsed=parsed,
            endpoint=parsed.endpoint or "",
            body_bytes=len(body),
            began_ns=self.began_ns or now - delay_ns,
            came_ns=now,
            request_delay_ns=delay_ns,
        )

    def _refuse(self, reply: bytes) -> None:
        self.closing = True
        self._exit.refuse(reply)
