"""The window follows the model's speed within its bounds."""

from hypothesis import given
from hypothesis import strategies as st

from router.core.window import WORK_NS, Window

bounds = st.tuples(st.integers(1, 8), st.integers(1, 200))


@given(bounds, st.lists(st.integers(1, 10**10), max_size=30))
def test_the_limit_stays_between_what_runs_in_parallel_and_the_maximum(
    pair: tuple[int, int], measured: list[int]
) -> None:
    parallel_runs, limit_max = pair
    window = Window(parallel_runs, limit_max)
    for run_ns in measured:
        window.observe(run_ns)
        assert min(parallel_runs, limit_max) <= window.limit <= limit_max
        assert window.gathers == (window.limit > min(parallel_runs, limit_max))


def test_a_fast_model_gets_dozens_at_once_and_a_slow_one_what_it_runs() -> None:
    fast, slow = Window(1, 1000), Window(4, 1000)
    for _ in range(50):
        fast.observe(20_000)
        slow.observe(50_000_000)
    assert (fast.limit, fast.gathers) == (WORK_NS // 20_000, True)
    assert (slow.limit, slow.gathers) == (4, False)


def test_an_instance_that_was_not_measured_yet_is_taken_for_slow() -> None:
    assert Window(2, 100).limit == 2


def test_new_bounds_keep_the_measured_speed() -> None:
    window = Window(1, 10)
    window.observe(20_000)
    window.resize(1, 40)
    assert window.limit == 40
