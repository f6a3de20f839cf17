"""The listener: accepts connections, and stops without losing a request that was taken.

What happens on one connection is connection.py's.
"""

import asyncio
import socket

from router.core.dispatcher import Dispatcher
from router.core.listener_limits import ListenerLimits
from router.data_plane.connection import Connection
from router.data_plane.engine import now_ns
from router.data_plane.known_heads import KnownHeads
from router.data_plane.replies import Replies
from router.data_plane.request_ids import RequestIds
from router.data_plane.tls import Certificate
from router.data_plane.traffic_log import TrafficLog

BACKLOG = 1024
SECOND_S = 1.0
HANDSHAKE_TIMEOUT_S = 10.0


class Listener:
    """HTTP/1.1 on one address, shared with other workers through SO_REUSEPORT.

    Args:
        dispatcher: takes the requests.
        request_ids: names them to clients.
        limits: what clients may do.
        traffic_log: gets a line for each request; None for no log.
        certificate: to serve with; None for plain HTTP.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        request_ids: RequestIds,
        limits: ListenerLimits,
        traffic_log: TrafficLog | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        self._certificate = certificate
        self.traffic_log = traffic_log
        self.dispatcher = dispatcher
        self.limits = limits
        self.replies = Replies(request_ids)
        self.known_heads = KnownHeads()
        self.connections: set[Connection] = set()
        self.draining = False
        self._server: asyncio.Server | None = None
        self._second: asyncio.TimerHandle | None = None
        self._all_closed = asyncio.Event()

    async def open(self, host: str, port: int) -> int:
        """Begins to accept; returns the port, which is a free one if ``port`` is 0.

        Raises:
            OSError: the address can't be had.
        """
        loop = asyncio.get_running_loop()
        sock = _bind(host, port)
        self._server = await loop.create_server(
            lambda: Connection(self),
            sock=sock,
            backlog=BACKLOG,
            ssl=None if self._certificate is None else self._certificate.context,
            ssl_handshake_timeout=None if self._certificate is None else HANDSHAKE_TIMEOUT_S,
        )
        self._on_second()
        return int(sock.getsockname()[1])

    async def drain(self, timeout_s: float) -> int:
        """Stops accepting and waits until each connection has its answers.

        Returns:
            How many connections still waited when the time was over, and were cut.
        """
        self.draining = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.drain()
        try:
            async with asyncio.timeout(timeout_s):
                while self.connections:
                    self._all_closed.clear()
                    await self._all_closed.wait()
        except TimeoutError:
            pass
        if self._second is not None:
            self._second.cancel()
        cut = list(self.connections)
        for connection in cut:
            connection.abort()
        if self.traffic_log is not None:
            await self.traffic_log.close()
        return len(cut)

    def on_closed(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        if not self.connections:
            self._all_closed.set()

    def _on_second(self) -> None:
        self.replies.on_second()
        if self.traffic_log is not None:
            self.traffic_log.on_second()
        if self._certificate is not None:
            self._certificate.on_second()
        now = now_ns()
        for connection in list(self.connections):
            connection.look(now)
        self._second = asyncio.get_running_loop().call_later(SECOND_S, self._on_second)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
        sock.setblocking(False)  # noqa: FBT003 - the socket module's own signature
    except OSError:
        sock.close()
        raise
    return sock
