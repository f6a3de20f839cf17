"""Waiting for an instance to be ready: the standard gRPC health service, watched."""

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

# The socket appears some hundred milliseconds after the process; gRPC's default would look
# again after a whole second.
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 200),
)
# CANCELLED is what a server says to its callers in the moment that it ends.
_ENDED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


async def wait_serving(target: str) -> None:
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
