"""The listener: accepts connections, and stops without losing a request that was taken.

What happens on one connection is connection.py's.
"""

import asyncio
import contextlib
import socket
import struct

from router.core.dispatcher import Dispatcher
from router.core.listener_limits import ListenerLimits
from router.data_plane.connection import Connection
from router.data_plane.engine import now_ns
from router.data_plane.known_heads import KnownHeads
from router.data_plane.replies import Replies
from router.data_plane.request_ids import RequestIds
from router.data_plane.tls import Certificate, Handshakes
from router.data_plane.traffic_log import TrafficLog

BACKLOG = 1024
SECOND_S = 1.0
HANDSHAKE_TIMEOUT_S = 10.0
SHAKEN_POLL_S = 0.02
# A queue that others fill faster than it is emptied here is left to them.
ACCEPT_TIMEOUT_S = 1.0
# For who takes in slowly that the router ends.
LAST_ANSWERS_S = 1.0
# tcpi_unacked of struct tcp_info: of a listening socket, how many wait to be accepted.
_WAITING = struct.Struct("=24xI")


class Listener:
    """HTTP/1.1 on one address, shared with other workers through SO_REUSEPORT.

    Args:
        dispatcher: takes the requests.
        request_ids: names them to clients.
        limits: what clients may do.
        traffic_log: gets a line for each request; None for no log.
        certificate: to serve with; None for plain HTTP.
    """

    _socket: socket.socket

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
        self._handshakes = Handshakes(lambda: Connection(self))
        self._server: asyncio.Server | None = None
        self._second: asyncio.TimerHandle | None = None
        self._all_closed = asyncio.Event()

    async def open(self, host: str, port: int) -> int:
        """Begins to accept; returns the port, which is a free one if ``port`` is 0.

        Raises:
            OSError: the address can't be had.
        """
        sock = _bind(host, port)
        await self.open_on(sock)
        return int(sock.getsockname()[1])

    async def open_on(self, sock: socket.socket) -> None:
        """Begins to accept from a bound socket, which others may listen on as well."""
        loop = asyncio.get_running_loop()
        sock.setblocking(False)  # noqa: FBT003 - the socket module's own signature
        self._socket = sock
        if self._certificate is None:
            self._server = await loop.create_server(
                lambda: Connection(self), sock=sock, backlog=BACKLOG
            )
        else:
            self._server = await loop.create_server(
                self._handshakes.begin,
                sock=sock,
                backlog=BACKLOG,
                ssl=self._certificate.context,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
            )
        self._on_second()

    async def drain(self, timeout_s: float, idle_grace_s: float = 0.0) -> int:
        """Stops accepting and waits until each connection has its answers.

        Args:
            idle_grace_s: how long a client that waits for no answer may still ask for one;
                none of it is waited for when all clients are gone.

        Returns:
            How many connections still waited when the time was over. Nothing more is taken
            from them; each ends with the answer to what was taken, if there is one before
            ``close``.
        """
        ends = asyncio.get_running_loop().time() + timeout_s
        self.draining = True
        for connection in list(self.connections):
            connection.drain()
        server, self._server = self._server, None
        if server is not None:
            await self._accept_waiting()
            server.close()
        known, are_coming = set(self.connections), bool(self._handshakes)
        await self._pause(idle_grace_s, ends)
        for connection in known & self.connections:
            connection.end()
        if are_coming:
            # They have their grace from when they can ask.
            await self._until_shaken(ends)
            await self._pause(idle_grace_s, ends)
            for connection in list(self.connections):
                connection.end()
        await self._until_closed(ends)
        waiting = list(self.connections)
        for connection in waiting:
            connection.give_up()
        self._handshakes.give_up()
        return len(waiting)

    async def close(self) -> None:
        """Lets clients have what they were answered last, cuts the others; ends the log.

        To be called when it has drained and whatever was unanswered then is refused.
        """
        await self._until_closed(asyncio.get_running_loop().time() + LAST_ANSWERS_S)
        for connection in list(self.connections):
            connection.abort()
        # Each is told in the next turn, and only then has a line in the log.
        await asyncio.sleep(0)
        if self._second is not None:
            self._second.cancel()
        if self.traffic_log is not None:
            await self.traffic_log.close()

    def on_closed(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        if not self.connections:
            self._all_closed.set()

    async def _accept_waiting(self) -> None:
        """Takes in the connections that the kernel has accepted already."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ACCEPT_TIMEOUT_S):
                # Each turn of the loop accepts them; nothing tells when there are none.
                while _count_waiting(self._socket):  # noqa: ASYNC110
                    await asyncio.sleep(0)
        # The last one is told to its protocol in the turn after.
        await asyncio.sleep(0)

    async def _pause(self, seconds: float, ends: float) -> None:
        await self._until_closed(min(ends, asyncio.get_running_loop().time() + seconds))

    async def _until_shaken(self, when: float) -> None:
        """Until no client is in its handshake; each has HANDSHAKE_TIMEOUT_S at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(when):
                # Nothing tells when the last one is dropped.
                while self._handshakes:  # noqa: ASYNC110
                    await asyncio.sleep(SHAKEN_POLL_S)

    async def _until_closed(self, when: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(when):
                while self.connections:
                    self._all_closed.clear()
                    await self._all_closed.wait()

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
    except OSError:
        sock.close()
        raise
    return sock


def _count_waiting(listening: socket.socket) -> int:
    info = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _WAITING.size)
    return int(_WAITING.unpack(info)[0])
