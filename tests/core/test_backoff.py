"""How long restarts wait, and what counts as a crash loop."""

from hypothesis import given
from hypothesis import strategies as st

from router.core.backoff import DELAY_S_MAX, DELAY_S_MIN, HEALTHY_LIFE_S, Backoff


def delays(*lives_s: float) -> list[float]:
    """The longest delay after each life."""
    backoff = Backoff()
    found = []
    for lived_s in lives_s:
        backoff.on_end(lived_s)
        found.append(backoff.delay_s(1.0))
    return found


def test_a_script_that_never_comes_up_waits_twice_as_long_each_time_up_to_a_limit() -> None:
    assert delays(*[0.0] * 9) == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_an_instance_that_served_for_longer_than_it_was_waited_for_is_replaced_quickly() -> None:
    assert delays(0, 0, 0, 0, 1.9, 4.0, 0.9) == [0.25, 0.5, 1, 2, 4, 0.25, 0.5]


def test_one_that_is_killed_every_two_seconds_never_waits_long() -> None:
    assert set(delays(*[2.0] * 30)) == {DELAY_S_MIN}


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 1))
def test_jitter_takes_at_most_half_of_a_delay(lives_s: list[float], draw: float) -> None:
    backoff = Backoff()
    for lived_s in lives_s:
        backoff.on_end(lived_s)
    longest = backoff.delay_s(1.0)
    assert longest / 2 <= backoff.delay_s(draw) <= longest <= DELAY_S_MAX


def test_three_short_lives_in_a_row_are_a_loop_until_one_lives() -> None:
    backoff = Backoff()
    states = []
    for lived_s in (0.0, 5.0, 9.9):
        states.append(backoff.is_loop(living_s=0))
        backoff.on_end(lived_s)
    assert states == [False] * 3
    assert backoff.is_loop(living_s=0)
    assert backoff.is_loop(living_s=HEALTHY_LIFE_S - 1)
    assert not backoff.is_loop(living_s=HEALTHY_LIFE_S)
    backoff.on_end(HEALTHY_LIFE_S)
    assert not backoff.is_loop(living_s=0)
