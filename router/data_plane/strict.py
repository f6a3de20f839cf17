"""What a head must not say, though the parser lets it pass (RFC 9110 and 9112).

httptools refuses whatever makes it unclear where a request ends: both lengths, several of
them, signs, line ends and folds that are none. Left to this file is what is clear to it and
might not be to a proxy in front of us, or is of another protocol. Pure functions, used once
for each head that is not known yet.
"""

import re
from collections.abc import Mapping, Sequence

from router.data_plane import statuses
from router.data_plane.statuses import Status

HEADERS_MAX = 100
# Of 64 bits.
LENGTH_DIGITS_MAX = 20
# Those of HTTP itself; the parser knows RTSP's, too.
_METHODS = {b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PUT", b"TRACE"}
_VERSIONS = {"1.0", "1.1"}
# RFC 3986, 3.2.2 and 3.2.3: no user, no space.
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")

Objection = tuple[Status, str]


def objection(
    method: bytes,
    version: str,
    headers: Sequence[tuple[bytes, bytes]],
    values: Mapping[bytes, bytes],
) -> Objection | None:
    """Why a head is refused; None if it is not.

    Args:
        version: of HTTP, as "1.1".
        headers: all of them, names in lower case.
        values: of those that mean something to the router, among them host.
    """
    if version not in _VERSIONS:
        return statuses.VERSION_NOT_SUPPORTED, f"expected HTTP/1.1 or HTTP/1.0, got {version!r}"
    if method not in _METHODS:
        return statuses.METHOD_NOT_ALLOWED, f"expected POST, GET or OPTIONS, got {method!r}"
    return (
        _about_host(version, headers, values)
        or _about_length(values.get(b"content-length", b""))
        or _about_coding(version, values.get(b"transfer-encoding"))
        or _about_expect(version, values.get(b"expect"))
    )


def _about_host(
    version: str, headers: Sequence[tuple[bytes, bytes]], values: Mapping[bytes, bytes]
) -> Objection | None:
    """RFC 9112, 3.2: exactly one, from whoever speaks HTTP/1.1."""
    count = sum(name == b"host" for name, _ in headers)
    if count > 1 or (count == 0 and version == "1.1"):
        return statuses.BAD_REQUEST, f"expected one header Host, got {count}"
    host = values.get(b"host", b"")
    if not _HOST.fullmatch(host):
        return statuses.BAD_REQUEST, f"expected a host and port in the header Host, got {host!r}"
    return None


def _about_length(length: bytes) -> Objection | None:
    """Its digits are the parser's to check, who takes any number of zeros."""
    if len(length) > LENGTH_DIGITS_MAX:
        message = (
            f"expected a Content-Length of at most {LENGTH_DIGITS_MAX} digits, got {len(length)}"
        )
        return statuses.BAD_REQUEST, message
    return None


def _about_coding(version: str, coding: bytes | None) -> Objection | None:
    """RFC 9112, 6.1: what we don't undo we must not pass on as if we had."""
    if coding is None:
        return None
    if version == "1.0":
        return statuses.BAD_REQUEST, "expected no Transfer-Encoding in HTTP/1.0, got one"
    if coding.lower() != b"chunked":
        message = f"expected `Transfer-Encoding: chunked`, got {coding!r}"
        return statuses.NOT_IMPLEMENTED, message
    return None


def _about_expect(version: str, expected: bytes | None) -> Objection | None:
    """RFC 9110, 10.1.1; HTTP/1.0 knows no expectations."""
    if expected is None or version == "1.0" or expected.lower() == b"100-continue":
        return None
    return statuses.EXPECTATION_FAILED, f"expected `Expect: 100-continue`, got {expected!r}"
