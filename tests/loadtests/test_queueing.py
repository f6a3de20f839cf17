"""The ideal queue, held against what is known of queues."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.bench.queueing import poisson_arrivals, quantile, sojourns

SLACK = 1e-9

service = st.floats(0.001, 5)
servers = st.integers(1, 6)
arrivals = st.lists(st.floats(0, 3), min_size=1, max_size=60).map(
    lambda gaps: list(itertools.accumulate(gaps))
)


@given(st.floats(0, 1e6), service, servers)
def test_a_request_alone_does_not_wait(arrived_s: float, service_s: float, count: int) -> None:
    assert sojourns([arrived_s], service_s, count) == [pytest.approx(service_s, abs=SLACK)]


@given(arrivals, service, servers)
def test_no_request_takes_less_than_its_service(
    arrivals_s: list[float], service_s: float, count: int
) -> None:
    times = sojourns(arrivals_s, service_s, count)
    assert len(times) == len(arrivals_s)
    assert min(times) >= service_s - SLACK


@given(arrivals, service)
def test_one_server_is_lindleys_recursion(arrivals_s: list[float], service_s: float) -> None:
    waited_s, expected = 0.0, [service_s]
    for before, after in itertools.pairwise(arrivals_s):
        waited_s = max(waited_s + service_s - (after - before), 0.0)
        expected.append(waited_s + service_s)
    assert sojourns(arrivals_s, service_s, 1) == pytest.approx(expected, abs=SLACK)


@given(arrivals, service, servers)
def test_no_request_is_later_with_one_more_server(
    arrivals_s: list[float], service_s: float, count: int
) -> None:
    few, more = (sojourns(arrivals_s, service_s, n) for n in (count, count + 1))
    assert all(later <= sooner + SLACK for later, sooner in zip(more, few, strict=True))


@given(arrivals, service, servers)
def test_equal_services_end_in_the_order_of_arrival_and_no_more_at_once_than_servers(
    arrivals_s: list[float], service_s: float, count: int
) -> None:
    times = sojourns(arrivals_s, service_s, count)
    ends = [arrived + took for arrived, took in zip(arrivals_s, times, strict=True)]
    assert all(before <= after + SLACK for before, after in itertools.pairwise(ends))
    begins = [end - service_s for end in ends]
    assert all(b >= e - SLACK for e, b in zip(ends, begins[count:], strict=False))


def test_a_burst_is_served_in_as_many_rounds_as_it_takes() -> None:
    assert sojourns([0.0] * 5, 2.0, 2) == [2.0, 2.0, 4.0, 4.0, 6.0]


def test_arrivals_are_the_seeds_in_order_and_as_many_as_the_rate_says() -> None:
    """The bounds are 4.5 standard deviations, which one seed in 100,000 passes; this one does not.

    A Poisson count of mean 18,000 has one of sqrt(18,000) = 134. Exponential gaps have equal mean
    and standard deviation s, and a fourth moment of 9 s^4: so the variance of n of them has a
    standard deviation of sqrt(8 / n) s^2 = 0.021 s^2.
    """
    drawn = poisson_arrivals(300, 60, seed=7)
    assert drawn == poisson_arrivals(300, 60, seed=7) != poisson_arrivals(300, 60, seed=8)
    assert drawn == sorted(drawn)
    assert 0 < drawn[0] < drawn[-1] < 60
    assert len(drawn) == pytest.approx(18_000, abs=600)
    gaps = [after - before for before, after in itertools.pairwise(drawn)]
    mean_s = sum(gaps) / len(gaps)
    assert sum((gap - mean_s) ** 2 for gap in gaps) / len(gaps) == pytest.approx(mean_s**2, rel=0.1)


@given(st.lists(st.integers(0, 100), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_the_least_value_that_enough_values_do_not_exceed(
    values: list[int], share: float
) -> None:
    found = quantile(values, share)
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)
