"""The window follows the model's speed within its bounds."""

from hypothesis import given
from hypothesis import strategies as st

from router.core.window import AHEAD_NS, SPREAD_NS_MAX, WORK_NS, Window

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


def test_one_is_sent_ahead_of_a_slow_regular_models_end() -> None:
    window = Window(1, 1000)
    assert window.ahead_ns is None, "unmeasured"
    window.observe(5_000_000)
    assert window.ahead_ns == 5_000_000 - AHEAD_NS
    window.resize(1, 1)
    assert window.ahead_ns is None, "over the maximum"


def test_none_is_sent_ahead_of_a_model_whose_runs_differ() -> None:
    window = Window(1, 1000)
    for run_ns in (2_000_000, 2_000_000, 2_000_000, 40_000_000) * 10:
        window.observe(run_ns)
    assert window.ahead_ns is None
    for _ in range(100):
        window.observe(5_000_000)
    assert window.ahead_ns is not None, "regular again"


@given(bounds, st.lists(st.integers(1, 10**10), max_size=30))
def test_none_is_sent_ahead_where_batches_gather_or_the_maximum_is_reached(
    pair: tuple[int, int], measured: list[int]
) -> None:
    window = Window(*pair)
    for run_ns in measured:
        window.observe(run_ns)
        if window.ahead_ns is not None:
            assert not window.gathers
            assert window.limit < pair[1]
            assert window.ahead_ns >= 0


def test_runs_may_differ_a_little() -> None:
    window = Window(1, 1000)
    for run_ns in (5_000_000 - SPREAD_NS_MAX // 2, 5_000_000 + SPREAD_NS_MAX // 2) * 20:
        window.observe(run_ns)
    assert window.ahead_ns is not None
