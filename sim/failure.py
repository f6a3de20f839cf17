"""A run that went wrong: why, and how long it may take to find out.

An invariant that is broken, time that does not pass and an exception that nobody expected are all
the same to who looks for them: the seed, the last events and the way to see it again.
"""

import contextlib
import signal
import traceback
from collections.abc import Iterator
from types import FrameType

from sim.checkers.broken import Broken
from sim.clock import Stuck


@contextlib.contextmanager
def wall_limit(limit_s: float) -> Iterator[None]:
    """Ends the block after so many seconds of wall clock: for a core that never returns.

    The clock's own limit, which is the same in each run, ends whatever calls it back. To be used
    on the main thread. A timer that somebody else had set goes on afterwards.

    Raises:
        Stuck: the time is over.
    """

    def end(_: int, frame: FrameType | None) -> None:
        at = "" if frame is None else f", at {frame.f_code.co_qualname}:{frame.f_lineno}"
        raise Stuck(f"one world takes more than {limit_s:g} s{at}")

    handler = signal.signal(signal.SIGALRM, end)
    timer = signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def reason(error: Exception) -> str:
    """What went wrong, in words; of an unexpected exception, with its traceback."""
    if isinstance(error, Broken):
        return f"broken {error}"
    if isinstance(error, Stuck):
        return f"broken liveness: {error}"
    return f"unexpected {''.join(traceback.format_exception(error)).rstrip()}"
