"""Renders answers and refusals as HTTP/1.1 responses.

What does not change from one response to the next is put together once: per deployment,
and per second for the date. The headers are Azure's (azure.md 4.1 and 4.2).
"""

import uuid
from email.utils import formatdate
from itertools import count

import msgspec

from router.core.request import Answer, Outcome, Reason, Refusal, Request
from router.data_plane.statuses import BY_REASON, Status

MODEL_STATUS_OK = 200
NS_PER_MS = 1e6


class Replies:
    """Renders responses of one listener; ``on_second`` keeps their date."""

    __slots__ = ("_common", "_heads", "_id_prefix", "_ids")

    def __init__(self) -> None:
        # GUIDs, as azure.md 4.2 wants, at the price of a counter: 74 random bits name
        # the worker, the last group of 12 hexadecimal digits counts.
        self._id_prefix = str(uuid.uuid4())[:24].encode()
        self._ids = count(1)
        self._heads: dict[str, bytes] = {}
        self._common = b""
        self.on_second()

    def on_second(self) -> None:
        """To be called about once a second."""
        self._common = b"server: turnout\r\ndate: %s\r\n" % formatdate(usegmt=True).encode()
        self._heads.clear()

    def answer(self, request: Request, answer: Answer, *, close: bool) -> bytes:
        """The response to a request that a model answered; a model's error becomes a 424."""
        if answer.status == MODEL_STATUS_OK:
            head = self._heads.get(request.deployment.name) or self._make_head(request)
        else:
            head = self._failed_head(request, answer)
        payload = answer.payload
        return b"%sx-request-id: %s%012x\r\nx-ms-run-fn-exec-ms: %.3f\r\n%s%s%s" % (
            head,
            self._id_prefix,
            next(self._ids),
            answer.run_ns / NS_PER_MS,
            b"connection: close\r\n" if close else b"",
            b"content-type: %s\r\ncontent-length: %d\r\n\r\n"
            % (_header_value(answer.content_type), len(payload)),
            payload,
        )

    def refusal(self, refusal: Refusal, *, deployment: str | None, close: bool) -> bytes:
        """The response to a request that the router answers itself."""
        extra = _deployment_header(deployment) if deployment else b""
        return self.error(BY_REASON[refusal.reason], refusal.message, close=close, extra=extra)

    def error(self, status: Status, message: str, *, close: bool, extra: bytes = b"") -> bytes:
        """An error with DESIGN.md's body."""
        body = msgspec.json.encode({"error": {"code": status.code, "message": message}})
        return b"HTTP/1.1 %s\r\n%s%s%sx-request-id: %s%012x\r\n%s%s%s" % (
            status.line,
            self._common,
            extra,
            status.headers,
            self._id_prefix,
            next(self._ids),
            b"connection: close\r\n" if close else b"",
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body),
            body,
        )

    def _make_head(self, request: Request) -> bytes:
        name = request.deployment.name
        head = b"HTTP/1.1 200 OK\r\n%s%sx-ms-run-function-failed: False\r\n" % (
            self._common,
            _deployment_header(name),
        )
        self._heads[name] = head
        return head

    def _failed_head(self, request: Request, answer: Answer) -> bytes:
        return (
            b"HTTP/1.1 424 Model error\r\n%s%s"
            b"ms-azureml-model-error-statuscode: %d\r\nms-azureml-model-error-reason: %s\r\n"
            b"x-ms-run-function-failed: %s\r\n"
        ) % (
            self._common,
            _deployment_header(request.deployment.name),
            answer.status,
            Reason.MODEL_ERROR.value.encode(),
            b"True" if answer.outcome == Outcome.RAISED else b"False",
        )


def _header_value(text: str) -> bytes:
    # What an instance says must not end the header, nor break the answers beside it.
    return text.encode("latin-1", "replace").translate(None, b"\r\n")


def _deployment_header(name: str) -> bytes:
    return b"azureml-model-deployment: %s\r\n" % name.encode("ascii")
