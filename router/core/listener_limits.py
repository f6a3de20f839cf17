"""What the clients of one worker's listener may do: how large, how slow, how many.

turnout.yml has them under `data_plane` (config.py); who holds clients to them is
router/data_plane/.
"""

from msgspec import Struct


class ListenerLimits(Struct, frozen=True, kw_only=True):
    """The defaults are turnout.yml's.

    Attributes:
        max_payload_bytes: larger bodies are refused with 413.
        max_connections: of one worker; more are refused with 503.
        header_timeout_ms: from a request's first byte, or from connecting, to the end of
            its headers; then 408.
        body_timeout_ms: from one part of a body to the next, and for all of it unless 240
            bytes come each second; then 408.
        write_timeout_ms: how long a client may leave unread what it was sent.
        keep_alive_timeout_ms: how long a connection may stay open without a request.
    """

    max_payload_bytes: int = 16 * 1024 * 1024
    max_connections: int = 10_000
    header_timeout_ms: int = 10_000
    body_timeout_ms: int = 30_000
    write_timeout_ms: int = 60_000
    keep_alive_timeout_ms: int = 75_000
