"""SCORING_TIMEOUT_MS: ends a ``run()`` that takes too long (azure.md 7.1)."""

import signal
from collections.abc import Callable
from types import FrameType

# What Azure's server says when it isn't set. No router waits that long, so no alarm is set
# then: it would cost two system calls a request.
DEFAULT_TIMEOUT_MS = 3_600_000
_MS_PER_S = 1000


def timed(run: Callable[..., object], timeout_ms: int) -> Callable[..., object]:
    """``run``, with a TimeoutError raised in its midst when the time is over.

    To be called, and the result used, on the main thread: signals come there.
    """
    signal.signal(signal.SIGALRM, _ring)

    def run_in_time(**arguments: object) -> object:
        signal.setitimer(signal.ITIMER_REAL, timeout_ms / _MS_PER_S)
        try:
            return run(**arguments)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    return run_in_time


def _ring(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's
    raise TimeoutError("run() has used up its time")
