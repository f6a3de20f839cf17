"""The router's own counters of an endpoint."""

import asyncio

import aiohttp
import msgspec

from router.core.statistics import EndpointStatistics
from router.testing.failure import HarnessError

QUIET_TIMEOUT_S = 30
QUIET_POLL_S = 0.02
BLOCK = 100


async def read_quiet(session: aiohttp.ClientSession, url: str) -> EndpointStatistics:
    """The counters, once every copy is answered too.

    Args:
        url: of the endpoint's statistics.

    Raises:
        HarnessError: something is still under way after 30 s, or there are no counters.
    """
    try:
        async with asyncio.timeout(QUIET_TIMEOUT_S):
            while True:
                statistics = await read_counters(session, url)
                if not any(d.queued or d.outstanding for d in statistics.deployments):
                    return statistics
                await asyncio.sleep(QUIET_POLL_S)
    except TimeoutError:
        raise HarnessError(
            f"expected all requests answered {QUIET_TIMEOUT_S} s after the last, got some "
            "that are not"
        ) from None


def copies_of(statistics: EndpointStatistics) -> dict[str, int]:
    """Deployment to the copies that it was given, ever."""
    return {deployment.name: deployment.copies for deployment in statistics.deployments}


def to_whole_block(position: int) -> int:
    """How many requests a schedule at ``position`` is from the end of its block of 100."""
    return -position % BLOCK


async def read_counters(session: aiohttp.ClientSession, url: str) -> EndpointStatistics:
    """The counters as they are. A request counts, and its copy, before it is answered.

    Args:
        url: of the endpoint's statistics.

    Raises:
        HarnessError: there are none.
    """
    async with session.get(url) as response:
        body = await response.read()
    if not response.ok:
        raise HarnessError(f"expected statistics, got {response.status}: {body.decode()}")
    return msgspec.json.decode(body, type=EndpointStatistics)
