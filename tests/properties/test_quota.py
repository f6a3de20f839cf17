"""Invariant 8: never more than rate x t + burst over any t, and no delay within the quota."""

from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from router.core.budgets import LocalBudgets
from router.core.quota import Quota
from router.core.routing import EndpointQuota
from router.core.throttle import Throttle, lease_bytes
from router.core.token_bucket import NS_PER_S, Budget, TokenBucket

rates = st.integers(300_000, 2_000_000)
# Who asks, how long after the last, for how much of a piece in thousandths, and how often at once.
steps = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.one_of(st.just(0), st.integers(0, NS_PER_S // 100), st.integers(0, 3 * NS_PER_S)),
        st.one_of(st.just(1000), st.integers(1, 1000)),
        st.sampled_from([1, 1, 1, 40]),
    ),
    max_size=20,
).map(lambda runs: [(who, gap, size) for who, gap, size, times in runs
                    for gap in (gap, *[0] * (times - 1))])  # fmt: skip


@dataclass
class Passed:
    """What was admitted, and when."""

    at: list[tuple[int, int]] = field(default_factory=list)

    def add(self, at_ns: int, count: int) -> None:
        self.at.append((at_ns, count))

    def assert_within(self, per_s: int, burst: int) -> None:
        """Over every interval between two admissions, both among them."""
        self.at.sort()
        for first, (begin_ns, _) in enumerate(self.at):
            total = 0
            for at_ns, count in self.at[first:]:
                total += count
                assert total <= burst + Fraction(per_s * (at_ns - begin_ns), NS_PER_S)


class Ideal:
    """A token bucket in fractions, written down as the text books do."""

    def __init__(self, per_s: int, burst: int) -> None:
        self.per_s = per_s
        self.burst = self.tokens = Fraction(burst)
        self.at_ns = 0

    def conforms(self, count: int, now_ns: int) -> bool:
        gained = Fraction(self.per_s * (now_ns - self.at_ns), NS_PER_S)
        self.tokens, self.at_ns = min(self.burst, self.tokens + gained), now_ns
        if count > self.tokens:
            return False
        self.tokens -= count
        return True


class Together(LocalBudgets):
    """The budgets of several workers, whose buckets are the same."""

    def __init__(self, workers: int) -> None:
        super().__init__()
        self.workers = workers
        self._buckets: dict[tuple[str, int], Budget] = {}

    def bucket(self, endpoint: str, kind: int, per_s: int, burst: int) -> Budget:
        made = TokenBucket(per_s, burst)
        return self._buckets.setdefault((endpoint, kind), made)


def throttles_of(rate: int, workers: int) -> list[Throttle]:
    """One endpoint's, in each worker."""
    together, limits = Together(workers), EndpointQuota(bandwidth_bytes_per_s=rate)
    throttles = [Quota("my-endpoint", limits, together).throttle for _ in range(workers)]
    return [throttle for throttle in throttles if throttle is not None]


