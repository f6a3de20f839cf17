"""flask's request for scripts that use it: by @rawhttp, or because they import it themselves.

No flask server runs; the request context is made of the protocol's request.
"""

import io
import sys
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

import flask
from flask.ctx import RequestContext

from runtime.answers import Answered
from runtime.columns import Answer
from runtime.inputs import headers_of
from runtime.request import Request
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer

_app = flask.Flask("runtime")


def in_context(request: Request, answer: Callable[[Request], Answered]) -> Answered:
    """Calls ``answer`` with ``flask.request`` being the request, until its last part is made."""
    context = _app.request_context(_environ(request))
    context.push()
    try:
        answered = answer(request)
    except BaseException:
        context.pop()
        raise
    if isinstance(answered, Answer):
        context.pop()
        return answered
    return _until_the_last(answered, context)


def _until_the_last(
    parts: Iterator[ScoreAnswer], context: RequestContext
) -> Iterator[ScoreAnswer]:  # fmt: skip
    try:
        yield from parts
    finally:
        context.pop()


def _environ(request: Request) -> dict[str, object]:
    path, _, query = (request.target or "/score").partition("?")
    environ: dict[str, object] = {
        "REQUEST_METHOD": request.method or "POST",
        "SCRIPT_NAME": "",
        # WSGI (PEP 3333) carries bytes as latin-1.
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.payload),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in headers_of(request).items():
        # Names with an underscore could pass for others.
        if "_" not in name:
            key = name.upper().replace("-", "_")
            environ[key if name in ("Content-Type", "Content-Length") else f"HTTP_{key}"] = value
    return environ
