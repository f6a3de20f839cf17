"""An instance that answers garbage harms nobody but itself, and is counted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest

from router.core.statistics import WorkerStatistics
from tests.data_plane.scripted import KEY, ScriptedInstance, Worker, echo
from turnout.scoring.v1.scoring_pb2 import Header, ScoreAnswer, ScoreRequest

WAIT_S = 20
COUNT = 60


class Garbage(ScriptedInstance):
    """A gRPC server that answers each message with these bytes, or ends the stream for None."""

    def __init__(self, target: str, garbage: bytes | None) -> None:
        super().__init__(target, echo)
        self._garbage = garbage

    async def start(self) -> None:
        async def stream(
            requests: AsyncIterator[bytes], context: "grpc.aio.ServicerContext[bytes, bytes]"
        ) -> AsyncIterator[bytes]:
            await context.send_initial_metadata(())
            async for _ in requests:
                if self._garbage is None:
                    return
                yield self._garbage

        handler: Any = grpc.stream_stream_rpc_method_handler(stream)
        service = grpc.method_handlers_generic_handler(
            "turnout.scoring.v1.Scoring", {"Stream": handler}
        )
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((service,))
        self._server.add_insecure_port(self.target)
        await self._server.start()


async def other_ids(request: ScoreRequest) -> ScoreAnswer:
    """Answers what nobody asked, for ever."""
    answer = await echo(request)
    answer.id = request.id ^ (1 << 40)
    return answer


async def twice_removed(request: ScoreRequest) -> ScoreAnswer:
    """Answers with what can't stand in a response."""
    answer = await echo(request)
    answer.status = 4_000_000_000
    answer.content_type = "text/plain\r\nx-evil: 1\r\n\r\nbody"
    answer.headers.append(Header(name="x-a\r\nx-evil", value=b"1\r\nx-evil: 2"))
    return answer


async def score(client: aiohttp.ClientSession, worker: Worker) -> aiohttp.ClientResponse:
    url = f"http://127.0.0.1:{worker.port}/my-endpoint/score"
    async with client.post(url, data=b"1", headers={"Authorization": f"Bearer {KEY}"}) as response:
        await response.read()
        return response


async def until(worker: Worker, holds: Callable[[WorkerStatistics], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds(worker.engine.statistics()):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "garbage", [b"\xff\xfe\xfd no protobuf", None], ids=["no protobuf", "ends the stream"]
)
async def test_requests_of_an_instance_that_breaks_its_stream_are_served_by_another(
    worker: Worker, tmp_path: Path, garbage: bytes | None
) -> None:
    await worker.add_instance("good")
    worker.instances["bad"] = Garbage(f"unix:{tmp_path}/bad.sock", garbage)
    await worker.instances["bad"].start()
    await worker.route({"blue": ["bad", "good"]}, {"blue": 100})
    async with aiohttp.ClientSession() as client:
        for _ in range(COUNT):
            assert (await score(client, worker)).status == 200
        await until(worker, lambda counted: counted.broken_streams > 0)
        counted = worker.engine.statistics()
        assert counted.accepted == counted.answered == COUNT


async def test_answers_to_what_nobody_asked_are_dropped_and_counted(worker: Worker) -> None:
    await worker.add_instance("bad", other_ids)
    await worker.add_instance("good")
    await worker.route({"blue": ["good"], "green": ["bad"]}, {"blue": 100}, timeout_ms=200)
    async with aiohttp.ClientSession() as client:
        named = {"azureml-model-deployment": "green", "Authorization": f"Bearer {KEY}"}
        url = f"http://127.0.0.1:{worker.port}/my-endpoint/score"
        async with client.post(url, data=b"1", headers=named) as response:
            assert response.status == 408
        assert (await score(client, worker)).status == 200
    assert worker.engine.statistics().unexpected_answers == 1


async def test_what_can_not_stand_in_a_response_does_not_reach_the_client(worker: Worker) -> None:
    await worker.add_instance("bad", twice_removed)
    await worker.route({"blue": ["bad"]}, {"blue": 100})
    async with aiohttp.ClientSession() as client:
        response = await score(client, worker)
        assert response.status == 424
        assert "x-evil" not in response.headers
        # And the connection is as good as before.
        worker.instances["bad"].behave = echo
        assert (await score(client, worker)).status == 200
