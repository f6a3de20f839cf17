"""When answers leave an instance: each at once, with others, or before the last is run."""

import asyncio
import threading
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from router.core import window
from runtime.app import App
from runtime.columns import Answer, ColumnAnswer
from runtime.executor import Executor
from runtime.request import ColumnRequest, Request
from runtime.sink import HOLD_NS, Sink, is_due
from sim import instance as simulated

WAIT_S = 10


class Watched(Sink):
    """Notes which answers were to be sent at once."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once: list[bool] = []

    def add(self, answer: Answer, *, at_once: bool) -> None:
        self.at_once.append(at_once)
        super().add(answer, at_once=at_once)


class Model:
    """An app whose runs say that they took so long, the first when all requests have come."""

    wants_headers = False

    def __init__(self, run_ns: int) -> None:
        self.begin = threading.Event()
        self._run_ns = run_ns

    def answer(self, request: Request, received_ns: int) -> ColumnAnswer:
        assert self.begin.wait(WAIT_S)
        return ColumnAnswer(request.id, b"", self._run_ns)


async def at_once(run_ns: int, count: int) -> list[bool]:
    """Of so many requests that came in one message, whose answers were sent at once."""
    model, sink = Model(run_ns), Watched()
    executor = Executor(lambda: cast("App", model))
    threading.Thread(target=executor.work, daemon=True).start()
    executor.submit([ColumnRequest(n, b"", 0) for n in range(count)], sink)
    model.begin.set()
    async with asyncio.timeout(WAIT_S):
        taken = 0
        while taken < count:
            taken += len(await sink.take())
    return sink.at_once


async def test_those_of_a_fast_model_leave_together_with_the_last() -> None:
    assert await at_once(HOLD_NS // 100, 5) == [False] * 4 + [True]


async def test_those_of_a_slow_one_leave_one_by_one() -> None:
    assert await at_once(HOLD_NS, 3) == [True] * 3


async def test_what_has_gathered_leaves_when_a_millisecond_of_work_is_left() -> None:
    # After the second, three are left of 0.3 ms each.
    assert await at_once(300_000, 5) == [False, True, False, False, True]


@given(st.integers(1, HOLD_NS - 1), st.integers(1, 3000))
def test_of_a_message_of_equal_runs_one_answer_leaves_early_if_there_is_work_for_it(
    run_ns: int, count: int
) -> None:
    due = [queued for queued in range(count) if is_due(run_ns, queued)]
    early = HOLD_NS // run_ns
    assert due == ([0, early] if early < count else [0])


def test_the_router_may_send_more_when_an_instance_has_told_what_it_has() -> None:
    assert window.REFILL_LEFT_NS > HOLD_NS


@given(st.integers(0, 3 * HOLD_NS), st.integers(0, 3000))
def test_a_simulated_instance_has_the_same_rule(run_ns: int, queued: int) -> None:
    assert simulated.is_due(run_ns, queued) == is_due(run_ns, queued)
    assert simulated.HOLD_NS == HOLD_NS
