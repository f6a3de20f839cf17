"""What the data plane answers over HTTP: every status line and error code, in one table.

The core names reasons (router.core.request.Reason); this file alone knows their numbers
(azure.md 4.3 and DESIGN.md's decisions).
"""

from msgspec import Struct

from router.core.request import Reason


class Status(Struct, frozen=True):
    """An HTTP status with the words that go with it.

    Attributes:
        line: status code and reason phrase, as in the first line of a response.
        code: the error body's code.
        headers: whole lines to add, each with its line end.
        passes: the same request may succeed a little later; clients are told when.
    """

    line: bytes
    code: str
    headers: bytes = b""
    passes: bool = False


def _model_error(reason: Reason) -> bytes:
    return b"ms-azureml-model-error-reason: " + reason.value.encode() + b"\r\n"


BY_REASON = {
    Reason.UNAUTHORIZED: Status(b"401 Unauthorized", "Unauthorized"),
    Reason.NO_TRAFFIC: Status(b"404 Not found", "NotFound"),
    Reason.UNKNOWN_DEPLOYMENT: Status(b"404 Not found", "NotFound"),
    Reason.TIMED_OUT: Status(b"408 Request timeout", "RequestTimeout"),
    Reason.MODEL_NOT_READY: Status(
        b"424 Model error", "ModelNotReady", _model_error(Reason.MODEL_NOT_READY)
    ),
    Reason.INSTANCE_LOST: Status(
        b"424 Model error", "ModelError", _model_error(Reason.INSTANCE_LOST)
    ),
    Reason.STOPPING: Status(b"503 Service Unavailable", "Stopping", passes=True),
    Reason.TOO_MANY_PENDING: Status(
        b"429 Too many pending requests",
        "TooManyPendingRequests",
        _model_error(Reason.TOO_MANY_PENDING),
        passes=True,
    ),
    Reason.RATE_LIMITED: Status(b"429 Rate-limited", "RateLimited", passes=True),
    Reason.TOO_MANY_CONNECTIONS: Status(
        b"429 Too many connections", "TooManyConnections", passes=True
    ),
}

BAD_REQUEST = Status(b"400 Bad Request", "BadRequest")
NOT_FOUND = Status(b"404 Not found", "NotFound")
METHOD_NOT_ALLOWED = Status(
    b"405 Method Not Allowed", "MethodNotAllowed", b"allow: GET, OPTIONS, POST\r\n"
)
REQUEST_TIMEOUT = Status(b"408 Request timeout", "RequestTimeout")
PAYLOAD_TOO_LARGE = Status(b"413 Payload Too Large", "PayloadTooLarge")
EXPECTATION_FAILED = Status(b"417 Expectation Failed", "ExpectationFailed")
URI_TOO_LONG = Status(b"414 URI Too Long", "UriTooLong")
HEADERS_TOO_LARGE = Status(b"431 Request Header Fields Too Large", "HeadersTooLarge")
INTERNAL_ERROR = Status(b"500 Internal server error", "InternalServerError")
NOT_IMPLEMENTED = Status(b"501 Not Implemented", "NotImplemented")
OVERLOADED = Status(b"503 Service Unavailable", "Overloaded", b"retry-after: 1\r\n")
VERSION_NOT_SUPPORTED = Status(b"505 HTTP Version Not Supported", "HttpVersionNotSupported")
