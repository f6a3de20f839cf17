"""The headers that a scoring script sets, on their way to the client.

What a script says must not end the header, nor break the answers beside it, nor speak for
the router: lines of those kinds are left out or cleaned.
"""

from collections.abc import Iterable
from functools import lru_cache

from turnout.scoring.v1.scoring_pb2 import Header

# RFC 9110's token characters.
_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
# About this connection (RFC 9110, 7.6.1) or about the body's end, which the router knows.
_CONNECTION = {
    "connection", "content-length", "keep-alive", "proxy-authenticate", "proxy-connection",
    "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
# What the router says itself (azure.md 4.2 and 7.4).
_OURS = {
    "azureml-model-deployment", "content-type", "date", "ms-azureml-model-error-reason",
    "ms-azureml-model-error-statuscode", "server", "traceid", "x-ms-client-request-id",
    "x-ms-request-id", "x-ms-run-fn-exec-ms", "x-ms-run-function-failed",
    "x-ms-server-version", "x-request-id",
}  # fmt: skip
_LEFT_OUT = _CONNECTION | _OURS
_LINE_ENDS = b"\r\n\0"
CONTENT_TYPES_KNOWN_MAX = 64


def script_lines(headers: Iterable[Header]) -> bytes:
    """Header lines, each with its line end."""
    lines = b""
    for header in headers:
        name = header.name.lower()
        if name not in _LEFT_OUT and _is_token(name):
            lines += b"%s: %s\r\n" % (name.encode(), header.value.translate(None, _LINE_ENDS))
    return lines


@lru_cache(maxsize=CONTENT_TYPES_KNOWN_MAX)
def content_type_line(content_type: str) -> bytes:
    """The header line of a media type; nothing for an answer without one."""
    if not content_type:
        return b""
    value = content_type.encode("latin-1", "replace").translate(None, _LINE_ENDS)
    return b"content-type: %s\r\n" % value


def _is_token(name: str) -> bool:
    return bool(name) and name.isascii() and _TOKEN.issuperset(name.encode())
