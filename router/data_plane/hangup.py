"""Tells a client that has gone from one that has only said all it had to say.

Both look the same at first: the end of what is read. But who has gone answers the next bytes
with a reset. So an interim response is sent, which clients skip (RFC 9110, 15.2), and the
state of the socket says after a moment which of the two it is.
"""

import asyncio
import socket

PROBE = b"HTTP/1.1 102 Processing\r\n\r\n"
# Of TCP_INFO's first byte: nothing comes or goes any more.
_TCP_CLOSE = 7
_FIRST_LOOK_S, _LOOKS_MAX_S = 0.02, 1.0


def watch(transport: asyncio.Transport) -> None:
    """Cuts the connection as soon as it turns out that its client has gone."""
    _look_later(transport, _FIRST_LOOK_S)


def _look_later(transport: asyncio.Transport, delay_s: float) -> None:
    asyncio.get_running_loop().call_later(delay_s, _look, transport, delay_s)


def _look(transport: asyncio.Transport, delay_s: float) -> None:
    if transport.is_closing():
        return
    sock = transport.get_extra_info("socket")
    if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE:
        transport.abort()
    else:
        _look_later(transport, min(2 * delay_s, _LOOKS_MAX_S))
