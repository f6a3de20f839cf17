"""The gRPC side of an instance: turnout.scoring.v1.Scoring, health and reflection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from runtime.executor import Executor, Sink
from turnout.scoring.v1 import scoring_pb2
from turnout.scoring.v1.scoring_pb2 import AnswerBatch, RequestBatch, ScoreAnswer, ScoreRequest
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


class _Scoring(ScoringServicer):
    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._sinks: set[Sink] = set()
        self._readers: set[asyncio.Task[None]] = set()

    async def Stream(  # type: ignore[override]  # noqa: N802 - the protocol's name
        self,
        request_iterator: AsyncIterator[RequestBatch],
        context: "grpc.aio.ServicerContext[RequestBatch, AnswerBatch]",
    ) -> None:
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
            self._executor.submit([request], sink)
            (answer,) = await sink.take()
            sink.on_sent(1)
            return answer

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
            # Requests of a broken stream are not worth running.
            sink.closed = True
            self._sinks.discard(sink)

    async def _read(self, request_iterator: AsyncIterator[RequestBatch], sink: Sink) -> None:
        async for batch in request_iterator:
            self._executor.submit(batch.requests, sink)
        # The router sends no more; it still gets its answers.
        await sink.idle.wait()


async def _write(
    sink: Sink, context: "grpc.aio.ServicerContext[RequestBatch, AnswerBatch]"
) -> None:
    """Sends what has gathered as one message, and what gathers meanwhile as the next."""
    while True:
        answers = await sink.take()
        await context.write(AnswerBatch(answers=answers))
        sink.on_sent(len(answers))


class Service:
    """The server of one instance: up from the start, healthy when the script is ready."""

    def __init__(self, executor: Executor) -> None:
        self._scoring = _Scoring(executor)
        self._health = health.aio.HealthServicer()
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

    async def on_ready(self) -> None:
        """The script can take requests."""
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
