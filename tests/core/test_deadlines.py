"""Deadlines are noticed once, never early, and at most one slot late."""

from hypothesis import given
from hypothesis import strategies as st

from router.core.deadlines import SLOT_NS, Deadlines

steps = st.lists(st.integers(0, 30 * SLOT_NS), max_size=40)


@given(steps, st.lists(st.integers(0, 40 * SLOT_NS), max_size=40))
def test_each_number_is_due_once_not_early_and_at_most_a_slot_late(
    timeouts_ns: list[int], passing_ns: list[int]
) -> None:
    start_ns = 10**12 + 123
    deadlines = Deadlines(start_ns)
    due_at = {number: start_ns + timeout for number, timeout in enumerate(timeouts_ns)}
    for number, deadline_ns in due_at.items():
        deadlines.add(number, deadline_ns)
    now_ns, seen = start_ns, []
    for step_ns in [*passing_ns, 32 * SLOT_NS]:
        now_ns += step_ns
        for number in deadlines.due(now_ns):
            assert due_at[number] <= now_ns
            seen.append(number)
        for number, deadline_ns in due_at.items():
            assert number in seen or deadline_ns > now_ns - SLOT_NS
    assert sorted(seen) == sorted(due_at)


def test_a_deadline_that_is_already_past_is_due_at_the_next_look() -> None:
    deadlines = Deadlines(10 * SLOT_NS)
    list(deadlines.due(20 * SLOT_NS))
    deadlines.add(7, 5 * SLOT_NS)
    assert list(deadlines.due(21 * SLOT_NS)) == [7]


@given(st.lists(st.tuples(st.integers(0, 30 * SLOT_NS), st.booleans()), max_size=40))
def test_a_sweep_leaves_what_is_unanswered_and_nothing_else(
    taken: list[tuple[int, bool]],
) -> None:
    deadlines = Deadlines(0)
    for number, (deadline_ns, _) in enumerate(taken):
        deadlines.add(number, deadline_ns)
    unanswered = {number for number, (_, answered) in enumerate(taken) if not answered}
    deadlines.sweep(unanswered)
    assert deadlines.count == len(unanswered)
    assert set(deadlines.due(32 * SLOT_NS)) == unanswered
    assert deadlines.count == 0
