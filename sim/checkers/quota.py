"""Invariant 8: no more bytes than the rate and the burst allow, and no delay within them.

Requests per second, where they are limited, have a bucket of the same kind.
"""

from collections.abc import Mapping

from sim.checkers.broken import Broken, Rules

NS_PER_S = 1_000_000_000
# Workers that are not alone may hold 1/64 of the burst beforehand, all together. The bucket holds
# so much less, and what the others hold is out of one's reach: 2/64 may be free and not to be had.
OUT_OF_REACH_PART = 32


class _Bucket:
    """What is free, times NS_PER_S, so that a nanosecond's gain is whole; below 0 is promised."""

    def __init__(self, per_s: int) -> None:
        self.per_s = per_s
        self.full = self.left = per_s * NS_PER_S
        self._at_ns = 0

    def take(self, count: int, now_ns: int) -> int:
        """Takes so much; returns what is left."""
        if now_ns > self._at_ns:
            self.left = min(self.left + self.per_s * (now_ns - self._at_ns), self.full)
            self._at_ns = now_ns
        self.left -= count * NS_PER_S
        return self.left


class _Passed:
    """What has passed and not drained at the rate."""

    def __init__(self) -> None:
        self.level = 0
        self.at_ns = 0


class _Copies:
    """Bytes of copies in one worker: at least, at most, and as it counts them."""

    def __init__(self) -> None:
        self.least_bytes = self.most_bytes = self.counted_bytes = 0
        self.due_ns: dict[int, int] = {}


class QuotaChecker:
    """Buckets of its own for each endpoint: of what is free, and of what has passed.

    Attributes:
        limits_requests_of: endpoints with a limit of requests per second.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._free: dict[str, _Bucket] = {}
        self._passed: dict[str, _Passed] = {}
        self._copies: dict[tuple[int, str], _Copies] = {}
        self.limits_requests_of: set[str] = set()
        self._requests: dict[str, _Bucket] = {}

    def on_published(self, rules: Rules) -> None:
        """Limits do not change while the daemon runs; endpoints come and go."""
        for name, endpoint in rules.items():
            if endpoint.bytes_per_s is not None and name not in self._free:
                self._free[name] = _Bucket(endpoint.bytes_per_s)
                self._passed[name] = _Passed()
            if endpoint.requests_per_s is not None and name not in self._requests:
                self._requests[name] = _Bucket(endpoint.requests_per_s)
                self.limits_requests_of.add(name)

    def on_asked(self, endpoint: str, number: int, now_ns: int, *, limited: bool) -> None:
        """A request that had the right key was let in, or refused (``limited``) for the rate."""
        bucket = self._requests.get(endpoint)
        if bucket is None:
            if limited:
                raise Broken(8, f"request {number} was refused without a limit of requests/s")
        elif limited:
            if bucket.take(0, now_ns) >= NS_PER_S:
                raise Broken(
                    8, f"request {number} was refused with {bucket.left // NS_PER_S} more allowed"
                )
        elif bucket.take(1, now_ns) < 0:
            raise Broken(8, f"request {number} is more than {bucket.per_s} requests/s allow")

    def on_copied(
        self, worker: int, endpoint: str, number: int, count: int, due_ns: int
    ) -> None:  # fmt: skip
        """A request of so many bytes was copied; an answer counts until ``due_ns``."""
        copies = self._copies_of(worker, endpoint)
        copies.least_bytes += count
        copies.most_bytes += count
        copies.due_ns[number] = due_ns

    def on_copies_answered(
        self, worker: int, endpoint: str, sizes: Mapping[int, int], now_ns: int
    ) -> None:
        """Answers to copies came, of so many bytes each; one that is late may count nothing."""
        copies = self._copies_of(worker, endpoint)
        for number, count in sizes.items():
            copies.most_bytes += count
            if now_ns < copies.due_ns.pop(number, 0):
                copies.least_bytes += count

    def on_charged(
        self, worker: int, endpoint: str, number: int, count: int, copied: int, asked_ns: int,
        wait_ns: int,
    ) -> None:  # fmt: skip
        """Bytes of a request or its answer may pass in ``wait_ns``.

        Args:
            copied: what the worker counted for copies until now.
        """
        copies = self._copies_of(worker, endpoint)
        if not copies.least_bytes <= copied <= copies.most_bytes:
            raise Broken(
                8,
                f"at request {number} worker {worker} counts {copied} bytes of copies of "
                f"{endpoint}; there were {copies.least_bytes} to {copies.most_bytes}",
            )
        copied, copies.counted_bytes = copied - copies.counted_bytes, copied
        bucket = self._free[endpoint]
        left = bucket.take(count + copied, asked_ns)
        out_of_reach = bucket.full // OUT_OF_REACH_PART if self._workers > 1 else 0
        if wait_ns and left >= out_of_reach:
            raise Broken(
                8,
                f"{count} bytes of request {number} of {endpoint} waited {wait_ns} ns with "
                f"{left // NS_PER_S} bytes free",
            )
        if wait_ns * bucket.per_s < -left:
            raise Broken(
                8,
                f"{count} bytes of request {number} of {endpoint} waited {wait_ns} ns with "
                f"{-left / NS_PER_S} bytes too few",
            )

    def on_passed(self, endpoint: str, number: int, count: int, now_ns: int) -> None:
        """They pass."""
        bucket, passed = self._free[endpoint], self._passed[endpoint]
        drained = bucket.per_s * (now_ns - passed.at_ns)
        passed.level = max(passed.level - drained, 0) + count * NS_PER_S
        passed.at_ns = now_ns
        if passed.level > bucket.full:
            raise Broken(
                8,
                f"{endpoint} passed {(passed.level - bucket.full) / NS_PER_S} bytes more than rate "
                f"x t + burst, with request {number}",
            )

    def _copies_of(self, worker: int, endpoint: str) -> _Copies:
        found = self._copies.get((worker, endpoint))
        if found is None:
            found = self._copies[worker, endpoint] = _Copies()
        return found
