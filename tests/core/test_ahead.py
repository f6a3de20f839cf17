"""When a slow instance is given its next request before it has answered the last."""

import msgspec

from router.core.window import AHEAD_NS
from tests.shell import Shell, deployment, endpoint

RUN_NS = 5_000_000
DUE_NS = RUN_NS - AHEAD_NS


def slow(instances: int = 1, concurrency: int = 1000, parallel_runs: int = 1) -> Shell:
    """A shell whose instances were each seen to take RUN_NS, and hold nothing."""
    shell = Shell()
    shell.run_ns = RUN_NS
    route = deployment("blue", instances=instances, concurrency=concurrency)
    route = msgspec.structs.replace(route, parallel_runs=parallel_runs)
    shell.swap(endpoint(route, traffic={"blue": 100}))
    for _ in range(instances):
        shell.ask()
    shell.serve_all()
    return shell


def held(shell: Shell) -> list[int]:
    return [len(requests) for _, requests in sorted(shell.at.items())]


def ask(shell: Shell, count: int) -> None:
    for _ in range(count):
        shell.ask()
    shell.pump()


def test_one_more_is_sent_shortly_before_the_run_is_expected_to_end_and_not_before() -> None:
    shell = slow()
    ask(shell, 3)
    assert held(shell) == [1]
    shell.pass_time(DUE_NS - 1)
    assert held(shell) == [1]
    shell.pass_time(1)
    assert held(shell) == [2]
    shell.pass_time(10 * RUN_NS)
    assert held(shell) == [2], "only one, however late the answer is"


def test_the_one_ahead_begins_when_the_one_before_it_is_answered() -> None:
    shell = slow()
    ask(shell, 3)
    shell.pass_time(RUN_NS)
    shell.answer("blue-0", 1)
    shell.pump()
    assert held(shell) == [1]
    shell.pass_time(DUE_NS - 1)
    assert held(shell) == [1]
    shell.pass_time(1)
    assert held(shell) == [2]


def test_an_arrival_is_sent_ahead_at_once_where_the_run_is_old_enough() -> None:
    shell = slow()
    ask(shell, 1)
    shell.pass_time(DUE_NS)
    ask(shell, 1)
    assert held(shell) == [2]


def test_an_idle_instance_goes_before_one_that_is_about_to_end() -> None:
    shell = slow(instances=2)
    ask(shell, 1)
    shell.pass_time(DUE_NS)
    ask(shell, 1)
    assert held(shell) == [1, 1]


def test_of_parallel_runs_the_oldest_counts() -> None:
    shell = slow(parallel_runs=2)
    ask(shell, 1)
    shell.pass_time(1_000_000)
    ask(shell, 1)
    shell.pass_time(RUN_NS - 1_000_000)
    shell.answer("blue-0", 1)
    ask(shell, 2)
    assert held(shell) == [3], "one in the free place, one ahead of the other's end"


def test_none_is_sent_ahead_over_the_maximum() -> None:
    shell = slow(concurrency=1)
    ask(shell, 1)
    shell.pass_time(10 * RUN_NS)
    ask(shell, 1)
    assert held(shell) == [1]


def test_none_is_sent_ahead_of_runs_that_differ() -> None:
    shell = slow()
    for run_ns in (2_000_000, 60_000_000) * 5:
        shell.run_ns = run_ns
        ask(shell, 1)
        shell.serve_all()
    ask(shell, 2)
    shell.pass_time(1_000_000_000)
    assert held(shell) == [1]


def test_what_is_lost_with_an_instance_is_given_to_the_other() -> None:
    shell = slow(instances=2)
    ask(shell, 3)
    shell.pass_time(DUE_NS)
    assert sorted(held(shell)) == [1, 2]
    shell.lose("blue-0")
    shell.serve_all()
    assert all(asked.answers for asked in shell.asked)


def test_nothing_is_sent_ahead_to_an_instance_that_leaves_and_nobody_is_woken_for_it() -> None:
    shell = slow(instances=2)
    ask(shell, 4)
    assert held(shell) == [1, 1]
    shell.swap(endpoint(deployment("blue", instances=1), traffic={"blue": 100}))
    shell.pass_time(DUE_NS)
    assert held(shell) == [2, 1]
    # Being woken for what is due already would go on for ever: the shell refuses it.
    shell.ask()
    shell.pump()
    assert held(shell) == [2, 1]
