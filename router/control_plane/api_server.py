"""Where the control plane's API listens: plain HTTP, and HTTPS for who speaks nothing else."""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from socket import socket
from typing import NamedTuple

import msgspec
from aiohttp import web

from router.control_plane.layout import StateFolder
from router.control_plane.ports import listen
from router.control_plane.tls import server_context
from router.core.config import ControlPlaneSettings
from router.core.errors import TurnoutError

TLS_PORT = 8443
# For requests that wait for an operation.
SHUTDOWN_S = 1.0


class Listener(NamedTuple):
    """A socket that listens for the API, with TLS or without."""

    socket: socket
    tls: ssl.SSLContext | None


def open_listeners(settings: ControlPlaneSettings, folder: StateFolder) -> list[Listener]:
    """Plain HTTP, and HTTPS unless it is off; what listens is closed again if one can't.

    Raises:
        TurnoutError: one can't.
    """
    plain = Listener(listen(settings.host, settings.port, "control_plane"), None)
    tls_port = settings.tls_port
    if isinstance(tls_port, msgspec.UnsetType):
        tls_port = TLS_PORT if settings.port else 0
    if tls_port is None:
        return [plain]
    try:
        secure = listen(settings.host, tls_port, "control_plane", "tls_port")
    except TurnoutError:
        plain.socket.close()
        raise
    return [plain, Listener(secure, server_context(folder.tls, settings.host))]


@asynccontextmanager
async def serving(app: web.Application, listeners: Sequence[Listener]) -> AsyncIterator[None]:
    """Answers on the listeners meanwhile."""
    runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        for listener in listeners:
            await web.SockSite(runner, listener.socket, ssl_context=listener.tls).start()
        yield
    finally:
        await runner.cleanup()
