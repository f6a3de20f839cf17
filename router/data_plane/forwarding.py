"""A request as the protocol carries it to one instance.

Most instances want the body alone. One that asked for it (see scoring.proto) gets the
client's headers too, and the router's id of the request among them.
"""

from collections.abc import Iterable, Iterator

from router.core.request import Kind, Request
from router.data_plane.request_ids import RequestIds
from turnout.scoring.v1.scoring_pb2 import Header, RequestBatch

# The instance's wish, in the stream's initial metadata.
HEADERS_WISH = ("turnout-headers", "1")
REQUEST_ID = "x-request-id"
# Smaller ones would cost a large body more than they save those that it holds up.
PART_BYTES = 64 * 1024
# On mirrored copies only: the id of the live request that it is a copy of.
MIRRORED_FROM = "x-turnout-mirrored-from"
_ROUTERS_OWN = (b"x-request-id", b"x-turnout-mirrored-from")
_NOT_IN_COPIES = (*_ROUTERS_OWN, b"authorization")


class Forwarding:
    """Makes messages for one instance."""

    __slots__ = ("_ids", "_with_headers")

    def __init__(self, ids: RequestIds) -> None:
        self._ids = ids
        self._with_headers = False

    def read_wishes(self, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        """Takes in what the instance asked for."""
        # grpc's own type looks for a key only.
        self._with_headers = HEADERS_WISH in tuple(metadata)

    def to_message(self, batch: Iterable[Request], now_ns: int) -> RequestBatch:
        """The requests as they are sent now, in one message."""
        message = RequestBatch()
        for request in batch:
            # In place: a message that is put into another is copied.
            self._add(message, request, request.payload, now_ns)
        return message

    def to_parts(self, request: Request, now_ns: int) -> Iterator[RequestBatch]:
        """A large request in several messages, each made when it is asked for."""
        # Its body as it is now: one that expires before its turn is answered by the instance.
        return self._parts(request, request.payload, now_ns)

    def _parts(self, request: Request, payload: bytes, now_ns: int) -> Iterator[RequestBatch]:
        for begin in range(0, len(payload), PART_BYTES):
            part = payload[begin : begin + PART_BYTES]
            message = RequestBatch()
            if begin:
                message.requests.add(id=request.id, payload=part)
            else:
                self._add(message, request, part, now_ns)
            message.requests[0].more = begin + PART_BYTES < len(payload)
            yield message

    def _add(
        self, message: RequestBatch, request: Request, payload: bytes, now_ns: int
    ) -> None:  # fmt: skip
        head = request.head
        added = message.requests.add(
            id=request.id,
            payload=payload,
            content_type=head.content_type,
            timeout_ns=max(request.deadline_ns - now_ns, 1),
        )
        if head.target:
            added.method = head.method
            added.target = head.target
        if self._with_headers:
            added.headers.extend(self._headers(request))

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
