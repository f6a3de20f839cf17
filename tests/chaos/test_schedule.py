"""A seed draws the same schedule each time, and all of it."""

import pytest

from tests.chaos.schedule import LASTS_S, Kind, draw
from tests.chaos.test_chaos import MINUTES, SEED

TEN_MINUTES_S = 600.0


def test_a_seed_draws_the_same_schedule_each_time_and_another_seed_another() -> None:
    assert draw(1, TEN_MINUTES_S) == draw(1, TEN_MINUTES_S)
    assert draw(1, TEN_MINUTES_S) != draw(2, TEN_MINUTES_S)


@pytest.mark.parametrize("seed", range(20))
def test_ten_minutes_have_something_of_every_kind_in_order_and_in_their_bounds(seed: int) -> None:
    actions = draw(seed, TEN_MINUTES_S)
    assert {action.kind for action in actions} == set(Kind)
    assert [action.at_s for action in actions] == sorted(action.at_s for action in actions)
    for action in actions:
        shortest_s, longest_s = LASTS_S.get(action.kind, (0, 0))
        assert 0 < action.at_s < TEN_MINUTES_S
        assert shortest_s <= action.lasts_s <= longest_s


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    longer = draw(3, TEN_MINUTES_S)
    assert draw(3, 60.0) == [action for action in longer if action.at_s < 60.0]


def test_the_minute_that_is_run_with_every_test_has_something_of_every_kind() -> None:
    assert {action.kind for action in draw(SEED, 60 * MINUTES)} == set(Kind)
