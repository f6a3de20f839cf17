"""What the core costs, in nanoseconds, with a budget beside each.

`make test` runs each once, as a check that it runs; `make microbench` measures. Nothing here
fails for being slow: machines are shared. Compare the printed mean with the budget, which is
about twice what an idle core of a 2020s server takes, and ask for a profile when it is over.
"""

import itertools
import random
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from router.core.budgets import LocalBudgets
from router.core.quota import Quota
from router.core.request import NO_HEAD
from router.core.routing import EndpointQuota, EndpointRoute, Routing
from router.core.schedule import Schedule
from router.core.snapshot import EMPTY, compile_snapshot
from tests.shell import Shell, deployment, endpoint

CALLS = 1000


def blue_green(name: str = "my-endpoint", mirror_percent: int = 0) -> EndpointRoute:
    names = ("blue", "green", "shadow")
    return endpoint(
        *(deployment(one, concurrency=10 * CALLS) for one in names),
        traffic={"blue": 90, "green": 10},
        mirror_traffic={"shadow": mirror_percent} if mirror_percent else {},
        name=name,
    )


def measure(
    benchmark: BenchmarkFixture,
    budget_ns: int,
    call: Callable[[object], object],
    setup: Callable[[], object],
) -> None:
    """CALLS calls in each round, each round on a fresh object; the mean is per round."""

    def round_(target: object) -> None:
        for _ in range(CALLS):
            call(target)

    benchmark.extra_info["budget_ns_per_call"] = budget_ns
    benchmark.extra_info["calls_per_round"] = CALLS
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        round_, setup=lambda: ((setup(),), {}), rounds=30, warmup_rounds=3
    )


def test_pick_in_400_ns(benchmark: BenchmarkFixture) -> None:
    measure(
        benchmark,
        400,
        lambda schedule: schedule.pick(),  # type: ignore[attr-defined]
        lambda: Schedule((90, 10), random.Random(0).random),
    )


def test_mirror_sample_in_400_ns(benchmark: BenchmarkFixture) -> None:
    measure(
        benchmark,
        400,
        lambda schedule: schedule.pick(),  # type: ignore[attr-defined]
        lambda: Schedule((90, 10), random.Random(0).random),
    )


@pytest.mark.parametrize(("limit", "budget_ns"), [(None, 200), (9_000_000_000, 1000)])
def test_count_a_request_and_its_response_in_200_ns_and_with_a_limit_in_1000(
    benchmark: BenchmarkFixture, limit: int | None, budget_ns: int
) -> None:
    times_ns = itertools.count(10**18, 20_000)

    def count(quota: object) -> None:
        assert isinstance(quota, Quota)
        now_ns = next(times_ns)
        quota.charge_request(300, now_ns)
        quota.charge_response(400, now_ns)

    limits = EndpointQuota(bandwidth_bytes_per_s=limit)
    measure(benchmark, budget_ns, count, lambda: Quota("my-endpoint", limits, LocalBudgets()))


@pytest.mark.parametrize(("mirror_percent", "budget_ns"), [(0, 4000), (10, 5000)])
def test_admit_in_4_us_and_with_a_mirror_in_5(
    benchmark: BenchmarkFixture, mirror_percent: int, budget_ns: int
) -> None:
    """Credentials, pick, limits, deadline, queue and, of every tenth, a copy."""

    class Nobody:
        def on_answer(self, *_: object) -> None: ...
        def on_refusal(self, *_: object) -> None: ...

    client = Nobody()

    def setup() -> Shell:
        shell = Shell()
        shell.swap(blue_green(mirror_percent=mirror_percent))
        return shell

    def admit(shell: Shell) -> None:
        found = shell.dispatcher.authorize("my-endpoint", b"Bearer secret", shell.now_ns)
        shell.dispatcher.arrive(found, None, b"{}", NO_HEAD, client, shell.now_ns)  # type: ignore[arg-type]

    measure(benchmark, budget_ns, admit, setup)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [1, 20, 1000])
def test_compile_in_20_us_an_endpoint(benchmark: BenchmarkFixture, count: int) -> None:
    routing = Routing(
        generation=1, endpoints=tuple(blue_green(f"endpoint-{n}") for n in range(count))
    )
    benchmark.extra_info["budget_ns_per_call"] = 20_000 * count
    benchmark(compile_snapshot, routing, EMPTY, random.Random(0), LocalBudgets())


@pytest.mark.parametrize("count", [1, 20, 1000])
def test_swap_in_40_us_and_1_us_for_each_endpoint_that_stays(
    benchmark: BenchmarkFixture, count: int
) -> None:
    """The traffic of one of ``count`` endpoints changes; the others go on in their blocks."""
    shell = Shell()
    others = [blue_green(f"endpoint-{n}") for n in range(count - 1)]
    shell.swap(blue_green(), *others)
    shares = itertools.cycle((10, 20, 30))

    def swap() -> None:
        green = next(shares)
        changed = endpoint(
            deployment("blue"), deployment("green"), traffic={"blue": 100 - green, "green": green}
        )
        shell.swap(changed, *others)

    benchmark.extra_info["budget_ns_per_call"] = 40_000 + 1000 * (count - 1)
    benchmark(swap)
