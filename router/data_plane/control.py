"""The worker's control socket: takes the control plane's commands (worker_protocol.py).

The worker listens and the control plane connects, so that a control plane that was
restarted finds the workers that run. Commands on one connection run side by side; their
replies carry their numbers.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from router.core.worker_protocol import (
    FRAME_BYTES_MAX,
    LENGTH_BYTES,
    Command,
    Failed,
    Reply,
    ReplyFrame,
    decode_command,
    encode_frame,
)

log = logging.getLogger(__name__)

Handler = Callable[[Command], Awaitable[Reply]]


class ControlSocket:
    """A Unix socket that only the daemon's user can open."""

    def __init__(self, path: Path, handle: Handler) -> None:
        self._path = path
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._links: dict[asyncio.StreamWriter, asyncio.Event] = {}

    async def open(self) -> None:
        """Begins to listen. A socket file that a dead worker left is replaced."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        self._path.chmod(0o600)

    async def close(self) -> None:
        """Stops listening and gives up commands that are still running."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer, ended in list(self._links.items()):
            writer.close()
            await ended.wait()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = self._links[writer] = asyncio.Event()
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
                if length > FRAME_BYTES_MAX:
                    log.error("expected a frame of at most %d bytes", FRAME_BYTES_MAX)
                    return
                frame = decode_command(await reader.readexactly(length))
                task = asyncio.create_task(self._answer(frame.number, frame.body, writer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (asyncio.IncompleteReadError, ConnectionError):
            # The control plane is gone; another one will connect.
            pass
        except msgspec.DecodeError as error:
            log.error("expected a command, got: %s", error)  # noqa: TRY400 - no traceback needed
        finally:
            writer.close()
            del self._links[writer]
            ended.set()

    async def _answer(self, number: int, command: Command, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await self._handle(command)
        except Exception as error:
            log.exception("command %s failed", type(command).__name__)
            reply = Failed(f"{type(error).__name__}: {error}")
        writer.write(encode_frame(ReplyFrame(number, reply)))
