"""Probing one instance, as long as it is watched: gRPC health checks at its probes' rhythm.

What their results come to is core/probing.py's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from router.core.deployment_spec import DeploymentSpec, Probe
from router.core.probing import Tally, liveness

log = logging.getLogger(__name__)

# What is wrong with the instance; None if nothing is.
Check = Callable[[float], Awaitable[str | None]]


async def probe(
    target: str, spec: DeploymentSpec, ready: Tally, on_readiness: Callable[[str], None]
) -> str:
    """Probes the instance at ``target`` until it is no longer alive; returns why.

    An error of the probing itself is logged, and counts as one check that found it not alive: an
    instance that nobody could probe would be kept for ever.

    Args:
        ready: takes in the readiness probe's results.
        on_readiness: told, when they changed it, what was wrong; nothing if it is ready again.
    """
    alive = liveness(spec.liveness_probe)
    while True:
        try:
            return await _probe(target, spec, ready, alive, on_readiness)
        except Exception as error:
            log.exception("the instance at %s could not be probed", target)
            if alive.observe(succeeded=False):
                return f"{type(error).__name__}: {error}"
        await asyncio.sleep(spec.liveness_probe.period)


async def _probe(
    target: str,
    spec: DeploymentSpec,
    ready: Tally,
    alive: Tally,
    on_readiness: Callable[[str], None],
) -> str:
    # Nobody is asked before, so there is no connection either.
    before_s = min(spec.readiness_probe.initial_delay, spec.liveness_probe.initial_delay)
    await asyncio.sleep(before_s)
    async with grpc.aio.insecure_channel(target) as channel:
        check = _checker(channel)
        following = asyncio.create_task(
            _follow(check, spec.readiness_probe, before_s, ready, on_readiness)
        )
        dying = asyncio.create_task(_until_dead(check, spec.liveness_probe, before_s, alive))
        try:
            # The former ends with an error only.
            done, _ = await asyncio.wait({following, dying}, return_when=asyncio.FIRST_COMPLETED)
            return await (dying if dying in done else following)
        finally:
            following.cancel()
            dying.cancel()
            await asyncio.wait({following, dying})


async def _follow(
    check: Check, declared: Probe, waited_s: int, tally: Tally, on_change: Callable[[str], None]
) -> NoReturn:
    await asyncio.sleep(declared.initial_delay - waited_s)
    while True:
        if (found := await _observe(check, declared, tally)) is not None:
            on_change(found)
        await asyncio.sleep(declared.period)


async def _until_dead(check: Check, declared: Probe, waited_s: int, tally: Tally) -> str:
    await asyncio.sleep(declared.initial_delay - waited_s)
    while True:
        found = await _observe(check, declared, tally)
        if found is not None and not tally.healthy:
            return found
        await asyncio.sleep(declared.period)


async def _observe(check: Check, declared: Probe, tally: Tally) -> str | None:
    """Checks once; what was wrong, or nothing was, if that changed the state, else None."""
    wrong = await check(declared.timeout)
    changed = tally.observe(succeeded=wrong is None)
    return (wrong or "") if changed else None


def _checker(channel: grpc.aio.Channel) -> Check:
    stub = HealthStub(channel)

    async def check(timeout_s: float) -> str | None:
        try:
            answer = await stub.Check(  # type: ignore[attr-defined] # not in its stubs
                HealthCheckRequest(), timeout=timeout_s
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                return f"no answer within {timeout_s:g} s"
            return f"{error.code().name}: {error.details()}"
        except Exception as error:  # noqa: BLE001 - an instance must not lose its watch by one
            return f"{type(error).__name__}: {error}"
        status: str = HealthCheckResponse.ServingStatus.Name(answer.status)
        return None if answer.status == HealthCheckResponse.SERVING else f"it said {status}"

    return check
