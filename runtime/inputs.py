"""From a request to run()'s arguments: the three ways of azure.md 7.2, and request_headers.

Which way a script wants is found out in script.py.
"""

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import parse_qsl

from runtime.request import Request

HEADERS_PARAMETER = "request_headers"
BAD_REQUEST, UNSUPPORTED_MEDIA_TYPE = 400, 415

Arguments = dict[str, object]


class InputError(Exception):
    """A request that run() can't be called with.

    Attributes:
        status: the HTTP status that says so.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class UnsupportedMethodError(Exception):
    """Neither GET nor POST: there is nothing to call run() with."""


class Reading(Protocol):
    """A way to read requests.

    Attributes:
        wants_headers: whether it looks at a request's headers.
    """

    wants_headers: bool

    def arguments(self, request: Request) -> Arguments:
        """run()'s arguments, by name.

        Raises:
            InputError: the request doesn't hold them.
            UnsupportedMethodError: as it says.
        """


class TextReading:
    """run() without decorators: the body as text; of a GET, the query as a JSON object."""

    def __init__(self, parameter: str, *, wants_headers: bool) -> None:
        self._parameter = parameter
        self.wants_headers = wants_headers

    def arguments(self, request: Request) -> Arguments:
        """See Reading."""
        # Nearly always there is none.
        if request.target and _is_get(request):
            arguments: Arguments = {self._parameter: json.dumps(_query(request))}
        else:
            try:
                arguments = {self._parameter: request.payload.decode("utf-8")}
            except UnicodeDecodeError as error:
                message = f"Input cannot be decoded as UTF-8: {error}"
                raise InputError(BAD_REQUEST, message) from None
        if self.wants_headers:
            arguments[HEADERS_PARAMETER] = headers_of(request)
        return arguments


class ObjectReading:
    """run() with inference-schema's decorators: a JSON object's fields by parameter."""

    def __init__(self, parameters: Sequence[inspect.Parameter], *, wants_headers: bool) -> None:
        self._parameters = parameters
        self.wants_headers = wants_headers

    def arguments(self, request: Request) -> Arguments:
        """See Reading."""
        fields = _query(request) if _is_get(request) else _json_object(request)
        arguments: Arguments = {}
        for parameter in self._parameters:
            value = fields.get(parameter.name, parameter.default)
            if value is inspect.Parameter.empty:
                message = f"A value is not provided for the {parameter.name!r} parameter."
                raise InputError(BAD_REQUEST, message)
            arguments[parameter.name] = value
        if self.wants_headers:
            arguments[HEADERS_PARAMETER] = headers_of(request)
        return arguments


class RawReading:
    """run() with @rawhttp: flask's request itself, whatever the method."""

    def __init__(self, parameter: str, flask_request: object, *, wants_headers: bool) -> None:
        self._parameter = parameter
        self._flask_request = flask_request
        self.wants_headers = wants_headers

    def arguments(self, request: Request) -> Arguments:
        """See Reading."""
        arguments: Arguments = {self._parameter: self._flask_request}
        if self.wants_headers:
            arguments[HEADERS_PARAMETER] = headers_of(request)
        return arguments


def headers_of(request: Request) -> dict[str, str]:
    """The client's headers, named as scripts know them: "X-Request-Id"."""
    headers: dict[str, str] = {}
    if request.content_type:
        headers["Content-Type"] = request.content_type
    headers["Content-Length"] = str(len(request.payload))
    for header in request.headers:
        name = header.name.title()
        if name not in _ABOUT_THE_BODY:
            value = header.value.decode("latin-1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


# The router has read the body, however it came; these say how it is now.
_ABOUT_THE_BODY = {"Content-Type", "Content-Length", "Transfer-Encoding", "Expect"}
# Wrong characters are among the former, a thousand brackets the latter.
_NO_JSON = (ValueError, RecursionError)


def _is_get(request: Request) -> bool:
    if request.method in ("", "POST"):
        return False
    if request.method != "GET":
        raise UnsupportedMethodError
    return True


def _query(request: Request) -> dict[str, object]:
    """The query's parameters: values are JSON where they can be, lists where they repeat."""
    values: dict[str, list[object]] = {}
    query = request.target.partition("?")[2]
    for name, value in parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, []).append(_json_or_text(value))
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _json_or_text(value: str) -> object:
    try:
        return json.loads(value)
    except _NO_JSON:
        return value


def _json_object(request: Request) -> Mapping[str, object]:
    mimetype = request.content_type.partition(";")[0].strip().lower()
    if mimetype != "application/json" and not (
        mimetype.startswith("application/") and mimetype.endswith("+json")
    ):
        raise InputError(UNSUPPORTED_MEDIA_TYPE, "Expects Content-Type to be application/json")
    try:
        found = json.loads(request.payload)
    except _NO_JSON as error:
        message = "POST body is empty. Expecting a JSON dictionary."
        if request.payload:
            message = f"POST body could not be decoded as JSON: {error}"
        raise InputError(BAD_REQUEST, message) from None
    if not isinstance(found, dict):
        raise InputError(BAD_REQUEST, "POST body should be a JSON dictionary.")
    return found
