"""Where an endpoint's buckets and counts are kept: in one process, or shared by several.

What they are for is quota.py's (bandwidth, rates, connections) and admission.py's (places);
how several workers share them is the data plane's.
"""

from typing import Protocol

from router.core.token_bucket import Budget, TokenBucket

# Which of an endpoint's buckets; all of them hold one second's worth.
BANDWIDTH, REQUESTS, CONNECTIONS = range(3)
# For as many processes there is room where they share.
SHARING_MAX = 98


def sharing(workers: int) -> int:
    """How many processes may share at once.

    Beside each worker one that leaves its place, and the one that a reload replaces: it may be
    leaving when all others are told to.
    """
    return min(2 * workers + 1, SHARING_MAX)


class Count(Protocol):
    """How many of something there are now, in all workers: connections, requests in flight."""

    @property
    def now(self) -> int:
        """How many there are."""

    def add(self, most: int) -> bool:
        """Counts one more, unless there are as many."""

    def remove(self) -> None:
        """One that was counted is gone."""


class Budgets(Protocol):
    """Where buckets and counts are kept.

    Attributes:
        workers: how many processes keep them together.
    """

    workers: int

    def bucket(self, endpoint: str, kind: int, per_s: int, burst: int) -> Budget:
        """An endpoint's bucket."""

    def count(self, endpoint: str, deployment: str = "") -> Count:
        """An endpoint's or a deployment's count."""


class LocalCount:
    """The count of a process that shares it with no other.

    Attributes:
        now: what was counted and is not gone.
    """

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0

    def add(self, most: int) -> bool:
        """See Count."""
        if self.now >= most:
            return False
        self.now += 1
        return True

    def remove(self) -> None:
        """See Count."""
        self.now -= 1


class LocalBudgets:
    """Buckets and counts of a process that shares them with no other."""

    def __init__(self) -> None:
        self.workers = 1

    def bucket(self, endpoint: str, kind: int, per_s: int, burst: int) -> Budget:
        """See Budgets."""
        del endpoint, kind
        return TokenBucket(per_s, burst)

    def count(self, endpoint: str, deployment: str = "") -> Count:
        """See Budgets."""
        del endpoint, deployment
        return LocalCount()
