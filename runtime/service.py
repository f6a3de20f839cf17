"""The gRPC side of an instance: turnout.scoring.v1.Scoring, health and reflection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Protocol

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from runtime import columns
from runtime.parts import Parts
from runtime.request import Request
from runtime.sink import Sink
from turnout.scoring.v1 import scoring_pb2
from turnout.scoring.v1.scoring_pb2 import (
    AnswerBatch,
    Flow,
    RequestBatch,
    ScoreAnswer,
    ScoreRequest,
)
from turnout.scoring.v1.scoring_pb2_grpc import ScoringServicer, add_ScoringServicer_to_server

SERVICE = scoring_pb2.DESCRIPTOR.services_by_name["Scoring"].full_name
# Payloads are bounded by the router; gRPC's own limit of 4 MB would be a second rule.
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # Two instances on one port would share its connections, and neither would know.
    ("grpc.so_reuseport", 0),
)
# What a router has sent when the drain begins may still be on its way for so long.
_QUIET_S = 0.02
# How long calls that are answered may take to end; a watcher of the health never does.
_STOP_GRACE_S = 1.0


# See scoring.proto.
HEADERS_WISH = ("turnout-headers", "1")


class Runner(Protocol):
    """Who runs requests: an executor, or a pool of worker processes."""

    @property
    def is_stuck(self) -> bool:
        """Whether nothing can be run, because what runs does not end in its time."""

    def submit(self, requests: Iterable[Request], sink: Sink) -> None:
        """Queues requests; each will be answered into ``sink`` unless that is closed."""

    def steer(self, flows: Iterable[Flow], sink: Sink) -> None:
        """Takes in what the router says of streamed answers."""

    def drop(self, sink: Sink) -> None:
        """The sink's stream is gone."""


class _Scoring(ScoringServicer):
    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._wishes: asyncio.Future[tuple[tuple[str, str], ...]] = (
            asyncio.get_running_loop().create_future()
        )
        self._sinks: set[Sink] = set()
        self._readers: set[asyncio.Task[None]] = set()

    async def Stream(  # type: ignore[override]  # noqa: N802 - the protocol's name
        self,
        request_iterator: AsyncIterator[RequestBatch],
        context: "grpc.aio.ServicerContext[RequestBatch, AnswerBatch]",
    ) -> None:
        # Tells the router that the script is ready, and what it wants to be sent.
        await context.send_initial_metadata(await asyncio.shield(self._wishes))
        # A group: when one side fails, the stream breaks, so that the router learns of it.
        with self._sink() as sink:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(_write(sink, context))
                reader = tasks.create_task(self._read(request_iterator, sink))
                reader.add_done_callback(lambda _: writer.cancel())
                reader.add_done_callback(self._readers.discard)
                self._readers.add(reader)

    async def Score(  # noqa: N802 - the protocol's name
        self,
        request: ScoreRequest,
        context: "grpc.aio.ServicerContext[ScoreRequest, ScoreAnswer]",  # noqa: ARG002
    ) -> ScoreAnswer:
        with self._sink() as sink:
            self._runner.submit([request], sink)
            whole = ScoreAnswer(more=True)
            while whole.more:
                for part in await sink.take():
                    # It did not come in columns.
                    assert isinstance(part, ScoreAnswer)
                    # Strings and bytes are replaced by a merge; the parts' bodies add up.
                    payload = whole.payload + part.payload
                    whole.MergeFrom(part)
                    whole.payload, whole.more = payload, part.more
                    self._runner.steer([Flow(id=part.id, granted_bytes=len(part.payload))], sink)
                    sink.on_sent(1)
            return whole

    def on_ready(self, *, wants_headers: bool) -> None:
        """The script can take requests."""
        self._wishes.set_result((columns.WISH, HEADERS_WISH) if wants_headers else (columns.WISH,))

    async def settle(self) -> None:
        """Returns when everything that was taken has been answered."""
        while True:
            await asyncio.sleep(_QUIET_S)
            busy = [sink for sink in self._sinks if not sink.idle.is_set()]
            if not busy:
                return
            for sink in busy:
                await sink.idle.wait()

    def end_streams(self) -> None:
        """Ends each stream in order, behind its last answer.

        A stream that the server cancels instead may lose answers that the router has not
        read yet.
        """
        for reader in self._readers:
            reader.cancel()

    @contextlib.contextmanager
    def _sink(self) -> Iterator[Sink]:
        sink = Sink()
        self._sinks.add(sink)
        try:
            yield sink
        finally:
            self._runner.drop(sink)
            self._sinks.discard(sink)

    async def _read(self, request_iterator: AsyncIterator[RequestBatch], sink: Sink) -> None:
        parts = Parts()
        async for batch in request_iterator:
            requests = [*columns.requests_of(batch.columns), *parts.whole(batch.requests)]
            self._runner.submit(requests, sink)
            self._runner.steer(batch.flows, sink)
        # The router sends no more; it still gets its answers.
        await sink.idle.wait()


async def _write(
    sink: Sink, context: "grpc.aio.ServicerContext[RequestBatch, AnswerBatch]"
) -> None:
    """Sends what has gathered as one message, and what gathers meanwhile as the next."""
    while True:
        answers = await sink.take()
        await context.write(columns.batch_of(answers))
        sink.on_sent(len(answers))


class _Health(health.aio.HealthServicer):
    """Healthy is who could answer: the server does so on another thread than ``run()``.

    A watcher is told of the beginning and the end only; whoever wants to know more checks.
    """

    def __init__(self, runner: Runner) -> None:
        super().__init__()
        self._runner = runner

    async def Check(  # noqa: N802 - the protocol's name
        self,
        request: health_pb2.HealthCheckRequest,
        context: "grpc.aio.ServicerContext[Any, Any]",
    ) -> health_pb2.HealthCheckResponse:
        if self._runner.is_stuck:
            known = health_pb2.HealthCheckResponse
            return known(status=known.NOT_SERVING)
        return await super().Check(request, context)


class Service:
    """The server of one instance: up from the start, healthy when the script is ready."""

    def __init__(self, runner: Runner) -> None:
        self._scoring = _Scoring(runner)
        self._health = _Health(runner)
        self._server = grpc.aio.server(options=_OPTIONS)

    async def start(self, target: str) -> None:
        """Listens on a gRPC target, not healthy yet.

        Raises:
            RuntimeError: the address can't be had.
        """
        add_ScoringServicer_to_server(self._scoring, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        await self._set_health(serving=False)
        self._server.add_insecure_port(target)
        await self._server.start()

    async def on_ready(self, *, wants_headers: bool) -> None:
        """The script can take requests, and wants the clients' headers or not."""
        self._scoring.on_ready(wants_headers=wants_headers)
        await self._set_health(serving=True)

    async def drain(self, timeout_s: float) -> None:
        """Is healthy no more, answers what was taken, and closes."""
        await self._set_health(serving=False)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._scoring.settle()
        self._scoring.end_streams()
        await self._server.stop(_STOP_GRACE_S)

    async def _set_health(self, *, serving: bool) -> None:
        known = health_pb2.HealthCheckResponse
        status = known.SERVING if serving else known.NOT_SERVING
        # For the server as a whole, which is what probes ask for, and for the service.
        await self._health.set("", status)
        await self._health.set(SERVICE, status)
