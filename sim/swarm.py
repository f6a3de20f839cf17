"""Random worlds: topology, load, faults and operations, drawn from a seed.

Safety first: while load, faults and operations last, no invariant may be broken. Then every
fault is healed, the load ends, and liveness is required: each deployment that is there answers
what it is asked, each request has been answered, and each instance that was to go was let go.
"""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec

from router.core.deployment_spec import RequestSettings
from router.core.quota_settings import QuotaSettings
from sim.draws import generator
from sim.failure import reason
from sim.scenario import (
    ArrivalKind,
    Arrivals,
    Client,
    Deployment,
    Endpoint,
    Latency,
    Scenario,
    Step,
)
from sim.steps import FAULTS
from sim.summary import summarize
from sim.world import World

NAMES = ("blue", "green", "red", "white")
HEALED = "healed"
LOAD_S = 8.0
# Longest delay of a restart, a cold start, the longest timeout: then all has passed.
HEALED_S = LOAD_S + 40.0
END_S = HEALED_S + 3.0
# Of wall clock: most worlds take a tenth of a second.
WORLD_S_MAX = 60.0
STEPS_MAX = 14
TIMEOUTS_MS = 50, 500, 1000, 5000
# A lognormal time's p99, in medians. 100 medians are 6.65 standard deviations of its logarithm
# then, ln(100) / ln(5) x 2.33: no run of a hundred thousand million takes as long.
P99, MEDIANS_MIN = 5, 100
SMALL, LARGE = (0, 56, 500), (0, 56, 20_000, 300_000)
KINDS: tuple[ArrivalKind, ...] = get_args(ArrivalKind)


class Unlucky(NamedTuple):
    """A world in which something did not hold.

    Attributes:
        seed: with which it is drawn again.
        world: as it was when it ended.
    """

    seed: int
    world: World
    why: str


