"""Invariant 6: broken traffic rules are refused, whole ones are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.errors import BadRequest
from router.core.rules import check_deletable, check_deployment_count, check_traffic

NAMES = ["blue", "green", "red", "missing"]
EXISTING = NAMES[:3]
# Near the rules' borders, so that each is broken alone as well as together with others.
any_map = st.dictionaries(st.sampled_from(NAMES), st.integers(-10, 110), max_size=4)
small_map = st.dictionaries(st.sampled_from(EXISTING), st.integers(0, 60), max_size=3)
whole_map = st.builds(
    lambda a, b: {"blue": a, "green": 100 - a - min(b, 100 - a), "red": min(b, 100 - a)},
    st.integers(0, 100),
    st.integers(0, 100),
)
one_share = st.sampled_from(EXISTING).map(lambda name: {name: 100})
traffics = st.one_of(any_map, small_map, whole_map, one_share)
mirrors: st.SearchStrategy[dict[str, int]] = st.one_of(
    any_map,
    small_map,
    st.just({}),
    st.dictionaries(st.sampled_from(EXISTING), st.integers(0, 51), max_size=1),
)


def breaks_a_rule(traffic: dict[str, int], mirror: dict[str, int]) -> bool:
    """Invariant 6 as DESIGN.md words it, written a second time and differently."""
    mirrored = {name for name in mirror if mirror[name] != 0}
    live = {name for name in traffic if traffic[name] != 0}
    return (
        not set(traffic) | set(mirror) <= set(EXISTING)
        or min([0, *traffic.values(), *mirror.values()]) < 0
        or max([0, *mirror.values()]) > 50
        or sum(traffic.values()) not in {0, 100}
        or len(mirrored) > 1
        or bool(mirrored & live)
    )


@given(traffics, mirrors)
def test_6_exactly_the_traffic_that_breaks_a_rule_is_refused(
    traffic: dict[str, int], mirror: dict[str, int]
) -> None:
    before = (dict(traffic), dict(mirror))
    if breaks_a_rule(traffic, mirror):
        with pytest.raises(BadRequest):
            check_traffic(traffic, mirror, EXISTING)
    else:
        check_traffic(traffic, mirror, EXISTING)
    assert (traffic, mirror) == before


@given(traffics, mirrors, st.sampled_from(NAMES))
def test_6_a_deployment_is_deletable_exactly_when_no_request_can_reach_it(
    traffic: dict[str, int], mirror: dict[str, int], name: str
) -> None:
    if traffic.get(name, 0) or mirror.get(name, 0):
        with pytest.raises(BadRequest, match=name):
            check_deletable(name, traffic, mirror)
    else:
        check_deletable(name, traffic, mirror)


@given(st.integers(0, 40))
def test_6_an_endpoint_has_at_most_20_deployments(count: int) -> None:
    if count > 20:
        with pytest.raises(BadRequest, match=str(count)):
            check_deployment_count(count)
    else:
        check_deployment_count(count)


@pytest.mark.parametrize(
    ("traffic", "mirror", "message"),
    [
        (
            {"blue": 50},
            {},
            "expected percents that sum to 0 or 100, got blue=50 with the sum 50, at `$.traffic`. "
            "Name every deployment that is to get live requests.",
        ),
        (
            {"blu": 100},
            {},
            "expected a deployment of this endpoint (blue, green, red), got 'blu', at "
            "`$.traffic.blu`. Create the deployment first.",
        ),
        (
            {"blue": 100},
            {"green": 60},
            "expected a percent from 0 to 50, got 60, at `$.mirror_traffic.green`",
        ),
        (
            {"blue": 100},
            {"green": 10, "red": 5},
            "expected at most one deployment, got green=10 red=5, at `$.mirror_traffic`. Set all "
            "but one to 0.",
        ),
        (
            {"blue": 90, "green": 10},
            {"green": 10},
            "expected live or mirrored traffic, not both, got 'green' with 10 % live and 10 % "
            "mirrored, at `$.mirror_traffic.green`. Set one of the two to 0.",
        ),
    ],
)
def test_6_the_message_names_key_value_rule_and_what_to_do(
    traffic: dict[str, int], mirror: dict[str, int], message: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        check_traffic(traffic, mirror, EXISTING)
    assert refused.value.message == message
