"""When an instance that gathers is sent more before all of its answers are back."""

import pytest

from router.core.lane import LARGE_BYTES_MIN
from router.core.window import REFILL_LEFT_NS, REFILL_NS_MIN, SPREAD_NS_MAX, WORK_NS, Window
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


@pytest.mark.parametrize("passed_ns", [WORK_NS, WORK_NS + 1])
def test_nothing_follows_one_that_has_kept_its_instance_silent(passed_ns: int) -> None:
    shell = busy()
    shell.answer("blue-0", LIMIT - 1)
    shell.pass_time(passed_ns)
    ask(shell, LIMIT)
    assert held(shell) == (LIMIT if passed_ns == WORK_NS else 1)


def test_a_part_of_a_streamed_answer_is_no_sign_that_more_will_be_run() -> None:
    shell = busy()
    shell.answer("blue-0", LIMIT - 1)
    shell.pass_time(WORK_NS + 1)
    shell.answer_part("blue-0")
    ask(shell, LIMIT)
    assert held(shell) == 1


def test_nothing_follows_one_that_is_overdue() -> None:
    shell = busy()
    shell.answer("blue-0", LIMIT - 2)
    shell.pass_time(6_000_000_000)
    assert held(shell) == 2
    shell.answer("blue-0", 1)
    ask(shell, LIMIT)
    assert held(shell) == 1


def test_nothing_follows_where_runs_differ() -> None:
    window = Window(1, 1000)
    for run_ns in (20_000, 20_000_000) * 20:
        window.observe(run_ns)
    for _ in range(40):
        window.observe(20_000)
        assert not window.may_refill(1, 1000) or window._spread_ns <= SPREAD_NS_MAX
    assert window.may_refill(1, 1000), "regular again"


def test_large_bodies_under_way_make_no_small_messages() -> None:
    shell = busy(concurrency=LIMIT)
    shell.answer("blue-0", LIMIT - 2)
    for _ in range(LIMIT - MORE):
        shell.ask(payload=bytes(LARGE_BYTES_MIN))
    shell.pump()
    ask(shell, MORE)
    assert held(shell) <= LIMIT
    small = [sent for sent in shell.at["blue-0"] if len(sent.payload) < LARGE_BYTES_MIN]
    assert len(small) == 2


@pytest.mark.parametrize("parallel_runs", [1, 4])
def test_work_is_counted_by_what_runs_in_parallel(parallel_runs: int) -> None:
    window = Window(parallel_runs, 1000)
    window.observe(RUN_NS)
    assert window.may_refill(LEFT * parallel_runs, MORE * parallel_runs)
    assert not window.may_refill((LEFT + 1) * parallel_runs, MORE * parallel_runs)
    assert not window.may_refill(LEFT * parallel_runs, (MORE - 1) * parallel_runs)
