"""Simulated event loops: they work in turns, and their timers go off in whole milliseconds."""

import pytest

from sim.clock import NS_PER_MS, Clock
from sim.cores import Cores, EventLoop


@pytest.fixture
def clock() -> Clock:
    return Clock(1000)


@pytest.fixture
def loop(clock: Clock) -> EventLoop:
    return EventLoop(clock, Cores(1, clock).work)


class Seen:
    """What was called, and when, in ms."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.at_ms: list[tuple[object, float]] = []

    def __call__(self, what: object) -> None:
        self.at_ms.append((what, round(self._clock.now_ns / NS_PER_MS, 3)))


def ns(ms: float) -> int:
    return round(ms * NS_PER_MS)


def test_what_comes_during_a_turn_is_done_in_the_next_one_together(
    clock: Clock, loop: EventLoop
) -> None:
    seen = Seen(clock)
    loop.work(ns(5), seen, "first")
    clock.after(ns(1), lambda _: loop.work(ns(2), seen, "second"))
    clock.after(ns(2), lambda _: loop.work(ns(3), seen, "third"))
    clock.run(ns(100))
    assert seen.at_ms == [("first", 5), ("second", 10), ("third", 10)]


def test_timers_that_are_due_within_a_millisecond_go_off_together(
    clock: Clock, loop: EventLoop
) -> None:
    seen = Seen(clock)
    for due_ms in 10.2, 10.9, 11.1:
        loop.after(ns(due_ms), seen, due_ms)
    clock.run(ns(100))
    assert seen.at_ms == [(10.2, 11), (10.9, 11), (11.1, 12)]


def test_what_comes_wakes_it_for_a_timer_that_is_due(clock: Clock, loop: EventLoop) -> None:
    seen = Seen(clock)
    loop.after(ns(10.2), seen, "timer")
    clock.after(ns(10.5), lambda _: loop.work(ns(1), seen, "work"))
    clock.run(ns(100))
    assert seen.at_ms == [("timer", 10.5), ("work", 11.5)]


def test_a_sleep_that_was_broken_off_wakes_nobody_later(clock: Clock, loop: EventLoop) -> None:
    seen = Seen(clock)
    # Asleep until 11; awake from 10.5 to 10.6; asleep again, for a millisecond from there.
    loop.after(ns(10.2), lambda _: loop.after(ns(0.45), seen, "next timer"), None)
    clock.after(ns(10.5), lambda _: loop.work(ns(0.1), seen, "work"))
    clock.run(ns(100))
    assert seen.at_ms == [("work", 10.6), ("next timer", 11.6)]


def test_a_timer_waits_for_the_end_of_a_turn(clock: Clock, loop: EventLoop) -> None:
    seen = Seen(clock)
    loop.after(ns(1), seen, "timer")
    loop.work(ns(5), seen, "work")
    clock.run(ns(100))
    assert seen.at_ms == [("work", 5), ("timer", 5)]


def test_a_timer_may_start_another_one(clock: Clock, loop: EventLoop) -> None:
    seen = Seen(clock)

    def again(_: object) -> None:
        seen("first")
        loop.after(ns(0.5), seen, "second")

    loop.after(ns(1), again, None)
    clock.run(ns(100))
    assert seen.at_ms == [("first", 1), ("second", 2)]


def test_its_turns_wait_for_a_core(clock: Clock) -> None:
    cores, seen = Cores(1, clock), Seen(clock)
    one, other = EventLoop(clock, cores.work), EventLoop(clock, cores.work)
    one.work(ns(3), seen, "one")
    other.work(ns(2), seen, "other")
    clock.run(ns(100))
    assert seen.at_ms == [("one", 3), ("other", 5)]
