"""A request as the protocol carries it to one instance.

Most instances want the body alone, and get it in columns if they know them (columns.py). One
that asked for it (see scoring.proto) gets the client's headers too, and the router's id of the
request among them.
"""

from collections.abc import Iterable, Iterator, Sequence

from router.core.request import VIEW_BYTES_MIN, Kind, Payload, Request
from router.data_plane import columns
from router.data_plane.request_ids import RequestIds
from router.data_plane.wire import encode
from turnout.scoring.v1.scoring_pb2 import Header, RequestBatch, ScoreRequest

# The instance's wishes, in the stream's initial metadata.
HEADERS_WISH = ("turnout-headers", "1")
COLUMNS_WISH = ("turnout-columns", "1")
REQUEST_ID = "x-request-id"
# Smaller ones would cost a large body more than they save those that it holds up.
PART_BYTES = 64 * 1024
# On mirrored copies only: the id of the live request that it is a copy of.
MIRRORED_FROM = "x-turnout-mirrored-from"
_ROUTERS_OWN = (b"x-request-id", b"x-turnout-mirrored-from")
_NOT_IN_COPIES = (*_ROUTERS_OWN, b"authorization")


class Forwarding:
    """Makes messages for one instance."""

    __slots__ = ("_ids", "_in_columns", "_with_headers")

    def __init__(self, ids: RequestIds) -> None:
        self._ids = ids
        self._with_headers = False
        self._in_columns = False

    def read_wishes(self, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        """Takes in what the instance asked for."""
        # grpc's own type looks for a key only.
        wishes = tuple(metadata)
        self._with_headers = HEADERS_WISH in wishes
        self._in_columns = COLUMNS_WISH in wishes and not self._with_headers

    def to_message(self, batch: Sequence[Request], now_ns: int) -> bytes:
        """The requests as they are sent now, in one message."""
        # For a single request columns would cost more than they save.
        plain = columns.fitting(batch) if self._in_columns and len(batch) > 1 else []
        small = RequestBatch()
        pieces: list[Payload] = []
        if len(plain) < len(batch):
            fit = set(plain)
            pieces = self._put([one for one in batch if one not in fit], small, now_ns)
        if plain:
            columns.put(small, plain, now_ns)
        last = small.SerializeToString()
        return b"".join((*pieces, last)) if pieces else last

    def _put(self, requests: Iterable[Request], small: RequestBatch, now_ns: int) -> list[Payload]:
        """Puts them into the message; returns what has to go before it, in bytes."""
        pieces: list[Payload] = []
        for request in requests:
            payload = request.payload
            if len(payload) >= VIEW_BYTES_MIN:
                # In the order in which they came; what stands in columns is run before.
                pieces.append(small.SerializeToString())
                small.Clear()
                pieces += encode(self._without_payload(request, now_ns), payload)
                continue
            # In place: a message that is put into another is copied.
            head = request.head
            added = small.requests.add(
                id=request.id,
                # No view, which protobuf would not take: none is so small.
                payload=payload,
                content_type=head.content_type,
                timeout_ns=max(request.deadline_ns - now_ns, 1),
            )
            # Asked here as well, since a call costs more than the question.
            if head.target or self._with_headers:
                self._say_more(added, request)
        return pieces

    def to_parts(self, request: Request, now_ns: int) -> Iterator[bytes]:
        """A large request in several messages, each made when it is asked for."""
        # Its body as it is now: one that expires before its turn is answered by the instance.
        return self._parts(request, memoryview(request.payload), now_ns)

    def _parts(self, request: Request, payload: memoryview, now_ns: int) -> Iterator[bytes]:
        for begin in range(0, len(payload), PART_BYTES):
            end = begin + PART_BYTES
            if begin:
                message = ScoreRequest(id=request.id)
            else:
                message = self._without_payload(request, now_ns)
            message.more = end < len(payload)
            yield b"".join(encode(message, payload[begin:end]))

    def _without_payload(self, request: Request, now_ns: int) -> ScoreRequest:
        message = ScoreRequest(
            id=request.id,
            content_type=request.head.content_type,
            timeout_ns=max(request.deadline_ns - now_ns, 1),
        )
        self._say_more(message, request)
        return message

    def _say_more(self, message: ScoreRequest, request: Request) -> None:
        """What most requests have no need of."""
        if request.head.target:
            message.method = request.head.method
            message.target = request.head.target
        if self._with_headers:
            message.headers.extend(self._headers(request))

    def _headers(self, request: Request) -> list[Header]:
        is_copy = request.kind is Kind.COPY
        left_out = _NOT_IN_COPIES if is_copy else _ROUTERS_OWN
        headers = [
            Header(name=name.decode("latin-1"), value=value)
            for name, value in request.head.headers
            if name not in left_out
        ]
        headers.append(Header(name=REQUEST_ID, value=self._ids.taken(request.id)))
        if is_copy:
            headers.append(Header(name=MIRRORED_FROM, value=self._ids.taken(request.copy_of)))
        return headers
