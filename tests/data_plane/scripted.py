"""A worker's engine and listener in this process, against scripted instances on real gRPC."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from router.core.listener_limits import ListenerLimits
from router.core.routing import (
    DeploymentRoute,
    EndpointQuota,
    EndpointRoute,
    InstanceRoute,
    Routing,
)
from router.data_plane.engine import Engine
from router.data_plane.listener import Listener
from runtime.parts import Parts
from runtime.request import as_message
from turnout.scoring.v1.scoring_pb2 import AnswerBatch, RequestBatch, ScoreAnswer, ScoreRequest
from turnout.scoring.v1.scoring_pb2_grpc import ScoringServicer, add_ScoringServicer_to_server

KEY = "secret"
DEFAULT_LIMITS = ListenerLimits()
Behaviour = Callable[[ScoreRequest], Awaitable[ScoreAnswer | None]]


async def echo(request: ScoreRequest) -> ScoreAnswer:
    """Answers with what was asked."""
    return ScoreAnswer(
        id=request.id,
        outcome=ScoreAnswer.OUTCOME_RETURNED,
        status=200,
        payload=request.payload,
        content_type="application/json",
        run_ns=20_000,
    )


class ScriptedInstance(ScoringServicer):
    """A real gRPC server that behaves as the test says, one request at a time or all at once."""

    def __init__(self, target: str, behave: Behaviour) -> None:
        self.target = target
        self.behave = behave
        self.messages: list[int] = []
        self.requests: list[ScoreRequest] = []
        self.on_message: Callable[[], None] = lambda: None
        self.metadata: tuple[tuple[str, str], ...] = ()
        self.failing_loads = 0
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        self._server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        )
        add_ScoringServicer_to_server(self, self._server)
        self._server.add_insecure_port(self.target)
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(0)
            self._server = None

    async def Stream(  # type: ignore[override]  # noqa: N802 - the protocol's name
        self,
        request_iterator: AsyncIterator[RequestBatch],
        context: "grpc.aio.ServicerContext[RequestBatch, AnswerBatch]",
    ) -> None:
        """Answers each message with one message."""
        if self.failing_loads:
            self.failing_loads -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "ended while the script was loaded")
        await context.send_initial_metadata(self.metadata)
        parts = Parts()
        async for batch in request_iterator:
            assert isinstance(batch, RequestBatch)
            self.messages.append(len(batch.requests))
            self.on_message()
            whole = [as_message(one) for one in parts.whole(batch.requests)]
            self.requests.extend(whole)
            answers = await asyncio.gather(*(self.behave(r) for r in whole))
            await context.write(AnswerBatch(answers=[a for a in answers if a is not None]))

    async def Score(  # noqa: N802 - the protocol's name
        self,
        request: ScoreRequest,
        context: "grpc.aio.ServicerContext[ScoreRequest, ScoreAnswer]",
    ) -> ScoreAnswer:
        """As the test says."""
        answer = await self.behave(request)
        assert answer is not None
        return answer


class Worker:
    """An engine with a listener, and the routing a test gives it."""

    def __init__(self, folder: Path, limits: ListenerLimits) -> None:
        self.engine = Engine()
        self.listener = Listener(self.engine.dispatcher, self.engine.request_ids, limits)
        self.port = 0
        self.instances: dict[str, ScriptedInstance] = {}
        self._folder = folder
        self._generation = itertools.count(1)

    async def start(self) -> None:
        self.engine.start()
        self.port = await self.listener.open("127.0.0.1", 0)

    async def add_instance(self, name: str, behave: Behaviour = echo) -> ScriptedInstance:
        instance = ScriptedInstance(f"unix:{self._folder}/{name}.sock", behave)
        await instance.start()
        self.instances[name] = instance
        return instance

    async def route(
        self,
        deployments: dict[str, list[str]],
        traffic: dict[str, int],
        mirror_traffic: dict[str, int] | None = None,
        *,
        concurrency: int = 1000,
        timeout_ms: int = 5000,
        quota: EndpointQuota | None = None,
    ) -> None:
        """Applies a routing; ``deployments`` maps names to their instances' names."""
        routes = tuple(
            DeploymentRoute(
                name=name,
                request_timeout_ms=timeout_ms,
                max_concurrent_requests_per_instance=concurrency,
                instance_count=len(ids),
                instances=tuple(InstanceRoute(id=i, target=self.instances[i].target) for i in ids),
            )
            for name, ids in deployments.items()
        )
        endpoint = EndpointRoute(
            name="my-endpoint",
            keys=(KEY, "other-key"),
            deployments=routes,
            traffic=traffic,
            mirror_traffic=mirror_traffic or {},
            quota=quota or EndpointQuota(),
        )
        await self.apply(endpoint)

    async def apply(self, *endpoints: EndpointRoute) -> None:
        """Swaps to these endpoints."""
        self.routing = Routing(generation=next(self._generation), endpoints=endpoints)
        await self.engine.apply(self.routing)

    async def close(self) -> None:
        await self.listener.drain(0)
        await self.engine.close()
        await self.listener.close()
        for instance in self.instances.values():
            await instance.stop()


@asynccontextmanager
async def running(folder: Path, limits: ListenerLimits = DEFAULT_LIMITS) -> AsyncIterator[Worker]:
    worker = Worker(folder, limits)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.close()
