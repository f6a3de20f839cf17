"""The throttle: when the bytes of one endpoint may pass in this worker (azure.md 4.6).

One bucket holds requests, responses and mirrored copies alike. Nothing is refused: who asks
is told how long to wait. Where several workers share the bucket, each holds a small lease of
it, so that not every request has to look at what they share.
"""

from collections.abc import Callable

from router.core.token_bucket import Budget

# What passes in one piece: small, so that others get their turn.
PIECE_BYTES = 64 * 1024
# The leases of all workers together are this part of the burst at most.
_LEASED_PART = 64


def lease_bytes(burst: int, workers: int) -> int:
    """How much a worker holds beforehand; nothing if it is the only one."""
    return burst // (_LEASED_PART * workers) if workers > 1 else 0


class Throttle:
    """One endpoint's bandwidth in one worker.

    Args:
        budget: the bucket. It holds the burst less all workers' leases, so that everything
            together admits no more than rate x t + burst.
        burst: what the bucket and the leases hold together, in bytes.
        lease: what this worker holds beforehand, in bytes.

    Attributes:
        charge: counts bytes that are to pass, at most ``piece``; returns the ns until they
            may. Its arguments are their number and the time in ns.
        piece: the most that may be charged at once, in bytes.
    """

    __slots__ = ("_budget", "_held", "_held_before", "_lease", "charge", "piece")

    def __init__(self, budget: Budget, burst: int, lease: int) -> None:
        self._budget = budget
        self._lease = lease
        self._held = 0
        self._held_before = 0
        # Without a lease it is the bucket's own draw: a call less for each request.
        self.charge: Callable[[int, int], int] = self._charge_lease if lease else budget.draw
        # No more than the bucket holds once the workers have their leases.
        self.piece = max(1, min(PIECE_BYTES, burst // 2))

    def charge_all(self, count_bytes: int, now_ns: int) -> int:
        """As ``charge``, for any number of bytes, which nobody will hold back in pieces."""
        wait_ns = 0
        for begin in range(0, count_bytes, self.piece):
            wait_ns = self.charge(min(self.piece, count_bytes - begin), now_ns)
        return wait_ns

    def would_wait(self, count_bytes: int, now_ns: int) -> bool:
        """Whether so many bytes could not all pass now. Nothing is counted."""
        lacking = count_bytes - self._held
        if lacking <= 0:
            return False
        if self._budget.take(lacking, now_ns):
            return True
        self._budget.give_back(lacking, now_ns)
        return False

    def settle(self, now_ns: int) -> None:
        """Gives back a lease that was not used since the last call: others may need it."""
        if self._held and self._held == self._held_before:
            self._budget.give_back(self._held, now_ns)
            self._held = 0
        self._held_before = self._held

    def _charge_lease(self, count_bytes: int, now_ns: int) -> int:
        left = self._held - count_bytes
        if left >= 0:
            self._held = left
            return 0
        self._held = 0
        wait_ns = self._budget.draw(-left, now_ns)
        if not wait_ns and not self._budget.take(self._lease, now_ns):
            self._held = self._lease
        return wait_ns
