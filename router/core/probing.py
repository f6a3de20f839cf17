"""What results of health checks come to: a probe's thresholds, and requests that stay unanswered.

An instance counts as healthy when it is warm: its first good check let it in. From then on its
state changes only after as many results in a row as the probe asks for (azure.md 2.2).
"""

from router.core.deployment_spec import Probe

# A request that is overdue by this much, and by its own timeout once more, was waited for long
# enough: its run() hangs, or its process does.
OVERDUE_MS_MAX = 30_000


class Tally:
    """The results of one probe of one instance.

    Attributes:
        healthy: what they come to.
    """

    def __init__(self, success_threshold: int, failure_threshold: int, *, healthy: bool) -> None:
        self.healthy = healthy
        self._thresholds = {True: success_threshold, False: failure_threshold}
        self._against = 0

    def observe(self, *, succeeded: bool) -> bool:
        """Takes in a result; tells whether ``healthy`` changed by it."""
        if succeeded == self.healthy:
            self._against = 0
            return False
        self._against += 1
        if self._against < self._thresholds[succeeded]:
            return False
        self.healthy, self._against = succeeded, 0
        return True


def readiness(probe: Probe, *, ready: bool) -> Tally:
    """Whether an instance may get requests.

    Args:
        ready: whether it did until now.
    """
    return Tally(probe.success_threshold, probe.failure_threshold, healthy=ready)


def liveness(probe: Probe) -> Tally:
    """Whether an instance may stay; one success is enough for that, whatever is declared."""
    return Tally(1, probe.failure_threshold, healthy=True)


def is_hung(overdue_ms: int, request_timeout_ms: int) -> bool:
    """Whether an instance is to be replaced though its health checks may be good.

    Args:
        overdue_ms: how long ago the deadline of the oldest request passed that it was given
            and has not answered, not even late.
    """
    return overdue_ms >= max(OVERDUE_MS_MAX, request_timeout_ms)
