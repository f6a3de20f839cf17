"""When an instance that gathers is sent more before all of its answers are back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.window import REFILL_LEFT_NS, REFILL_NS_MIN, WORK_NS, Window
from tests.shell import Shell, deployment, endpoint

RUN_NS = 20_000
LIMIT = WORK_NS // RUN_NS
LEFT = REFILL_LEFT_NS // RUN_NS
MORE = REFILL_NS_MIN // RUN_NS


def busy(concurrency: int = 1000, run_ns: int = RUN_NS) -> Shell:
    """A shell whose only instance holds as much as its window lets it."""
    shell = Shell()
    shell.run_ns = run_ns
    route = deployment("blue", concurrency=concurrency)
    shell.swap(endpoint(route, traffic={"blue": 100}))
    shell.ask()
    shell.serve_all()
    ask(shell, min(WORK_NS // run_ns, concurrency))
    return shell


def ask(shell: Shell, count: int) -> None:
    for _ in range(count):
        shell.ask()
    shell.pump()


def held(shell: Shell) -> int:
    return len(shell.at["blue-0"])


def test_a_good_half_of_a_window_follows_when_no_more_than_that_is_left() -> None:
    shell = busy()
    ask(shell, LIMIT)
    shell.answer("blue-0", LIMIT - LEFT - 1)
    assert held(shell) == LEFT + 1
    shell.answer("blue-0", 1)
    assert held(shell) == LIMIT


def test_it_follows_as_soon_as_enough_is_queued_and_not_before() -> None:
    shell = busy()
    shell.answer("blue-0", LIMIT - LEFT)
    ask(shell, MORE - 1)
    assert held(shell) == LEFT
    ask(shell, 1)
    assert held(shell) == LEFT + MORE


def test_what_is_queued_goes_when_all_answers_are_back_however_little_it_is() -> None:
    shell = busy()
    ask(shell, 1)
    shell.answer("blue-0", LIMIT - 1)
    assert held(shell) == 1
    shell.answer("blue-0")
    assert held(shell) == 1


def test_a_small_maximum_makes_no_small_messages() -> None:
    shell = busy(concurrency=MORE - 1)
    shell.answer("blue-0", MORE - 2)
    ask(shell, MORE)
    assert held(shell) == 1, "one that is left, and none that was sent behind it"
    shell.answer("blue-0")
    assert held(shell) == MORE - 1


def test_a_model_of_which_two_runs_fill_the_window_has_one_more_behind_the_one_that_runs() -> None:
    shell = busy(run_ns=WORK_NS // 2)
    ask(shell, 2)
    shell.answer("blue-0", 1)
    assert held(shell) == 2


@pytest.mark.parametrize("parallel_runs", [1, 4])
def test_work_is_counted_by_what_runs_in_parallel(parallel_runs: int) -> None:
    window = Window(parallel_runs, 1000)
    window.observe(RUN_NS)
    assert window.may_refill(LEFT * parallel_runs, MORE * parallel_runs)
    assert not window.may_refill((LEFT + 1) * parallel_runs, MORE * parallel_runs)
    assert not window.may_refill(LEFT * parallel_runs, (MORE - 1) * parallel_runs)


@given(
    st.tuples(st.integers(1, 8), st.integers(1, 200)),
    st.lists(st.integers(1, 10**8), min_size=1, max_size=10),
    st.integers(0, 300),
    st.integers(0, 300),
)
def test_no_message_that_follows_others_holds_little_work_or_more_than_the_window(
    bounds: tuple[int, int], measured: list[int], outstanding: int, queued: int
) -> None:
    window = Window(*bounds)
    for run_ns in measured:
        window.observe(run_ns)
    if window.may_refill(outstanding, queued):
        more = min(queued, window.limit - outstanding)
        assert 0 < more <= window.limit_max - outstanding
