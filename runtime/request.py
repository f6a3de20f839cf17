"""A request as the rest of the runtime sees it, whole; how it came is parts.py's."""

from collections.abc import Iterable
from typing import TypeAlias

from turnout.scoring.v1.scoring_pb2 import Header, ScoreRequest


class ColumnRequest:
    """A request that came in columns; what they do not say is what they stand for."""

    __slots__ = ("id", "payload", "timeout_ns")

    content_type = "application/json"
    method = ""
    target = ""
    headers: Iterable[Header] = ()

    def __init__(self, id_: int, payload: bytes, timeout_ns: int) -> None:
        self.id = id_
        self.payload = payload
        self.timeout_ns = timeout_ns

    def to_message(self) -> ScoreRequest:
        """Makes a message of it after all, for another process."""
        return ScoreRequest(
            id=self.id,
            payload=self.payload,
            content_type=self.content_type,
            timeout_ns=self.timeout_ns,
        )


class JoinedRequest:
    """A request that came in parts; its fields are those of a ScoreRequest.

    Its body is not put into a message: that, and each look at it there, would copy megabytes
    while nothing else of the instance runs.
    """

    __slots__ = (
        "_first",
        "content_type",
        "headers",
        "id",
        "method",
        "payload",
        "target",
        "timeout_ns",
    )

    def __init__(self, first: ScoreRequest, payload: bytes) -> None:
        self._first = first
        self.id = first.id
        self.payload = payload
        self.content_type = first.content_type
        self.timeout_ns = first.timeout_ns
        self.method = first.method
        self.target = first.target
        self.headers: Iterable[Header] = first.headers

    def to_message(self) -> ScoreRequest:
        """Makes one message of it after all, for another process."""
        message = self._first
        message.payload, message.more = self.payload, False
        return message


Request: TypeAlias = ScoreRequest | ColumnRequest | JoinedRequest


def as_message(request: Request) -> ScoreRequest:
    """The request in one message, however it came."""
    return request if isinstance(request, ScoreRequest) else request.to_message()
