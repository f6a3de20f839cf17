"""The upstream: one long-lived gRPC stream from this worker to one instance.

It turns batches of requests into messages and messages into answers, and keeps the stream
alive: when it breaks, it says so and tries again until it is closed. What is sent when is
not decided here.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeAlias

import grpc

from router.core.request import Answer, Request
from router.data_plane.forwarding import PART_BYTES, Forwarding
from router.data_plane.request_ids import RequestIds
from turnout.scoring.v1.scoring_pb2 import AnswerBatch, Flow, RequestBatch
from turnout.scoring.v1.scoring_pb2_grpc import ScoringStub

RECONNECT_MS_MIN = 20
RECONNECT_MS_MAX = 1000
# Payloads are bounded by the listener; gRPC's own limit of 4 MB would be a second rule.
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # gRPC's own waits between tries to connect; by default they grow to two minutes.
    ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS_MIN),
    ("grpc.min_reconnect_backoff_ms", RECONNECT_MS_MIN),
    ("grpc.max_reconnect_backoff_ms", RECONNECT_MS_MAX),
)

_Call: TypeAlias = "grpc.aio.StreamStreamCall[RequestBatch, AnswerBatch]"

log = logging.getLogger(__name__)


class Owner(Protocol):
    """Who is told what becomes of the stream."""

    def on_answers(self, instance_id: str, answers: Iterable[Answer]) -> None:
        """Answers have come."""

    def on_connected(self, instance_id: str) -> None:
        """The instance can be reached; requests may be sent."""

    def on_lost(self, instance_id: str) -> None:
        """The stream broke; what was outstanding will not be answered."""


class Upstream:
    """The stream to one instance. Make it, ``start`` it, ``close`` it."""

    def __init__(self, instance_id: str, target: str, owner: Owner, ids: RequestIds) -> None:
        self.instance_id = instance_id
        self.connected = asyncio.Event()
        self._target = target
        self._owner = owner
        self._forwarding = Forwarding(ids)
        self._unsent: list[RequestBatch] = []
        self._large: deque[Iterator[RequestBatch]] = deque()
        self._to_send = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to connect."""
        self._task = asyncio.create_task(self._run(), name=f"upstream {self.instance_id}")

    async def close(self) -> None:
        """Ends the stream; answers still outstanding are given up."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def send(self, batch: Sequence[Request], now_ns: int) -> None:
        """Sends the batch as one message; a large request in parts, which others may pass."""
        if len(batch) == 1 and len(batch[0].payload) > PART_BYTES:
            self._large.append(self._forwarding.to_parts(batch[0], now_ns))
            self._to_send.set()
        else:
            self._put(self._forwarding.to_message(batch, now_ns))

    def steer(self, flow: Flow) -> None:
        """Says how a streamed answer is to go on."""
        self._put(RequestBatch(flows=[flow]))

    def _put(self, message: RequestBatch) -> None:
        self._unsent.append(message)
        self._to_send.set()

    async def _run(self) -> None:
        delay_ms = RECONNECT_MS_MIN
        async with grpc.aio.insecure_channel(self._target, options=_OPTIONS) as channel:
            while True:
                await channel.channel_ready()
                call = ScoringStub(channel).Stream()
                if await self._is_open(call):
                    # What was unsent belongs to the broken stream and was sent elsewhere.
                    self._unsent.clear()
                    self._large.clear()
                    self.connected.set()
                    self._owner.on_connected(self.instance_id)
                    if await self._exchange(call):
                        delay_ms = RECONNECT_MS_MIN
                    self.connected.clear()
                    self._owner.on_lost(self.instance_id)
                await asyncio.sleep(delay_ms / 1000)
                delay_ms = min(delay_ms * 2, RECONNECT_MS_MAX)

    async def _is_open(self, call: _Call) -> bool:
        """Waits until the instance has said what it wants to be sent: its script is loaded."""
        try:
            wishes = await call.initial_metadata()
        except grpc.aio.AioRpcError:
            return False
        self._forwarding.read_wishes(wishes)
        return not call.done()

    async def _exchange(self, call: _Call) -> bool:
        """Reads and writes until the stream breaks; tells whether it ever gave an answer."""
        writer = asyncio.create_task(self._write(call))
        answered = False
        try:
            while isinstance(batch := await call.read(), AnswerBatch):
                answered = True
                self._owner.on_answers(self.instance_id, batch.answers)
        except grpc.aio.AioRpcError:
            pass
        except Exception:
            # Whatever it was: a stream that nobody reads must count as lost.
            log.exception("the stream to instance %s is given up", self.instance_id)
        finally:
            writer.cancel()
            call.cancel()
            # Not ``await writer``: its end by cancellation looks like an end of our own.
            await asyncio.wait({writer})
        return answered

    async def _write(self, call: _Call) -> None:
        try:
            while True:
                await self._to_send.wait()
                self._to_send.clear()
                while messages := self._take_unsent():
                    for message in messages:
                        await call.write(message)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The stream broke; its reading side ends _exchange.
            call.cancel()

    def _take_unsent(self) -> list[RequestBatch]:
        """Everything that is small, and one part of what is large."""
        messages, self._unsent = self._unsent, []
        while self._large:
            part = next(self._large[0], None)
            if part is not None:
                messages.append(part)
                break
            self._large.popleft()
        return messages
