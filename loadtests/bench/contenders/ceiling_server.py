"""The least that a Python HTTP server can do: uvloop and httptools, one fixed answer.

Not a router. What it reaches is the ceiling of one core for whatever is built on the two.
"""

import asyncio
import sys
from typing import cast

import httptools
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"


class Fixed(asyncio.Protocol):
    """A client; each of its requests is parsed, and answered alike."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        # uvloop's transports don't inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._transport.write(self._answer)


async def serve(port: int, body: bytes) -> None:
    """Until the process is ended."""
    answer = ANSWER % (len(body), body)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Fixed(answer), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2].encode()))
