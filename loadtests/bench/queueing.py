"""The ideal that balancing is measured against: one queue, equal servers, no time lost between.

With Poisson arrivals it is the M/D/c queue. Nothing real can do better in the order of
arrival: a server never idles while a request waits, and handing over costs nothing. Pure
functions; the load that is sent for real is poisson.py's.
"""

import heapq
import math
import random
from collections.abc import Sequence


def poisson_arrivals(rate_per_s: float, seconds: float, seed: int) -> list[float]:
    """When requests arrive, in seconds from the start; the same for the same seed."""
    assert rate_per_s > 0, rate_per_s
    # Not a secret.
    source = random.Random(seed)  # noqa: S311
    arrivals = []
    now_s = source.expovariate(rate_per_s)
    while now_s < seconds:
        arrivals.append(now_s)
        now_s += source.expovariate(rate_per_s)
    return arrivals


def sojourns(arrivals_s: Sequence[float], service_s: float, servers: int) -> list[float]:
    """How long each request waits and is served, in seconds, first come first served.

    Args:
        arrivals_s: ascending.
        service_s: of each request, at each server.
        servers: how many; each takes the oldest request when it is free.
    """
    assert servers >= 1, servers
    free_at = [-math.inf] * servers
    times = []
    for arrived in arrivals_s:
        done = max(arrived, free_at[0]) + service_s
        # The server that was free first; a list of equal times is a heap already.
        heapq.heapreplace(free_at, done)
        times.append(done - arrived)
    return times


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share (over 0, to 1) of them don't exceed."""
    assert 0 < share <= 1, share
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]