def swarm(
    seed: int,
    wanted: Callable[[int], bool],
    tell: Callable[[int], None] = lambda _: None,
    limited: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> tuple[int, int, Unlucky | None]:
    """Runs worlds of this seed and the next ones until one is unlucky.

    Args:
        wanted: asked with the number of worlds so far whether another one is to be run.
        tell: told that number.
        limited: a limit of wall clock around each of them.

    Returns:
        How many worlds and requests there were, and the unlucky world.
    """
    worlds = requests = 0
    while wanted(worlds):
        world = World(drawn(seed + worlds), Path())
        worlds += 1
        unlucky = _run(world, limited)
        requests += world.record.asked
        if unlucky is not None:
            return worlds, requests, Unlucky(world.scenario.seed, world, unlucky)
        tell(worlds)
    return worlds, requests, None


def drawn(seed: int) -> Scenario:
    """The world of this seed."""
    rng = generator(seed, "swarm")
    bandwidth = rng.choice(["unlimited", "unlimited", 300_000, 1_000_000])
    # Of what the bandwidth slows, all has passed when the world is to be well again.
    sizes = LARGE if bandwidth == "unlimited" else SMALL
    endpoints = [_endpoint(rng, number, sizes) for number in range(rng.randint(1, 2))]
    steps = sorted(
        (_step(rng, rng.choice(endpoints)) for _ in range(rng.randint(1, STEPS_MAX))),
        key=lambda step: step.at_s,
    )
    heals = [
        Step(at_s=LOAD_S, endpoint=endpoint.name, heal=one.name)
        for endpoint in endpoints
        for one in endpoint.deployments
    ]
    healed = Step(at_s=HEALED_S, name=HEALED)
    quotas = {
        "bandwidth_bytes_per_s": bandwidth,
        "requests_per_s": rng.choice(["unlimited"] * 3 + [50]),
    }
    return Scenario(
        name=f"swarm-{seed}",
        seed=seed,
        for_s=END_S,
        workers=rng.choice([1, 1, 2, 3]),
        message_us=rng.choice([0, 50, 130, 5000]),
        quotas=msgspec.convert(quotas, QuotaSettings),
        endpoints=endpoints,
        clients=[client for endpoint in endpoints for client in _clients(rng, endpoint, sizes)],
        timeline=[*steps, *heals, healed],
    )


def _run(world: World, limited: Callable[[], AbstractContextManager[None]]) -> str | None:
    """Why the world is unlucky; None if all held."""
    try:
        with limited():
            world.run()
    # A crash in the core is a broken promise as well; which one, the traceback knows.
    except Exception as error:  # noqa: BLE001
        return reason(error)
    return _not_alive(world)


def _not_alive(world: World) -> str | None:
    """Who does not answer, now that no fault is left; a deployment that was deleted need not."""
    (healed,) = (s for s in summarize(world.scenario, world.record).steps if s.name == HEALED)
    there = {f"{one.endpoint}/{one.name}": one for one in healed.deployments if one.name}
    for name, one in there.items():
        if one.errors:
            return f"broken liveness: {name} is healed and answers {one.outcomes}"
    for endpoint in world.scenario.endpoints:
        # It is never deleted.
        if (never := f"{endpoint.name}/{NAMES[0]}") not in there:
            return f"broken liveness: {never} got no request"
    return None


def _endpoint(rng: random.Random, number: int, sizes: tuple[int, ...]) -> Endpoint:
    names = NAMES[: rng.randint(1, len(NAMES))]
    # The last one may be created later.
    present = names[:-1] or names
    traffic = _shares(rng, present)
    shadows = [name for name in present if not traffic.get(name)]
    mirror = {rng.choice(shadows): rng.randint(1, 50)} if shadows and rng.random() < 0.5 else {}  # noqa: PLR2004
    return Endpoint(
        name=f"endpoint-{number}",
        deployments=[_deployment(rng, name, sizes) for name in names],
        traffic=traffic,
        mirror_traffic=mirror,
    )


def _deployment(rng: random.Random, name: str, sizes: tuple[int, ...]) -> Deployment:
    median_ms = rng.choice([0.02, 0.5, 5, 50])
    return Deployment(
        name=name,
        instance_count=rng.randint(1, 4),
        parallel_runs=rng.choice([1, 1, 2, 8]),
        request_settings=RequestSettings(
            # Always longer than a run, so that who is well answers in time.
            request_timeout_ms=rng.choice(
                [ms for ms in TIMEOUTS_MS if ms >= MEDIANS_MIN * median_ms]
            ),
            max_concurrent_requests_per_instance=rng.choice([1, 2, 10, 100]),
        ),
        latency=rng.choice(
            [Latency(constant_ms=median_ms), Latency(median_ms=median_ms, p99_ms=median_ms * P99)]
        ),
        cold_start_s=rng.choice([0, 0.1, 2]),
        answer_bytes=rng.choice(sizes),
    )


def _shares(rng: random.Random, names: tuple[str, ...]) -> dict[str, int]:
    """Percents that sum to 100, or sometimes to 0."""
    if rng.random() < 0.1:  # noqa: PLR2004
        return {}
    cuts = sorted(rng.choice([0, 1, 10, 50, 99, rng.randint(0, 100)]) for _ in names[1:])
    return {
        name: high - low for name, low, high in zip(names, [0, *cuts], [*cuts, 100], strict=True)
    }


def _step(rng: random.Random, endpoint: Endpoint) -> Step:
    """An operation or a fault; some operations break a rule."""
    names = tuple(one.name for one in endpoint.deployments)
    name = rng.choice(names)
    verb = rng.choice(
        ["traffic"] * 4 + ["mirror_traffic"] * 3 + ["instance_count"] * 3
        + ["delete", "create", "restart", *FAULTS]
    )  # fmt: skip
    what: object = name
    match verb:
        case "create":
            what = names[-1] if len(names) > 1 else "missing"
        case "delete":
            # The first one is asked at the end whether it is well.
            what = rng.choice([*names[1:], "missing"])
        case "traffic":
            what = _shares(rng, tuple(rng.sample(names, len(names))))
        case "mirror_traffic":
            what = {name: rng.choice([0, 1, 10, 50, 51])}
        case "instance_count":
            what = {name: rng.randint(1, 5)}
        case "slow":
            what = {name: rng.choice([2.0, 20.0])}
        case "error_percent":
            what = {name: rng.choice([1.0, 50.0, 100.0])}
        case "restart":
            what = "control-plane"
    raw = {"at_s": rng.uniform(0, LOAD_S), "endpoint": endpoint.name, verb: what}
    return msgspec.convert(raw, Step)


def _clients(rng: random.Random, endpoint: Endpoint, sizes: tuple[int, ...]) -> list[Client]:
    """Some that load the endpoint and some that ask, at last, whether it is well."""
    loading = [
        Client(
            name=f"{endpoint.name} load {number}",
            endpoint=endpoint.name,
            deployment=rng.choice([None, None, None, rng.choice(endpoint.deployments).name]),
            arrivals=Arrivals(
                kind=rng.choice(KINDS),
                per_s=rng.choice([5, 30, 100]),
                peak_per_s=200,
                every_s=5,
                for_s=1,
                group=rng.choice([1, 5]),
            ),
            until_s=LOAD_S,
            body_bytes=(size := rng.choice(sizes)),
            body_bytes_max=rng.choice([None, 2 * size]),
        )
        for number in range(rng.randint(1, 2))
    ]
    asking = [
        Client(
            name=f"{endpoint.name} check {name or 'live'}",
            endpoint=endpoint.name,
            deployment=name,
            arrivals=Arrivals(kind="constant", per_s=2),
            from_s=HEALED_S + 1,
        )
        for name in (None, *(one.name for one in endpoint.deployments))
    ]
    return [*loading, *asking]
