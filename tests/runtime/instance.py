"""Starts real instances by their command line, and talks to them as a router would."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from turnout.scoring.v1.scoring_pb2 import AnswerBatch, RequestBatch, ScoreAnswer, ScoreRequest
from turnout.scoring.v1.scoring_pb2_grpc import ScoringStub

WAIT_S = 30
SERVING = health_pb2.HealthCheckResponse.SERVING


class Instance:
    """A running `python -m runtime`."""

    def __init__(self, folder: Path, script: str, environment: dict[str, str]) -> None:
        self.target = environment.pop("TARGET", f"unix:{folder}/i.sock")
        self.log = folder / "i.log"
        code = folder / "code"
        code.mkdir(exist_ok=True)
        (code / "score.py").write_text(script)
        command = [sys.executable, "-P", "-m", "runtime", "--target", self.target]
        command += ["--code", str(code), "--scoring-script", "score.py"]
        model = folder / "model"
        if model.exists():
            command += ["--model", str(model)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            )

    async def exit_status(self) -> int:
        return await asyncio.to_thread(self.process.wait, WAIT_S)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    async def wait_until_serving(self) -> None:
        """Follows the health service's own stream of changes."""
        async with asyncio.timeout(WAIT_S), grpc.aio.insecure_channel(self.target) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(  # type: ignore[attr-defined] # not in its stubs
                health_pb2.HealthCheckRequest(), wait_for_ready=True
            )
            async for state in watch:
                if state.status == SERVING:
                    return

    async def health(self) -> int:
        async with grpc.aio.insecure_channel(self.target) as channel:
            reply = await health_pb2_grpc.HealthStub(channel).Check(  # type: ignore[attr-defined] # as above
                health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=WAIT_S
            )
        return int(reply.status)


class Stream:
    """One stream to an instance."""

    def __init__(self, call: "grpc.aio.StreamStreamCall[RequestBatch, AnswerBatch]") -> None:
        self.call = call

    async def send(self, bodies: Iterable[bytes], *, first: int = 1, timeout_ns: int = 0) -> None:
        requests = [
            ScoreRequest(id=first + n, payload=body, timeout_ns=timeout_ns)
            for n, body in enumerate(bodies)
        ]
        await self.call.write(RequestBatch(requests=requests))

    async def batches(self, count: int) -> list[list[ScoreAnswer]]:
        """Messages until ``count`` answers have come."""
        got: list[list[ScoreAnswer]] = []
        async with asyncio.timeout(WAIT_S):
            while sum(map(len, got)) < count:
                batch = await self.call.read()
                assert isinstance(batch, AnswerBatch), "the stream ended early"
                got.append(list(batch.answers))
        return got

    async def answers(self, count: int) -> list[ScoreAnswer]:
        """``count`` answers in the order of their requests."""
        flat = [answer for batch in await self.batches(count) for answer in batch]
        return sorted(flat, key=lambda answer: answer.id)

    async def ids_until_the_end(self) -> list[int]:
        """The ids of all answers that come before the instance ends the stream, in order."""
        ids: list[int] = []
        async with asyncio.timeout(WAIT_S):
            while isinstance(batch := await self.call.read(), AnswerBatch):
                ids += [answer.id for answer in batch.answers]
        return sorted(ids)


@asynccontextmanager
async def stream(instance: Instance) -> AsyncIterator[Stream]:
    async with grpc.aio.insecure_channel(instance.target) as channel:
        await asyncio.wait_for(channel.channel_ready(), WAIT_S)
        yield Stream(ScoringStub(channel).Stream())
