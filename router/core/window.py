"""The window: how many requests a worker lets be outstanding at one instance.

It follows the model's speed. For a fast run() a window of dozens lets one message carry
them all, and nothing more is sent until their answers are back, or about half are and there
is enough to send: a message costs far more than a request in it. For a slow run() the window
is what the instance runs in parallel, and everything else stays in the worker's queue, where
the next free instance can take it.
Only when the run under way is about to end, and runs are all about as long, one more is sent
ahead: an instance would idle while its answer travels to the worker and the next request back.
"""

# About how much work, in run() time, to have outstanding at an instance.
WORK_NS = 2_000_000
# When no more than so much of it is left, another message may follow that holds at least so much:
# the instance would idle while its last answers travel to the worker and the next requests back.
# It tells when about a millisecond is left (runtime/sink.py); runs may be longer than they were.
REFILL_LEFT_NS = 1_200_000
REFILL_NS_MIN = 500_000
# Each measurement moves the estimate by 1/8: a few dozen answers follow a change.
SMOOTHING = 8
# How long before the estimated end of a run one more is sent ahead. It holds the way there,
# the way that the last answer came, from which the estimate counts, and a timer's rounding,
# a millisecond or two in all; what is left of it is work outstanding at the instance.
AHEAD_NS = 2_500_000
# Where runs differ by more, nothing is sent ahead: it could be stuck behind a long one.
SPREAD_NS_MAX = 750_000


class Window:
    """The limit of one instance, between ``parallel_runs`` and ``limit_max`` requests.

    Attributes:
        limit: how many requests may be outstanding now.
        limit_max: how many ever may.
        parallel_runs: how many of them the instance runs at once.
        gathers: whether to wait for all answers before sending again; but see may_refill.
        ahead_ns: how old a run must be for one more request to be sent ahead of its end; None
            if none may be.
    """

    __slots__ = (
        "_run_ns",
        "_spread_ns",
        "ahead_ns",
        "gathers",
        "limit",
        "limit_max",
        "parallel_runs",
    )

    def __init__(self, parallel_runs: int, limit_max: int) -> None:
        assert parallel_runs >= 1, parallel_runs
        assert limit_max >= 1, limit_max
        self._run_ns = 0
        self._spread_ns = 0
        self.resize(parallel_runs, limit_max)

    def resize(self, parallel_runs: int, limit_max: int) -> None:
        """Takes new bounds from a configuration; the measured speed stays."""
        self.parallel_runs = min(parallel_runs, limit_max)
        self.limit_max = limit_max
        self._adapt()

    def observe(self, run_ns: int) -> None:
        """Takes in the mean run() time of a batch of answers."""
        if self._run_ns:
            off_ns = run_ns - self._run_ns
            self._spread_ns += (abs(off_ns) - self._spread_ns) // SMOOTHING
            run_ns = self._run_ns + off_ns // SMOOTHING
        self._run_ns = max(run_ns, 1)
        self._adapt()

    def may_refill(self, outstanding: int, more: int) -> bool:
        """Whether an instance that gathers may get more before all its answers are back.

        Args:
            outstanding: requests that it has.
            more: how many it would get.
        """
        run_ns = self._run_ns // self.parallel_runs
        return (
            outstanding * run_ns <= REFILL_LEFT_NS
            and more * run_ns >= REFILL_NS_MIN
            and self._spread_ns <= SPREAD_NS_MAX
        )

    def _adapt(self) -> None:
        # Unmeasured, an instance is taken for slow: the first answer tells.
        wanted = WORK_NS * self.parallel_runs // self._run_ns if self._run_ns else 0
        self.limit = min(max(wanted, self.parallel_runs), self.limit_max)
        self.gathers = self.limit > self.parallel_runs
        regular = self._run_ns > 0 and self._spread_ns <= SPREAD_NS_MAX
        may = regular and not self.gathers and self.limit < self.limit_max
        self.ahead_ns = max(self._run_ns - AHEAD_NS, 0) if may else None
