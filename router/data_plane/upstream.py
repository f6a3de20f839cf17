"""The upstream: one instance as a worker reaches it, by two long-lived gRPC streams.

It turns batches of requests into messages, and keeps the streams alive: when one breaks, it
says that the instance is lost and tries again until it is closed. What is sent when is not
decided here.

Large bodies have a stream of their own. In one with all the others, what was sent behind a
part would be read behind it, too: gRPC takes in some megabytes ahead of who reads them.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Protocol

import grpc

from router.core.lane import LARGE_BYTES_MIN
from router.core.request import Answer, Request
from router.data_plane.forwarding import Forwarding
from router.data_plane.request_ids import RequestIds
from router.data_plane.stream import Call, Stream
from turnout.scoring.v1.scoring_pb2 import DESCRIPTOR, AnswerBatch, Flow, RequestBatch

RECONNECT_MS_MIN = 20
RECONNECT_MS_MAX = 1000
# An instance that ends ends both streams, each behind its last answer. So long one is listened to
# when the other has ended, while what that one still had to answer, and is sent yet, waits.
LAST_ANSWERS_S = 1.0
_METHOD = f"/{DESCRIPTOR.services_by_name['Scoring'].full_name}/Stream"
# Payloads are bounded by the listener; gRPC's own limit of 4 MB would be a second rule.
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # gRPC's own waits between tries to connect; by default they grow to two minutes.
    ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS_MIN),
    ("grpc.min_reconnect_backoff_ms", RECONNECT_MS_MIN),
    ("grpc.max_reconnect_backoff_ms", RECONNECT_MS_MAX),
)


class Owner(Protocol):
    """Who is told what becomes of the instance."""

    def on_answers(self, instance_id: str, answers: Iterable[Answer]) -> None:
        """Answers have come."""

    def on_connected(self, instance_id: str) -> None:
        """The instance can be reached; requests may be sent."""

    def on_lost(self, instance_id: str) -> None:
        """A stream broke; what was outstanding will not be answered."""


class Upstream:
    """The streams to one instance. Make it, ``start`` it, ``close`` it."""

    def __init__(self, instance_id: str, target: str, owner: Owner, ids: RequestIds) -> None:
        self.instance_id = instance_id
        self.connected = asyncio.Event()
        self._target = target
        self._owner = owner
        self._forwarding = Forwarding(ids)
        self._small = Stream(
            f"small stream to {instance_id}", partial(owner.on_answers, instance_id)
        )
        self._large = Stream(f"large stream to {instance_id}", self._on_large_answers)
        # Numbers of the requests that the large stream has to answer.
        self._at_large: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to connect."""
        self._task = asyncio.create_task(self._run(), name=f"upstream {self.instance_id}")

    async def close(self) -> None:
        """Ends the streams; answers still outstanding are given up."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def send(self, batch: Sequence[Request], now_ns: int) -> None:
        """Sends the batch as one message; a large request, which comes alone, in parts."""
        if len(batch[0].payload) >= LARGE_BYTES_MIN:
            (request,) = batch
            self._at_large.add(request.id)
            self._large.put_parts(self._forwarding.to_parts(request, now_ns))
        else:
            self._small.put(self._forwarding.to_message(batch, now_ns))

    def steer(self, flow: Flow) -> None:
        """Says how a streamed answer is to go on."""
        stream = self._large if flow.id in self._at_large else self._small
        stream.put(RequestBatch(flows=[flow]).SerializeToString())

    def _on_large_answers(self, answers: Sequence[Answer]) -> None:
        self._at_large.difference_update(answer.id for answer in answers if not answer.more)
        self._owner.on_answers(self.instance_id, answers)

    async def _run(self) -> None:
        delay_ms = RECONNECT_MS_MIN
        async with grpc.aio.insecure_channel(self._target, options=_OPTIONS) as channel:
            while True:
                await channel.channel_ready()
                calls = [_call(channel) for _ in (self._small, self._large)]
                if await self._are_open(calls):
                    self.connected.set()
                    self._owner.on_connected(self.instance_id)
                    await self._exchange(*calls)
                    if self._small.has_answered or self._large.has_answered:
                        delay_ms = RECONNECT_MS_MIN
                    self.connected.clear()
                    self._owner.on_lost(self.instance_id)
                    self._small.reset()
                    self._large.reset()
                    self._at_large.clear()
                for call in calls:
                    call.cancel()
                await asyncio.sleep(delay_ms / 1000)
                delay_ms = min(delay_ms * 2, RECONNECT_MS_MAX)

    async def _are_open(self, calls: Sequence[Call]) -> bool:
        """Waits until the instance has said what it wants to be sent: its script is loaded."""
        try:
            for call in calls:
                self._forwarding.read_wishes(await call.initial_metadata())
        except grpc.aio.AioRpcError:
            return False
        return not any(call.done() for call in calls)

    async def _exchange(self, small: Call, large: Call) -> None:
        """Returns when both streams have ended, as they do when one breaks."""
        both = small_ends, _ = self._small.exchange(small), self._large.exchange(large)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if self._at_large or not small_ends.done():
                await asyncio.wait(both, timeout=LAST_ANSWERS_S)
        finally:
            # Either ends with its call.
            small.cancel()
            large.cancel()
            await asyncio.wait(both)


def _call(channel: grpc.aio.Channel) -> Call:
    # As the generated stub makes it, but that messages are bytes when they come here.
    return channel.stream_stream(_METHOD, response_deserializer=AnswerBatch.FromString)()
