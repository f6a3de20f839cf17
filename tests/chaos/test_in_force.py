"""What may be seen of something that changes: nothing older than what was acknowledged."""

from tests.chaos.in_force import InForce


def test_before_and_while_it_is_asked_for_either_may_be_seen_and_after_it_only_the_new_one() -> (
    None
):
    value = InForce("old", 0.0)
    value.begin("new", 1.0)
    assert value.possible(0.5, 0.9) == ["old"]
    assert value.possible(0.5, 1.5) == ["old", "new"]
    value.acknowledge(2.0)
    assert value.possible(1.9, 3.0) == ["old", "new"]
    assert value.possible(2.0, 3.0) == ["new"]


def test_what_was_never_acknowledged_stays_possible_until_the_next_is() -> None:
    value = InForce("old", 0.0)
    value.begin("doubtful", 1.0)
    value.begin("new", 3.0)
    assert value.possible(2.0, 4.0) == ["old", "doubtful", "new"]
    assert not value.is_known
    value.acknowledge(5.0)
    assert value.possible(5.0, 6.0) == ["new"]
    assert value.is_known


def test_what_the_control_plane_says_ends_the_doubt() -> None:
    value = InForce("old", 0.0)
    value.begin("doubtful", 1.0)
    assert value.observe("old", 2.0)
    assert value.possible(2.0, 3.0) == ["old"]
    assert value.newest == "old"
    value.begin("doubtful", 4.0)
    assert value.observe("doubtful", 5.0)
    assert value.possible(5.0, 6.0) == ["doubtful"]


def test_what_the_control_plane_says_must_be_possible() -> None:
    value = InForce("old", 0.0)
    value.begin("new", 1.0)
    value.acknowledge(2.0)
    assert not value.observe("old", 3.0), "an acknowledged change is lost"
    assert not value.observe("never asked for", 4.0)
