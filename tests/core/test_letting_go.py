"""Who goes when a deployment is to have fewer instances."""

from router.core.letting_go import instances_to_let_go

IDS = ["i1", "i2", "i3", "i4"]


def test_the_least_loaded_go_and_of_equals_the_newest() -> None:
    outstanding = {"i1": 0, "i2": 3, "i3": 1, "i4": 1}
    assert instances_to_let_go(IDS, IDS, outstanding, 3) == ["i1", "i4", "i3"]


def test_who_gets_no_requests_goes_first_whatever_it_holds() -> None:
    outstanding = {"i2": 9, "i4": 1}
    assert instances_to_let_go(IDS, ["i1", "i3", "i4"], outstanding, 2) == ["i2", "i3"]


def test_nobody_goes_when_none_are_too_many() -> None:
    assert instances_to_let_go(IDS, IDS, {}, 0) == []
    assert instances_to_let_go(IDS, IDS, {}, -1) == []