@given(rates, steps)
def test_8_one_workers_bytes_never_exceed_rate_times_t_plus_burst(
    rate: int, asked: list[tuple[int, int, int]]
) -> None:
    (throttle,) = throttles_of(rate, 1)
    passed, now_ns = Passed(), 10**18
    for _, gap_ns, thousandths in asked:
        now_ns += gap_ns
        count = max(1, throttle.piece * thousandths // 1000)
        passed.add(now_ns + throttle.charge(count, now_ns), count)
    passed.assert_within(rate, rate)


@given(rates, st.integers(2, 4), steps)
def test_8_all_workers_bytes_together_never_exceed_rate_times_t_plus_burst(
    rate: int, workers: int, asked: list[tuple[int, int, int]]
) -> None:
    throttles = throttles_of(rate, workers)
    lease = lease_bytes(rate, workers)
    passed, now_ns = Passed(), 10**18
    for who, gap_ns, thousandths in asked:
        now_ns += gap_ns
        throttle = throttles[who % workers]
        if thousandths == 999:
            throttle.settle(now_ns)
            continue
        # Small ones, too, which leases are for.
        count = max(1, (lease if who % 2 else throttle.piece) * thousandths // 1000)
        passed.add(now_ns + throttle.charge(count, now_ns), count)
    passed.assert_within(rate, rate)


@given(rates, st.integers(2, 4), st.integers(0, 10 * NS_PER_S))
def test_8_at_one_instant_all_workers_together_pass_no_more_than_the_burst(
    rate: int, workers: int, idle_ns: int
) -> None:
    """However long nobody asked, and whatever each holds beforehand."""
    throttles, lease = throttles_of(rate, workers), lease_bytes(rate, workers)
    now_ns = 10**18
    for throttle in throttles:
        throttle.charge(1, now_ns)
    now_ns += idle_ns
    total = 0
    for count in (lease, throttles[0].piece):
        for throttle in throttles * (rate // count // workers + 1):
            total += count if throttle.charge(count, now_ns) == 0 else 0
    assert total <= rate


@given(st.integers(1, 10**6), st.integers(0, 10 * NS_PER_S))
def test_8_a_bucket_that_was_left_alone_holds_its_burst_and_no_more(
    per_s: int, idle_ns: int
) -> None:
    bucket, now_ns = TokenBucket(per_s, per_s), 10**18
    assert bucket.take(1, now_ns) == 0
    now_ns += NS_PER_S + idle_ns
    assert bucket.take(per_s, now_ns) == 0
    assert bucket.take(1, now_ns) > 0


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_8_what_is_given_back_fills_a_bucket_up_to_its_burst_and_no_more(
    per_s: int, drawn: int, returned: int
) -> None:
    bucket, now_ns = TokenBucket(per_s, per_s), 10**18
    drawn = min(drawn, per_s)
    assert bucket.draw(drawn, now_ns) == 0
    bucket.give_back(returned, now_ns)
    left = min(per_s - drawn + returned, per_s)
    assert bucket.take(left + 1, now_ns) > 0
    assert bucket.take(left, now_ns) == 0


@given(rates, steps)
def test_8_one_workers_traffic_within_the_quota_is_never_delayed(
    rate: int, asked: list[tuple[int, int, int]]
) -> None:
    (throttle,) = throttles_of(rate, 1)
    ideal, now_ns = Ideal(rate, rate), 10**18
    for _, gap_ns, thousandths in asked:
        now_ns += gap_ns
        count = max(1, throttle.piece * thousandths // 1000)
        if ideal.conforms(count, now_ns):
            assert not throttle.would_wait(count, now_ns)
            assert throttle.charge(count, now_ns) == 0


@given(rates, st.integers(2, 4), steps)
def test_8_traffic_of_many_workers_within_the_rate_and_most_of_the_burst_is_never_delayed(
    rate: int, workers: int, asked: list[tuple[int, int, int]]
) -> None:
    """Every worker may hold a lease that nobody uses, and the bucket has room for one each.

    So of the burst 2 x workers x lease, at most a 32nd of it, may be out of reach.
    """
    throttles = throttles_of(rate, workers)
    lease = lease_bytes(rate, workers)
    ideal, now_ns = Ideal(rate, rate - 2 * workers * lease), 10**18
    for who, gap_ns, thousandths in asked:
        now_ns += gap_ns
        throttle = throttles[who % workers]
        count = max(1, throttle.piece * thousandths // 1000)
        if ideal.conforms(count, now_ns):
            assert throttle.charge(count, now_ns) == 0


@given(st.integers(1, 1000), steps)
def test_8_what_is_taken_or_refused_at_once_keeps_to_the_same_bound(
    per_s: int, asked: list[tuple[int, int, int]]
) -> None:
    bucket, ideal = TokenBucket(per_s, per_s), Ideal(per_s, per_s)
    passed, now_ns = Passed(), 10**18
    for _, gap_ns, _ in asked:
        now_ns += gap_ns
        wait_ns = bucket.take(1, now_ns)
        assert (wait_ns == 0) == ideal.conforms(1, now_ns)
        if not wait_ns:
            passed.add(now_ns, 1)
    passed.assert_within(per_s, per_s)


@given(rates, st.integers(1, 10**6))
def test_8_who_is_refused_is_told_when_to_come_again(per_s: int, short_by: int) -> None:
    bucket, now_ns = TokenBucket(per_s, per_s), 10**18
    assert bucket.take(per_s, now_ns) == 0
    count = min(short_by, per_s)
    wait_ns = bucket.take(count, now_ns)
    assert bucket.take(count, now_ns + wait_ns - 1) == 1
    assert bucket.take(count, now_ns + wait_ns) == 0
