"""The stream: what one gRPC call to an instance carries, out and in, from its begin to its end.

When calls are made, and what it means that one has ended, is upstream.py's; what is sent when,
the core's.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import grpc

from router.core.request import Answer
from router.data_plane.columns import answers_of
from turnout.scoring.v1.scoring_pb2 import AnswerBatch

Call: TypeAlias = "grpc.aio.StreamStreamCall[bytes, AnswerBatch]"

log = logging.getLogger(__name__)


class Stream:
    """One of an instance's streams; it outlives the calls that carry it.

    Args:
        name: for the log.
        on_answers: gets what an instance's message holds.

    Attributes:
        has_answered: an answer has come since the present call began.
    """

    def __init__(self, name: str, on_answers: Callable[[Sequence[Answer]], None]) -> None:
        self.has_answered = False
        self._name = name
        self._on_answers = on_answers
        self._unsent: list[bytes] = []
        self._in_parts: deque[Iterator[bytes]] = deque()
        self._to_send = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Sends a RequestBatch, ahead of all parts that are not sent yet."""
        self._unsent.append(message)
        self._to_send.set()

    def put_parts(self, parts: Iterator[bytes]) -> None:
        """Sends such that are made one by one, each when the one before is on its way."""
        self._in_parts.append(parts)
        self._to_send.set()

    def reset(self) -> None:
        """The call has ended: what is unsent was meant for it, and was sent elsewhere."""
        self._unsent.clear()
        self._in_parts.clear()
        self.has_answered = False

    def exchange(self, call: Call) -> "asyncio.Task[None]":
        """Reads and writes until the call ends, by whomever; then the task is done."""
        return asyncio.create_task(self._exchange(call), name=self._name)

    async def _exchange(self, call: Call) -> None:
        writer = asyncio.create_task(self._write(call))
        try:
            while isinstance(batch := await call.read(), AnswerBatch):
                self.has_answered = True
                self._on_answers(answers_of(batch))
        except grpc.aio.AioRpcError:
            pass
        except Exception:
            # Whatever it was: a stream that nobody reads must count as lost.
            log.exception("what comes by the %s is read no more", self._name)
        finally:
            writer.cancel()
            call.cancel()
            # Not ``await writer``: its end by cancellation looks like an end of our own.
            await asyncio.wait({writer})

    async def _write(self, call: Call) -> None:
        try:
            while True:
                await self._to_send.wait()
                self._to_send.clear()
                while messages := self._take_unsent():
                    for message in messages:
                        await call.write(message)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The call has ended; its reading side ends the exchange.
            call.cancel()
        except Exception:
            # Likewise one that nobody writes.
            log.exception("the %s is given up", self._name)
            call.cancel()

    def _take_unsent(self) -> list[bytes]:
        """Everything that is whole, and one part."""
        messages, self._unsent = self._unsent, []
        while self._in_parts:
            part = next(self._in_parts[0], None)
            if part is not None:
                messages.append(part)
                break
            self._in_parts.popleft()
        return messages
