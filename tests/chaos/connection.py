"""One client's connection: an HTTP client that sends one request after the other over it.

It knows the port of its end, by which the story tells whose connection it was, and can be broken
in the middle of anything.
"""

import asyncio
import contextlib
import socket
import struct
import time

import aiohttp

from tests.chaos.requests import Asked, Ended, How, Over

# Longer than anything may stand still: what has no answer then is lost.
UNANSWERED_S = 60.0
DEPLOYMENT = "azureml-model-deployment"
# On, for no time: what closes then sends RST.
RESET = struct.pack("ii", 1, 0)


class Connection:
    """A connection to the data plane; it is made anew when it has ended.

    Args:
        url: where requests go.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._socket: socket.socket | None = None
        self._port = 0
        self._opened_s = self._connected_s = self._used_s = 0.0
        self._idle_s = 0.0
        self._is_broken = False
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, asked: Asked) -> Ended:
        """Sends a request and waits for its end, whatever that is."""
        headers = {"Authorization": f"Bearer {asked.key}", "Content-Type": "application/json"}
        if asked.pinned is not None:
            headers[DEPLOYMENT] = asked.pinned
        self._idle_s = asked.sent_s - self._used_s
        try:
            post = self._get_session().post(self._url, data=asked.body, headers=headers)
            async with post as answer:
                body = await answer.read()
                name = answer.headers.get(DEPLOYMENT, "")
                return self._ended(How.ANSWERED, answer.status, name, body)
        except aiohttp.ClientConnectorError as error:
            self._port, self._connected_s = 0, time.monotonic()
            # Reset: the kernel had made it, and who listened died before we heard of it.
            reset = isinstance(error.os_error, ConnectionResetError)
            return self._ended(How.BROKEN if reset else How.REFUSED, words=repr(error.os_error))
        except TimeoutError:
            return self._ended(How.UNANSWERED)
        except (aiohttp.ClientError, OSError) as error:
            how = How.ABANDONED if self._is_broken else How.BROKEN
            return self._ended(how, words=repr(error))

    def break_off(self, *, reset: bool) -> None:
        """Breaks it now, whatever is in flight: with RST, or with FIN."""
        is_being_made = self._connected_s < self._opened_s
        if self._socket is None or self._socket.fileno() < 0 or is_being_made:
            return
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        # Broken already: then it is not we who break it.
        with contextlib.suppress(OSError):
            # Our end reads that nothing more will come, and closes.
            self._socket.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
            self._is_broken = True

    async def close(self) -> None:
        """Ends it; nothing may be in flight. The next request opens another."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _get_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connected = aiohttp.TraceConfig()
            connected.on_connection_create_end.append(self._on_connected)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=1, socket_factory=self._make_socket),
                timeout=aiohttp.ClientTimeout(UNANSWERED_S),
                trace_configs=[connected],
            )
        return self._session

    def _make_socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, *_ = address
        self._socket = socket.socket(family, kind, protocol)
        self._is_broken = False
        self._opened_s = time.monotonic()
        self._idle_s = 0.0
        return self._socket

    async def _on_connected(self, *_: object) -> None:
        assert self._socket is not None
        self._port = self._socket.getsockname()[1]
        self._connected_s = time.monotonic()

    def _ended(
        self, how: How, status: int = 0, deployment: str = "", body: bytes = b"", words: str = ""
    ) -> Ended:
        over = Over(self._port, self._opened_s, self._connected_s, self._idle_s)
        self._used_s = time.monotonic()
        return Ended(how, self._used_s, over, status, deployment, body, words)


async def send_half(host: str, port: int, head: bytes) -> None:
    """Opens a connection of its own, sends the beginning of a request, and resets it."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.write(head)
    writer.transport.abort()
