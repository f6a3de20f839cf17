"""The side-by-side run: all routers up at once, measured in turn, round after round.

What is slow on a shared machine for a while is so for all of them: only ratios of samples
of one round are compared.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from loadtests.bench import load, processes
from loadtests.bench.contenders import Router
from loadtests.bench.contenders.ceiling import ceiling
from loadtests.bench.contenders.envoy import envoy
from loadtests.bench.contenders.haproxy import haproxy
from loadtests.bench.contenders.nginx import nginx
from loadtests.bench.contenders.traefik import traefik
from loadtests.bench.contenders.turnout import turnout
from loadtests.bench.upstreams import upstreams
from loadtests.bench.work import BODY

Start = Callable[[Path, Mapping[str, int]], contextlib.AbstractContextManager[Router]]
CONTENDERS: Mapping[str, Start] = {
    "Turnout": turnout,
    "nginx": nginx,
    "Envoy": envoy,
    "HAProxy": haproxy,
    "Traefik": traefik,
    "ceiling": ceiling,
}
LARGE_BODY = b'{"data": "' + b"x" * 100_000 + b'"}'
WARM_UP_S, WARM_UP_CONNECTIONS = 2, 32
BYTES_PER_MB = 1e6


class Work(NamedTuple):
    """One row of the table: how many clients send what."""

    name: str
    connections: int
    body: bytes = BODY
    varied: bool = False


WORKS = (
    Work("1 connection", 1),
    Work("64 connections", 64),
    Work("256 connections", 256),
    Work("64 connections, each head another", 64, varied=True),
    Work("100 kB bodies, 32 connections", 32, LARGE_BODY),
)


class Sample(NamedTuple):
    """What one router did with one work in one round.

    Attributes:
        requests_per_s: of the load generator, which the other core may have limited.
        requests_per_core_s: of one second of processor time of the router's process.
        cpu_us: of the router's process per request, user and system.
    """

    requests_per_s: float
    requests_per_core_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    rss_mb: float
    failed: int


Samples = dict[str, dict[str, list[Sample]]]


def sample(router: Router, work: Work, seconds: float, folder: Path) -> Sample:
    """One run of the load generator."""
    before = processes.usage(router.pids)
    seen = load.run(
        router.url,
        connections=work.connections,
        seconds=seconds,
        folder=folder,
        body=work.body,
        key=router.key,
        varied=work.varied,
    )
    after = processes.usage(router.pids)
    cpu_us = (after.cpu_s - before.cpu_s) / seen.requests * load.US_PER_S
    return Sample(
        requests_per_s=seen.requests_per_s,
        requests_per_core_s=load.US_PER_S / cpu_us,
        p50_ms=seen.p50_ms,
        p99_ms=seen.p99_ms,
        cpu_us=cpu_us,
        rss_mb=after.rss_bytes / BYTES_PER_MB,
        failed=seen.failed,
    )


@contextlib.contextmanager
def all_up(folder: Path, names: Sequence[str]) -> Iterator[list[Router]]:
    """The named contenders, warm."""
    with contextlib.ExitStack() as stack:
        ports = stack.enter_context(upstreams(folder / "upstreams"))
        routers = []
        for name in names:
            own = folder / name
            own.mkdir()
            routers.append(stack.enter_context(CONTENDERS[name](own, ports)))
        for router in routers:
            sample(router, Work("warm-up", WARM_UP_CONNECTIONS), WARM_UP_S, folder)
        yield routers


def run(
    folder: Path, names: Sequence[str], works: Sequence[Work], *, rounds: int, seconds: float
) -> tuple[Samples, dict[str, str]]:
    """Samples by work and contender, one a round, and the contenders' versions."""
    with all_up(folder, names) as routers:
        samples: Samples = {
            work.name: {
                router.name: [] for router in routers
            } for work in works
        }  # fmt: skip
        for work in works:
            for _ in range(rounds):
                for router in routers:
                    one = sample(router, work, seconds, folder)
                    samples[work.name][router.name].append(one)
        return samples, {router.name: router.version for router in routers}
