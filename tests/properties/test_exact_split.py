"""Invariant 3: exact split, at every moment; and its share of invariant 12."""

import random
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from router.core.schedule import BLOCK, Schedule, draw_slots
from tests.shell import Shell, blocks, deployment, endpoint


@st.composite
def percents(draw: st.DrawFn, deployments_max: int = 6) -> tuple[int, ...]:
    """Whole percents above 0 that sum to 100."""
    count = draw(st.integers(1, deployments_max))
    cuts = draw(st.lists(st.integers(1, 99), min_size=count - 1, max_size=count - 1, unique=True))
    edges = [0, *sorted(cuts), BLOCK]
    return tuple(b - a for a, b in pairwise(edges))


seeds = st.integers(0, 2**32)


def deal(shares: tuple[int, ...], seed: int, count: int) -> list[int]:
    schedule = Schedule(shares, random.Random(seed).random)
    return [schedule.pick() for _ in range(count)]


@given(percents(), seeds)
def test_3_every_aligned_block_of_100_gives_each_deployment_exactly_its_percent(
    shares: tuple[int, ...], seed: int
) -> None:
    dealt = deal(shares, seed, 3 * BLOCK)
    for start in range(0, 3 * BLOCK, BLOCK):
        block = dealt[start : start + BLOCK]
        assert [block.count(share) for share in range(len(shares))] == list(shares)


@given(percents(), seeds)
def test_3_after_any_number_of_requests_each_count_is_within_its_bound(
    shares: tuple[int, ...], seed: int
) -> None:
    dealt = deal(shares, seed, 2 * BLOCK)
    bound = max(len(shares) - 1, 1)
    for share, percent in enumerate(shares):
        counts = accumulate(int(pick == share) for pick in dealt)
        for n, count in enumerate(counts, start=1):
            # In hundredths, so that the comparison is exact.
            assert abs(count * BLOCK - n * percent) < bound * BLOCK


@given(st.integers(1, BLOCK), st.data(), seeds)
def test_3_slots_are_distinct_and_within_one_of_the_ideal(
    slots: int, data: st.DataObject, seed: int
) -> None:
    take = data.draw(st.integers(0, slots))
    taken = draw_slots(slots, take, random.Random(seed).random)
    assert len(set(taken)) == len(taken) == take
    assert all(0 <= slot < slots for slot in taken)
    for n in range(slots + 1):
        count = sum(slot < n for slot in taken)
        assert abs(count * slots - n * take) < slots


@given(st.integers(5, 95), st.integers(0, 7))
def test_3_a_client_that_alternates_two_kinds_has_each_kind_split_by_the_percents(
    percent: int, seed: int
) -> None:
    """Every second request of 20,000 is of kind A; green's share of A must be its percent.

    In a block, how many of green's slots are of kind A is a sum of min(p, 100 - p) <= 50
    independent draws (one a stratum, for the smaller share), each 0 or 1; over 200 blocks, of
    n <= 10,000. By Hoeffding such a sum is t = 300 or more from its mean with a chance of at
    most 2 exp(-2 t^2 / n) = 3e-8, in 728 cases (91 percents, 8 seeds) of 2e-5. These 300 of
    10,000 are 3 points. Borders between strata fall on whole slots, which shifts the mean by
    less than half a point. Round robin misses by p or 100 - p.
    """
    dealt = deal((100 - percent, percent), seed, 20_000)
    share = sum(dealt[0::2]) / 10_000 * 100
    assert abs(share - percent) < 3.5


@given(percents(4), seeds)
def test_12_the_same_seed_deals_the_same_and_blocks_differ_from_each_other(
    shares: tuple[int, ...], seed: int
) -> None:
    """A first share of p percent is drawn in min(p, 100 - p) >= 10 strata of 2 slots or more.

    Two blocks agree in each stratum with a chance of at most 1/2, in all of at most 2^-10; ten
    blocks are alike with at most 2^-90.
    """
    assert deal(shares, seed, 300) == deal(shares, seed, 300)
    if 10 <= shares[0] <= 90:
        dealt = deal(shares, seed, 10 * BLOCK)
        assert len({tuple(dealt[i : i + BLOCK]) for i in range(0, 10 * BLOCK, BLOCK)}) > 1


@given(st.integers(1, 99), seeds)
def test_3_the_dispatcher_serves_live_requests_by_the_schedule(green: int, seed: int) -> None:
    shell = Shell(seed)
    shell.swap(
        endpoint(
            deployment("blue"), deployment("green"), traffic={"blue": 100 - green, "green": green}
        )
    )
    served = []
    for _ in range(2 * BLOCK):
        asked = shell.ask()
        served.append(shell.served_by(asked))
        shell.serve_all()
    for block in blocks([name or "" for name in served]):
        assert block.count("green") == green


@given(st.integers(1, 99), seeds, st.integers(1, 99))
def test_3_an_update_that_leaves_the_percents_does_not_disturb_the_block(
    green: int, seed: int, after: int
) -> None:
    shell = Shell(seed)
    routes = deployment("blue"), deployment("green")
    traffic = {"blue": 100 - green, "green": green}
    shell.swap(endpoint(*routes, traffic=traffic))
    served = [shell.served_by(shell.ask()) for _ in range(after)]
    shell.swap(endpoint(*routes, deployment("other"), traffic=traffic))
    served += [shell.served_by(shell.ask()) for _ in range(BLOCK - after)]
    assert served.count("green") == green
