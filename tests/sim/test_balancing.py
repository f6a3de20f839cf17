"""A deployment keeps up with Poisson arrivals at 80 % of what it can serve, however fast it is."""

import pytest

from loadtests.bench.queueing import poisson_arrivals, quantile, sojourns
from router.core.deployment_spec import RequestSettings
from sim.scenario import Arrivals, Client, Deployment, Endpoint, Latency, Scenario
from tests.sim.test_simulate import run

LOAD = 0.8
REQUESTS = 20_000


@pytest.mark.parametrize("instances", [1, 2])
@pytest.mark.parametrize("run_ms", [0.2, 0.3, 0.5, 0.7, 0.9, 1, 1.3, 2, 3, 5])
def test_the_p99_is_near_the_ideal_queues(run_ms: float, instances: int) -> None:
    rate_per_s = LOAD * instances / run_ms * 1000
    seconds = REQUESTS / rate_per_s
    deployment = Deployment(
        name="blue",
        instance_count=instances,
        latency=Latency(constant_ms=run_ms),
        request_settings=RequestSettings(max_concurrent_requests_per_instance=1000),
    )
    scenario = Scenario(
        name="balancing",
        for_s=seconds,
        endpoints=[Endpoint(name="my-endpoint", deployments=[deployment], traffic={"blue": 100})],
        clients=[Client(name="users", arrivals=Arrivals(per_s=rate_per_s))],
    )
    summary, _ = run(scenario)
    (blue,) = summary.whole.deployments
    ideal_ms = 1000 * quantile(
        sojourns(poisson_arrivals(rate_per_s, seconds, 1), run_ms / 1000, instances), 0.99
    )
    assert summary.whole.errors == 0
    assert blue.p99_ms is not None
    # On top of the way there and back, of half a millisecond, and of what gathers meanwhile.
    assert blue.p99_ms < 1.3 * ideal_ms + 1, ideal_ms
