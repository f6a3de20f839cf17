"""A loaded script as something that answers requests: routes, run() and its errors, time.

The rules are azure.md 7.3 and 7.4. A request of any kind gets an answer: what ``run()``
raises becomes one too, and stands with its traceback in the log.
"""

import logging
import time
from collections.abc import Callable

from runtime import answers
from runtime.answers import Answered
from runtime.inputs import InputError, UnsupportedMethodError
from runtime.request import Request
from runtime.script import Script
from runtime.swagger import SwaggerError

RUN_FAILED = "An unexpected error occurred in scoring script. Check the logs for more info."
# What flask says of itself, since Azure's server passes it on.
METHOD_NOT_ALLOWED = "The method is not allowed for the requested URL."
NOT_FOUND = (
    "The requested URL was not found on the server. If you entered the URL manually please "
    "check your spelling and try again."
)
SCORE, HEALTH, SWAGGER = "/score", "/", "/swagger.json"
# Those that flask knows of each route, the ones that it answers itself included.
METHODS = {
    SCORE: ("GET", "OPTIONS", "POST"),
    HEALTH: ("GET", "OPTIONS"),
    SWAGGER: ("GET", "OPTIONS"),
}

log = logging.getLogger("azmlinfsrv")

Around = Callable[[Request, Callable[[Request], Answered]], Answered]


class App:
    """Answers requests with one script. To be used on the thread that loaded it.

    Args:
        around: what a script that uses flask needs around each call.

    Attributes:
        wants_headers: whether requests must carry the client's headers.
    """

    def __init__(self, script: Script, around: Around | None) -> None:
        self._script = script
        self._around = around
        self.wants_headers = around is not None or script.reading.wants_headers

    def answer(self, request: Request, received_ns: int) -> Answered:
        """Answers one request: whole, or in parts that are made while they are taken.

        Args:
            received_ns: when its batch came, on the monotonic clock.
        """
        try:
            return self._answer(request, received_ns)
        # Nothing that a request, or what a script returns, brings along may end the instance.
        except BaseException as error:
            log.exception("Encountered exception around run()")
            return answers.unanswerable(request, error)

    def _answer(self, request: Request, received_ns: int) -> Answered:
        if request.timeout_ns and time.monotonic_ns() - received_ns >= request.timeout_ns:
            return answers.expired(request)
        if request.target:
            path, _, query = request.target.partition("?")
            if path not in METHODS:
                return answers.refused(request, 404, NOT_FOUND)
            if request.method not in METHODS[path]:
                return answers.refused(request, 405, METHOD_NOT_ALLOWED)
            if path != SCORE:
                return self._answer_aside(request, path, query)
        if self._around is None:
            return self._score(request)
        return self._around(request, self._score)

    def _answer_aside(self, request: Request, path: str, query: str) -> Answered:
        if request.method == "OPTIONS":
            allowed = ", ".join(("HEAD", *METHODS[path]))
            return answers.plain(request, b"", answers.HTML, {"Allow": allowed})
        if path == HEALTH:
            return answers.plain(request, b"Healthy", answers.HTML)
        try:
            return answers.plain(request, self._script.swagger.get(query), answers.JSON)
        except SwaggerError as error:
            return answers.refused(request, 404, str(error))

    def _score(self, request: Request) -> Answered:
        script = self._script
        try:
            arguments = script.reading.arguments(request)
        except UnsupportedMethodError:
            return answers.plain(request, b"", answers.HTML)
        except InputError as error:
            return answers.refused(request, error.status, str(error))
        started_ns = time.monotonic_ns()
        try:
            result = script.run(**arguments)
        # Its own, too: Azure's server can't tell them apart.
        except TimeoutError as error:
            log.exception("Encountered exception in run()")
            message = f"Scoring timeout after {script.timeout_ms} ms"
            return answers.failed(request, message, error, started_ns)
        # Not only Exception: a script that calls sys.exit() must not end the instance.
        except BaseException as error:
            log.exception("Encountered exception in run()")
            return answers.failed(request, RUN_FAILED, error, started_ns)
        return answers.returned(request, result, started_ns)
