"""Errors as HTTP answers: the one table, and the one shape (azure.md 8.2)."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import hdrs, web

from router.control_plane.system_errors import refused_by_system
from router.core.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    ResourceNotFound,
    StorageFailed,
    TooManyFiles,
    TurnoutError,
    Unauthorized,
)

STATUS_OF: dict[type[TurnoutError], HTTPStatus] = {
    BadRequest: HTTPStatus.BAD_REQUEST,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    ResourceNotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    StorageFailed: HTTPStatus.INSUFFICIENT_STORAGE,
    TooManyFiles: HTTPStatus.SERVICE_UNAVAILABLE,
}

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns whatever a handler raises into a JSON answer."""
    try:
        _check_host(request)
        return await handler(request)
    except TurnoutError as error:
        status = STATUS_OF.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
        return _answer(status, error.code, error.message)
    except web.HTTPRequestEntityTooLarge:
        message = f"expected a body of at most {request.client_max_size} bytes, got more"
        return _answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "PayloadTooLarge", message)
    except web.HTTPException as error:
        status = HTTPStatus(error.status)
        code = "".join(status.phrase.split())
        answer = _answer(status, code, f"{status.phrase}: {request.method} {request.path}")
        if hdrs.ALLOW in error.headers:
            answer.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return answer
    except Exception as error:
        if isinstance(error, OSError) and (known := refused_by_system(error)) is not None:
            log.error("%s %s failed: %s", request.method, request.path, known.message)  # noqa: TRY400 - the words say it
            return _answer(STATUS_OF[type(known)], known.code, known.message)
        log.exception("%s %s failed", request.method, request.path)
        message = f"{type(error).__name__}: {error}. The daemon's log says more."
        return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, TurnoutError.code, message)


def _check_host(request: web.Request) -> None:
    """Answers name URLs of this server by the host that the client used."""
    try:
        request.url.origin()
    except ValueError as error:
        raise BadRequest(
            f"expected the name or address of a host in the header Host, got {request.host!r}: "
            f"{error}"
        ) from None


def _answer(status: HTTPStatus, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
