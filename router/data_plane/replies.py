"""Renders answers and refusals as HTTP/1.1 responses.

What does not change from one response to the next is put together once: per deployment,
and per second for the date. The headers are Azure's (azure.md 4.1, 4.2 and 7.4). When a
response is written is connection.py's; the headers that a script sets are in
script_headers.py.
"""

from email.utils import formatdate
from importlib.metadata import version

import msgspec

from router.core.request import NO_HEAD, Answer, Head, Outcome, Reason, Refusal, Request
from router.data_plane.columns import JSON, ColumnAnswer
from router.data_plane.request_ids import RequestIds
from router.data_plane.script_headers import content_type_line, script_lines
from router.data_plane.statuses import BY_REASON, Status
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer

MODEL_STATUS_OK = 200
NS_PER_MS = 1e6
# Looked up once: an enumeration's members cost as much as a field of the answer.
_RETURNED = int(Outcome.RETURNED)
_DELAY_TRAILERS = (
    b"ms-azureml-bandwidth-request-delay-ms",
    b"ms-azureml-bandwidth-response-delay-ms",
)
_TRAILER_LINE = b"trailer: %s\r\n" % b", ".join(_DELAY_TRAILERS)
# What there is of a head, the request's id, the older header's, the client's lines, milliseconds,
# the content type's line, the script's.
_HEAD = b"%sx-request-id: %s\r\nx-ms-request-id: %s\r\n%sx-ms-run-fn-exec-ms: %s\r\n%s%s"
_MILLISECONDS = b"%.3f"
_SERVER_VERSION = b"x-ms-server-version: turnout/%s\r\n" % version("turnout").encode()


