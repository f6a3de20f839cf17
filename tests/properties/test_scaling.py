"""Scaling by load: bounds, eagerness up, patience down, and rest under a constant load."""

from hypothesis import given
from hypothesis import strategies as st

from router.core.deployment_spec import ScaleSettings
from router.core.scaling import POLLS_BEFORE_DOWN, Scaler

LOADS = st.integers(0, 500)


@st.composite
def scalers(draw: st.DrawFn) -> tuple[Scaler, ScaleSettings]:
    least = draw(st.integers(1, 10))
    settings = ScaleSettings(
        type="target_utilization",
        min_instances=least,
        max_instances=draw(st.integers(least, 50)),
        target_utilization_percentage=draw(st.integers(1, 100)),
    )
    return Scaler(settings, draw(st.integers(1, 4))), settings


@given(made=scalers(), loads=st.lists(LOADS, max_size=80), data=st.data())
def test_it_never_wants_less_than_the_minimum_or_more_than_the_maximum(
    made: tuple[Scaler, ScaleSettings], loads: list[int], data: st.DataObject
) -> None:
    scaler, settings = made
    for load in loads:
        # Whatever there is: instances die, and limits are changed by users.
        wanted = scaler.observe(load, data.draw(st.integers(0, 60)))
        assert settings.min_instances <= wanted <= settings.max_instances


@given(made=scalers(), loads=st.lists(LOADS, max_size=30), load=LOADS)
def test_up_is_immediate(made: tuple[Scaler, ScaleSettings], loads: list[int], load: int) -> None:
    scaler, settings = made
    count = settings.min_instances
    for earlier in loads:
        count = scaler.observe(earlier, count)
    utilization_percent = 100 * load / count
    wanted = scaler.observe(load, count)
    if utilization_percent > 100 * scaler._parallel_runs and count < settings.max_instances:
        assert wanted > count


@given(made=scalers(), load=LOADS)
def test_under_a_constant_load_it_comes_to_rest_and_stays(
    made: tuple[Scaler, ScaleSettings], load: int
) -> None:
    scaler, settings = made
    count = settings.max_instances
    seen = []
    for _ in range(3 * POLLS_BEFORE_DOWN):
        count = scaler.observe(load, count)
        seen.append(count)
    assert len(set(seen[: POLLS_BEFORE_DOWN - 1])) == 1, "down before its time"
    assert len(set(seen[POLLS_BEFORE_DOWN:])) == 1, "it flaps"
    if load == 0:
        assert seen[-1] == settings.min_instances


@given(made=scalers(), loads=st.lists(LOADS, min_size=POLLS_BEFORE_DOWN, max_size=60))
def test_down_is_to_the_most_that_was_wanted_lately(
    made: tuple[Scaler, ScaleSettings], loads: list[int]
) -> None:
    scaler, settings = made
    counts = [settings.max_instances]
    for load in loads:
        counts.append(scaler.observe(load, counts[-1]))
    target = settings.target_utilization_percentage * scaler._parallel_runs
    lately = max(-(-load * 100 // target) for load in loads[-POLLS_BEFORE_DOWN:])
    assert counts[-1] >= min(lately, settings.max_instances)


def test_azures_formula_by_hand() -> None:
    settings = ScaleSettings(type="target_utilization", max_instances=10)
    scaler = Scaler(settings, parallel_runs=1)
    # 7 busy or queued at 70 % ask for 10; one less for 9 (8.57 rounded up).
    assert [scaler.observe(n, 1) for n in (0, 1, 6, 7, 8)] == [1, 2, 9, 10, 10]
    assert Scaler(settings, parallel_runs=2).observe(7, 1) == 5
