"""What became of a request, as the protocol's answers (azure.md 7.4).

Whether and how ``run()`` is called is app.py's.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from runtime.columns import Answer, ColumnAnswer
from runtime.request import ColumnRequest, Request
from turnout.scoring.v1.scoring_pb2 import Header, ScoreAnswer

if TYPE_CHECKING:
    import flask

# One message of the protocol ends at 2 GiB, and several answers may share it: one that is larger
# than this would break the stream for all that are at the instance.
ANSWER_BYTES_MAX = 128 * 1024 * 1024
STATUS_OK, STATUS_ERROR, STATUS_TIMEOUT = 200, 500, 504
JSON, HTML = "application/json", "text/html; charset=utf-8"
RESULT_FAILED = "An unexpected internal error occurred. Check the logs for more info."
RUN_FAILED_HEADER = "x-ms-run-function-failed"

log = logging.getLogger("azmlinfsrv")

Answered = Answer | Iterator[ScoreAnswer]


def expired(request: Request) -> ScoreAnswer:
    """Its time was over before ``run()`` could start."""
    return ScoreAnswer(id=request.id, outcome=ScoreAnswer.OUTCOME_EXPIRED, status=STATUS_TIMEOUT)


def plain(
    request: Request, payload: bytes, content_type: str, headers: Mapping[str, str] = {}
) -> ScoreAnswer:
    """What is answered without ``run()``."""
    return ScoreAnswer(
        id=request.id,
        outcome=ScoreAnswer.OUTCOME_RETURNED,
        status=STATUS_OK,
        payload=payload,
        content_type=content_type,
        headers=[Header(name=name, value=value.encode()) for name, value in headers.items()],
    )


def refused(request: Request, status: int, message: str) -> ScoreAnswer:
    """The request can't be given to ``run()``."""
    return ScoreAnswer(
        id=request.id,
        outcome=ScoreAnswer.OUTCOME_BAD_INPUT,
        status=status,
        payload=_message(message),
        content_type=JSON,
        error=message,
    )


def failed(
    request: Request, message: str, error: BaseException, started_ns: int
) -> ScoreAnswer:  # fmt: skip
    """``run()`` raised."""
    return ScoreAnswer(
        id=request.id,
        outcome=ScoreAnswer.OUTCOME_RAISED,
        status=STATUS_ERROR,
        payload=_message(message),
        content_type=JSON,
        error=_text(error),
        run_ns=time.monotonic_ns() - started_ns,
    )


def unanswerable(request: Request, error: BaseException) -> ScoreAnswer:
    """What came, or what ``run()`` returned, could not be dealt with."""
    return ScoreAnswer(
        id=request.id,
        outcome=ScoreAnswer.OUTCOME_RETURNED,
        status=STATUS_ERROR,
        payload=_message(RESULT_FAILED),
        content_type=JSON,
        error=_text(error),
    )


def returned(request: Request, result: object, started_ns: int) -> Answered:
    """What ``run()`` returned: a flask response as it is, all else as JSON."""
    run_ns = time.monotonic_ns() - started_ns
    flask_module = sys.modules.get("flask")
    if flask_module is not None and isinstance(result, flask_module.Response):
        return _response(request, result, run_ns, started_ns)
    try:
        payload = b"{}" if result is None else json.dumps(result).encode()
    # Whatever a script's own types do while they are serialised.
    except BaseException as error:
        log.exception("run() returned what JSON can't express")
        return unanswerable(request, error)
    if len(payload) > ANSWER_BYTES_MAX:
        return _oversized(request.id, len(payload))
    if isinstance(request, ColumnRequest):
        return ColumnAnswer(request.id, payload, run_ns)
    return ScoreAnswer(
        id=request.id,
        outcome=ScoreAnswer.OUTCOME_RETURNED,
        status=STATUS_OK,
        payload=payload,
        content_type=JSON,
        run_ns=run_ns,
    )


def _oversized(request_id: int, size_bytes: int) -> ScoreAnswer:
    message = (
        f"expected an answer of at most {ANSWER_BYTES_MAX} bytes, got {size_bytes}. Return less, "
        f"or stream it: an AMLResponse of a generator."
    )
    log.error(message)
    return ScoreAnswer(
        id=request_id,
        outcome=ScoreAnswer.OUTCOME_RETURNED,
        status=STATUS_ERROR,
        payload=_message(message),
        content_type=JSON,
        error=message,
    )


def _response(
    request: Request, response: "flask.Response", run_ns: int, started_ns: int
) -> Answered:
    status = response.status_code
    has_failed = status >= STATUS_ERROR or response.headers.get(RUN_FAILED_HEADER) == "True"
    head = ScoreAnswer(
        id=request.id,
        outcome=ScoreAnswer.OUTCOME_RAISED if has_failed else ScoreAnswer.OUTCOME_RETURNED,
        status=status,
        content_type=response.headers.get("Content-Type", ""),
        run_ns=run_ns,
        headers=[
            Header(name=name, value=value.encode("latin-1", "replace"))
            for name, value in response.headers.items()
        ],
    )
    if response.is_streamed:
        return _parts(head, response, started_ns)
    try:
        payload = response.get_data()
    finally:
        _close(response)
    if len(payload) > ANSWER_BYTES_MAX:
        return _oversized(request.id, len(payload))
    head.payload = payload
    return head


def _parts(
    head: ScoreAnswer, response: "flask.Response", started_ns: int
) -> Iterator[ScoreAnswer]:  # fmt: skip
    """A streamed response's parts; nothing is sent before its generator has given something."""
    part = ScoreAnswer(id=head.id, outcome=head.outcome, status=head.status, more=True)
    last = ScoreAnswer(id=head.id, outcome=head.outcome, status=head.status)
    begun = False
    try:
        for chunk in response.iter_encoded():
            if begun:
                part.payload = bytes(chunk)
                yield part
                part = ScoreAnswer(id=head.id, outcome=head.outcome, status=head.status, more=True)
            else:
                head.payload, head.more, begun = bytes(chunk), True, True
                yield head
    except GeneratorExit:
        raise
    # Not only Exception: see ``returned``.
    except BaseException as error:
        log.exception("Encountered exception in a streamed response")
        last = ScoreAnswer(
            id=head.id,
            outcome=ScoreAnswer.OUTCOME_RAISED,
            status=STATUS_ERROR,
            payload=b"" if begun else _message(RESULT_FAILED),
            content_type=JSON,
            error=_text(error),
        )
    else:
        last = last if begun else head
    finally:
        _close(response)
    last.run_ns = time.monotonic_ns() - started_ns
    yield last


def _close(response: "flask.Response") -> None:
    """Has the script's own functions called, which may fail."""
    try:
        response.close()
    except BaseException:
        log.exception("Encountered exception at the end of a response")


def _text(error: BaseException) -> str:
    """The exception as protobuf's UTF-8 can carry it."""
    try:
        text = f"{type(error).__name__}: {error}"
    # Its own __str__ failed.
    except BaseException:  # noqa: BLE001
        text = type(error).__name__
    return text.encode("utf-8", "backslashreplace").decode()


def _message(text: str) -> bytes:
    return json.dumps({"message": text}).encode()
