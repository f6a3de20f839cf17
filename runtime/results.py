"""One request through ``run()``: from its body to an answer (azure.md 7.2 and 7.4).

A request of any kind gets an answer: what ``run()`` raises becomes one too, and stands
with its traceback in the log.
"""

import json
import logging
import time

from runtime.script import Run
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer, ScoreRequest

STATUS_OK, STATUS_BAD_INPUT, STATUS_ERROR, STATUS_TIMEOUT = 200, 400, 500, 504
JSON_TYPE = "application/json"
RUN_FAILED = "An unexpected error occurred in scoring script. Check the logs for more info."
RESULT_FAILED = "An unexpected internal error occurred. Check the logs for more info."

log = logging.getLogger(__name__)


def score(run: Run, request: ScoreRequest, received_ns: int) -> ScoreAnswer:
    """Runs one request.

    Args:
        received_ns: when its batch came, on the monotonic clock.
    """
    started_ns = time.monotonic_ns()
    if request.timeout_ns and started_ns - received_ns >= request.timeout_ns:
        return ScoreAnswer(
            id=request.id, outcome=ScoreAnswer.OUTCOME_EXPIRED, status=STATUS_TIMEOUT
        )
    try:
        body = request.payload.decode("utf-8")
    except UnicodeDecodeError as error:
        return _refused(request, f"Input cannot be decoded as UTF-8: {error}")
    try:
        result = run(body)
    # Not only Exception: a script that calls sys.exit() must not end the instance.
    except BaseException as error:
        log.exception("Encountered exception in run()")
        return _failed(request, RUN_FAILED, error, time.monotonic_ns() - started_ns)
    run_ns = time.monotonic_ns() - started_ns
    try:
        payload = b"{}" if result is None else json.dumps(result).encode()
    # Whatever a script's own types do while they are serialised.
    except BaseException as error:
        log.exception("run() returned what JSON can't express")
        return _failed(request, RESULT_FAILED, error, run_ns)
    return ScoreAnswer(
        id=request.id,
        outcome=ScoreAnswer.OUTCOME_RETURNED,
        status=STATUS_OK,
        payload=payload,
        content_type=JSON_TYPE,
        run_ns=run_ns,
    )


def _refused(request: ScoreRequest, message: str) -> ScoreAnswer:
    return ScoreAnswer(
        id=request.id,
        outcome=ScoreAnswer.OUTCOME_BAD_INPUT,
        status=STATUS_BAD_INPUT,
        payload=_message(message),
        content_type=JSON_TYPE,
        error=message,
    )


def _failed(
    request: ScoreRequest, message: str, error: BaseException, run_ns: int
) -> ScoreAnswer:  # fmt: skip
    return ScoreAnswer(
        id=request.id,
        outcome=ScoreAnswer.OUTCOME_RAISED,
        status=STATUS_ERROR,
        payload=_message(message),
        content_type=JSON_TYPE,
        error=_text(error),
        run_ns=run_ns,
    )


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
