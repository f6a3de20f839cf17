"""Invariant 2: picking waits for nothing, a swap for no traffic, and traffic for no swap.

What waits would show: in sources, as a lock or an await; in a run, as work that grows with what is
queued, or as something sent or answered by a swap.
"""

import gc
import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from types import FrameType

from hypothesis import assume, given
from hypothesis import strategies as st

from router.core.request import NO_HEAD, Refusal
from router.core.routing import EndpointRoute, Routing
from tests.shell import ENDPOINT, KEY, Asked, Shell, deployment, endpoint

WHERE_NOTHING_WAITS = (
    "admission", "dispatcher", "lane", "membership", "quota", "schedule", "snapshot", "throttle",
    "token_bucket",
)  # fmt: skip
ROUTES = deployment("blue", concurrency=1000), deployment("green", concurrency=1000)
AUTHORIZATION = f"Bearer {KEY}".encode()
percents = st.integers(0, 100)
# Both deployments' windows are full, and requests queued for them.
both = st.integers(30, 70)
waiting = st.integers(200, 400)


def endpoint_with(blue: int) -> EndpointRoute:
    return endpoint(*ROUTES, traffic={"blue": blue, "green": 100 - blue})


def stuck(blue: int, count: int) -> Shell:
    """So many requests have come, and no instance answers."""
    shell = Shell()
    shell.swap(endpoint_with(blue))
    for _ in range(count):
        shell.ask()
    shell.pump()
    return shell


def calls_of(action: Callable[[], object]) -> int:
    """How many functions it calls."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        del frame, argument
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    # Hypothesis has functions of its own called by it.
    gc.disable()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


def test_2_the_core_has_no_lock_and_no_coroutine() -> None:
    for name in WHERE_NOTHING_WAITS:
        source = inspect.getsource(import_module(f"router.core.{name}"))
        for word in ("async def", "await ", "threading", "asyncio", "Lock("):
            assert word not in source, f"{word!r} in {name}"


@given(both, waiting, waiting)
def test_2_taking_a_request_is_as_much_work_whatever_waits(blue: int, few: int, many: int) -> None:
    """But for a pick that begins a block of 100, which draws it: of three one at most does."""
    assert least_calls_of_asking(stuck(blue, few)) == least_calls_of_asking(stuck(blue, few + many))


def least_calls_of_asking(shell: Shell) -> int:
    core, now_ns = shell.dispatcher, shell.now_ns

    def ask_and_pump() -> None:
        found = core.authorize(ENDPOINT, AUTHORIZATION, now_ns)
        assert not isinstance(found, Refusal)
        core.arrive(found, None, b"", NO_HEAD, Asked(b""), now_ns)
        core.pump(shell._woken.pop(), now_ns)

    return min(calls_of(ask_and_pump) for _ in range(3))


@given(both, waiting, waiting)
def test_2_a_swap_is_as_much_work_whatever_waits(blue: int, few: int, many: int) -> None:
    """By the same percents, as others have a block drawn; an instance and a deployment more."""
    assert calls_of_swapping(stuck(blue, few), blue) == calls_of_swapping(
        stuck(blue, few + many), blue
    )


def calls_of_swapping(shell: Shell, blue: int) -> int:
    routes = deployment("blue", instances=2, concurrency=1000), ROUTES[1], deployment("red")
    traffic = {"blue": blue, "green": 100 - blue}
    routing = Routing(generation=2, endpoints=(endpoint(*routes, traffic=traffic),))
    return calls_of(lambda: shell.dispatcher.swap(routing))


@given(percents, percents, st.integers(0, 300))
def test_2_a_swap_sends_answers_and_drops_nothing(blue: int, then: int, count: int) -> None:
    # The same percents go on where they are, within a block.
    assume(then != blue)
    shell = stuck(blue, count)
    # Where the windows have room these could be sent.
    for _ in range(5):
        shell.ask()
    sent = {name: [one.id for one in held] for name, held in shell.at.items()}
    in_flight = shell.dispatcher.ledger.in_flight
    shell.dispatcher.swap(Routing(generation=2, endpoints=(endpoint_with(then),)))
    assert {name: [one.id for one in held] for name, held in shell.at.items()} == sent
    assert shell.dispatcher.ledger.in_flight == in_flight == count + 5
    assert not any(asked.told for asked in shell.asked)
    # And whoever comes now is routed by it at once, though nothing has been answered.
    after = [shell.ask().request for _ in range(100)]
    assert sum(one is not None and one.deployment.name == "blue" for one in after) == then
