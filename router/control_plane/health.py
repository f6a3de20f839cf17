"""Waiting for an instance to be warm: its process, and the standard gRPC health service."""

import asyncio

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from router.control_plane.processes import Process
from router.core.errors import TurnoutError

# The socket appears some hundred milliseconds after the process; gRPC's default would look
# again after a whole second.
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 200),
)
# CANCELLED is what a server says to its callers in the moment that it ends.
_ENDED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class NotWarm(TurnoutError):
    """Why an instance did not become warm; a verb phrase."""


async def wait_warm(target: str, process: Process, timeout_s: float) -> None:
    """Returns when the instance at ``target``, which is ``process``, is warm.

    Raises:
        NotWarm: it ended before, or is not so in time.
    """
    serving = asyncio.create_task(_wait_serving(target))
    exited = asyncio.create_task(process.wait())
    try:
        done, _ = await asyncio.wait(
            {serving, exited}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        serving.cancel()
        exited.cancel()
        await asyncio.wait({serving, exited})
    if exited in done:
        raise NotWarm(f"ended before it was ready ({exit_text(exited.result())})")
    if serving not in done:
        raise NotWarm(f"was not ready after {timeout_s:.0f} s")
    if (error := serving.exception()) is not None:
        raise NotWarm(f"can't be asked whether it is ready ({error})")


def exit_text(code: int | None) -> str:
    """How a process ended, in words; None if nobody could ask."""
    if code is None:
        return "exit code unknown"
    return f"signal {-code}" if code < 0 else f"exit code {code}"


async def _wait_serving(target: str) -> None:
    """Returns when the instance at ``target`` says SERVING; waits for it to listen, too."""
    async with grpc.aio.insecure_channel(target, options=_OPTIONS) as channel:
        while True:
            watch = HealthStub(channel).Watch(  # type: ignore[attr-defined] # not in its stubs
                HealthCheckRequest(), wait_for_ready=True
            )
            try:
                async for answer in watch:
                    if answer.status == HealthCheckResponse.SERVING:
                        return
            except grpc.aio.AioRpcError as error:
                # The process ended, or is about to; whoever watches it will say so. Until then
                # it may be another that listens.
                if error.code() not in _ENDED:
                    raise
            finally:
                watch.cancel()
