"""The ids that clients give their requests, and get back (azure.md 4.2 and 7.4)."""

import re
from collections.abc import Mapping

LEGACY_ID, CLIENT_ID, TRACE_ID = b"x-ms-request-id", b"x-ms-client-request-id", b"traceid"
ECHOED = {LEGACY_ID, CLIENT_ID, TRACE_ID}
CLIENT_ID_CHARACTERS_MAX = 40
_NOT_IN_CLIENT_ID = re.compile(rb"[^A-Za-z0-9_-]")


def echo_of(headers: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """x-ms-request-id of the answer, and the header lines that go back with it.

    The older header stood for the newer one, and still does (azure.md 7.4).
    """
    legacy_id, client_id = (_clean(headers.get(name, b"")) for name in (LEGACY_ID, CLIENT_ID))
    lines = b""
    if client_id or legacy_id:
        lines = b"x-ms-client-request-id: %s\r\n" % (client_id or legacy_id)
    if TRACE_ID in headers:
        lines += b"TraceId: %s\r\n" % headers[TRACE_ID]
    return legacy_id or client_id, lines


def _clean(client_id: bytes) -> bytes:
    """What azure.md 4.2 lets a client's own id consist of."""
    if not client_id:
        return b""
    return _NOT_IN_CLIENT_ID.sub(b"", client_id)[:CLIENT_ID_CHARACTERS_MAX]
