"""Invariant 8: no more bytes than the rate and the burst allow, and no delay within them."""

from sim.checkers.broken import Broken, Rules

NS_PER_S = 1_000_000_000
# Workers that are not alone may hold 1/64 of the burst beforehand, all together. The bucket holds
# so much less, and what the others hold is out of one's reach: 2/64 may be free and not to be had.
OUT_OF_REACH_PART = 32


class _Endpoint:
    """One endpoint's bytes: what was asked for, and what has passed.

    Amounts are bytes times NS_PER_S, so that a nanosecond's gain is whole.
    """

    def __init__(self, bytes_per_s: int) -> None:
        self.bytes_per_s = bytes_per_s
        self.full = bytes_per_s * NS_PER_S
        self.left = self.full
        self.asked_ns = 0
        self.level = 0
        self.passed_ns = 0
        self.copy_bytes: dict[int, int] = {}


class QuotaChecker:
    """Two buckets of its own for each endpoint: one of what is free, one of what has passed."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._endpoints: dict[str, _Endpoint] = {}

    def on_published(self, rules: Rules) -> None:
        """Limits do not change while the daemon runs; endpoints come and go."""
        for name, endpoint in rules.items():
            if endpoint.bytes_per_s is not None and name not in self._endpoints:
                self._endpoints[name] = _Endpoint(endpoint.bytes_per_s)

    def on_charged(
        self, worker: int, endpoint: str, count: int, copied: int, asked_ns: int, wait_ns: int
    ) -> None:
        """Bytes were announced, and may pass in ``wait_ns``; copies were charged meanwhile."""
        found = self._endpoints[endpoint]
        if asked_ns > found.asked_ns:
            gained = found.bytes_per_s * (asked_ns - found.asked_ns)
            found.left = min(found.left + gained, found.full)
            found.asked_ns = asked_ns
        copies = copied - found.copy_bytes.get(worker, 0)
        found.copy_bytes[worker] = copied
        found.left -= (count + copies) * NS_PER_S
        out_of_reach = found.full // OUT_OF_REACH_PART if self._workers > 1 else 0
        if wait_ns and found.left >= out_of_reach:
            raise Broken(
                8,
                f"{count} bytes of {endpoint} waited {wait_ns} ns with "
                f"{found.left // NS_PER_S} bytes free",
            )

    def on_passed(self, endpoint: str, count: int, now_ns: int) -> None:
        """They pass."""
        found = self._endpoints[endpoint]
        drained = found.bytes_per_s * (now_ns - found.passed_ns)
        found.level = max(found.level - drained, 0) + count * NS_PER_S
        found.passed_ns = now_ns
        if found.level > found.full:
            raise Broken(
                8,
                f"{endpoint} passed {(found.level - found.full) / NS_PER_S} bytes more than rate x "
                f"t + burst",
            )
