"""One connection to one worker's control socket: numbered calls and their replies."""

import asyncio
import contextlib
from pathlib import Path
from typing import TypeVar

from router.core.worker_protocol import (
    LENGTH_BYTES,
    Command,
    CommandFrame,
    Failed,
    Reply,
    decode_reply,
    encode_frame,
)

CONNECT_RETRY_S = 0.02
LATE_S = 0.5

R = TypeVar("R", bound=Reply)


class WorkerLost(Exception):
    """The worker is gone, hangs or refused a command; another takes its place."""


class WorkerLink:
    """A connection; made by ``connect``. Several calls may be under way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._last_number = 0
        self._replies: dict[int, asyncio.Future[Reply]] = {}
        self._task = asyncio.create_task(self._read(), name="replies of a worker")

    @classmethod
    async def connect(cls, socket: Path) -> "WorkerLink":
        """Connects, as soon as the worker listens."""
        while True:
            try:
                return cls(*await asyncio.open_unix_connection(str(socket)))
            except (FileNotFoundError, ConnectionRefusedError):
                # Nothing tells when a socket appears; the caller bounds the wait.
                await asyncio.sleep(CONNECT_RETRY_S)

    async def call(self, command: Command, expected: type[R], timeout_s: float) -> R:
        """Sends a command and returns its reply.

        Raises:
            WorkerLost: no reply, in time or at all, or another one than ``expected``.
        """
        if self._task.done():
            raise WorkerLost("the connection is closed")
        self._last_number = number = self._last_number + 1
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        self._writer.write(encode_frame(CommandFrame(number, command)))
        try:
            await asyncio.wait({reply}, timeout=timeout_s)
            # If it was this process that stood still, the reply has only not been read yet.
            await asyncio.wait({reply}, timeout=LATE_S)
            if not reply.done():
                name = type(command).__name__
                raise WorkerLost(f"no reply to {name} within {timeout_s:.0f} s")
            answer = await reply
        finally:
            self._replies.pop(number, None)
        if isinstance(answer, Failed):
            raise WorkerLost(answer.message)
        assert isinstance(answer, expected), answer
        return answer

    async def close(self) -> None:
        """Closes the connection; the worker runs on."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _read(self) -> None:
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
                frame = decode_reply(await self._reader.readexactly(length))
                reply = self._replies.get(frame.number)
                if reply is not None and not reply.done():
                    reply.set_result(frame.body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for reply in self._replies.values():
                if not reply.done():
                    reply.set_exception(WorkerLost("the connection broke"))
            self._writer.close()