class Replies:
    """Renders responses of one listener; ``on_second`` keeps their date."""

    __slots__ = ("_common", "_heads", "_ids", "_usual")

    def __init__(self, ids: RequestIds) -> None:
        self._ids = ids
        # By deployment: how an answer of 200 begins, and the format of a whole one in columns.
        self._heads: dict[str, bytes] = {}
        self._usual: dict[str, bytes] = {}
        self._common = b""
        self.on_second()

    def on_second(self) -> None:
        """To be called about once a second."""
        self._common = b"server: turnout\r\ndate: %s\r\n" % formatdate(usegmt=True).encode()
        self._heads.clear()
        self._usual.clear()

    def answer(self, request: Request, answer: Answer, *, close: bool) -> bytes:
        """The response to a request that a model answered; a model's error becomes a 424."""
        payload = answer.payload
        # Nearly all are such: nothing changes from one to the next but what is put in here.
        if isinstance(answer, ColumnAnswer) and not request.head.echo and not close:
            name, number = request.deployment.name, request.id
            usual = self._usual.get(name) or self._make_usual(name)
            return usual % (number, number, answer.run_ns / NS_PER_MS, len(payload), payload)
        return b"%s%scontent-length: %d\r\n\r\n%s" % (
            self._head(request, answer),
            b"connection: close\r\n" if close else b"",
            len(payload),
            payload,
        )

    def begin(
        self, request: Request, answer: Answer, *, close: bool, delayed: bool = False
    ) -> bytes:
        """The head of a response whose body comes in parts.

        Args:
            delayed: the throttle's trailers will follow.
        """
        chunked = request.head.takes_chunks
        return b"%s%s%s%s\r\n" % (
            self._head(request, answer),
            b"transfer-encoding: chunked\r\n" if chunked else b"",
            _TRAILER_LINE if delayed else b"",
            b"connection: close\r\n" if close or not chunked else b"",
        )

    def refusal(
        self, refusal: Refusal, *, close: bool, head: Head = NO_HEAD, request: Request | None = None
    ) -> bytes:
        """The response to a request that the router answers itself.

        Args:
            head: what the client said.
            request: if it was taken, that is, had a deployment.
        """
        status = BY_REASON[refusal.reason]
        extra = b"retry-after: %d\r\n" % refusal.retry_after_s if status.passes else b""
        if request is None:
            extra += head.echo
            return self._error(status, refusal.message, self._ids.refused(), extra, close=close)
        extra += request.head.echo + _deployment_header(request.deployment.name)
        return self._error(status, refusal.message, self._ids.taken(request.id), extra, close=close)

    def error(self, status: Status, message: str, *, close: bool) -> bytes:
        """An error with DESIGN.md's body, for what was no request to the core."""
        return self._error(status, message, self._ids.refused(), b"", close=close)

    def _error(
        self, status: Status, message: str, request_id: bytes, extra: bytes, *, close: bool
    ) -> bytes:
        body = msgspec.json.encode({"error": {"code": status.code, "message": message}})
        return b"HTTP/1.1 %s\r\n%s%s%sx-request-id: %s\r\n%s%s%s" % (
            status.line,
            self._common,
            extra,
            status.headers,
            request_id,
            b"connection: close\r\n" if close else b"",
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body),
            body,
        )

    def _head(self, request: Request, answer: Answer) -> bytes:
        """All but what says where the body ends."""
        if answer.status == MODEL_STATUS_OK and answer.outcome == _RETURNED:
            name = request.deployment.name
            head = self._heads.get(name) or self._make_head(name)
        else:
            head = self._make_unusual_head(request, answer)
        request_id = self._ids.taken(request.id)
        said = request.head
        return _HEAD % (
            head,
            request_id,
            said.legacy_id or request_id,
            said.echo,
            _MILLISECONDS % (answer.run_ns / NS_PER_MS),
            content_type_line(answer.content_type),
            b"" if isinstance(answer, ColumnAnswer) else _script_lines(answer),
        )

    def _make_head(self, deployment: str) -> bytes:
        head = self._start(b"200 OK", deployment) + b"x-ms-run-function-failed: False\r\n"
        self._heads[deployment] = head
        return head

    def _make_usual(self, deployment: str) -> bytes:
        """To be filled with the request's number, twice, milliseconds, the body's length and it."""
        id_ = self._ids.taken_format
        head = (self._heads.get(deployment) or self._make_head(deployment)).replace(b"%", b"%%")
        head = _HEAD % (head, id_, id_, b"", _MILLISECONDS, content_type_line(JSON), b"")
        self._usual[deployment] = usual = head + b"content-length: %d\r\n\r\n%s"
        return usual

    def _make_unusual_head(self, request: Request, answer: Answer) -> bytes:
        """Of an answer that is not 200, or is and says that run() failed."""
        failed = b"x-ms-run-function-failed: %s\r\n" % (
            b"True" if answer.outcome == Outcome.RAISED else b"False"
        )
        if answer.status == MODEL_STATUS_OK:
            return self._start(b"200 OK", request.deployment.name) + failed
        return (
            b"%sms-azureml-model-error-statuscode: %d\r\nms-azureml-model-error-reason: %s\r\n%s"
            % (
                self._start(b"424 Model error", request.deployment.name),
                answer.status,
                Reason.MODEL_ERROR.value.encode(),
                failed,
            )
        )

    def _start(self, status_line: bytes, deployment: str) -> bytes:
        return b"HTTP/1.1 %s\r\n%s%s%s" % (
            status_line,
            self._common,
            _SERVER_VERSION,
            _deployment_header(deployment),
        )


def delay_trailers(request_delay_ns: int, response_delay_ns: int) -> bytes:
    """How long the throttle held up a request and its response (azure.md 4.6)."""
    return b"".join(
        b"%s: %d\r\n" % (name, round(delay_ns / NS_PER_MS))
        for name, delay_ns in zip(
            _DELAY_TRAILERS, (request_delay_ns, response_delay_ns), strict=True
        )
    )


def _script_lines(answer: Answer) -> bytes:
    # What the data plane passes to the core as answers are the protocol's.
    assert isinstance(answer, ScoreAnswer)
    return script_lines(answer.headers) if answer.headers else b""


def _deployment_header(name: str) -> bytes:
    return b"azureml-model-deployment: %s\r\n" % name.encode("ascii")
