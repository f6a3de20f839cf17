"""Holds an instance's process to its limits, by means that need no privileges.

Memory by RLIMIT_DATA, so that asking for more fails in Python with a MemoryError; cpu by
affinity to whole cores. Both pass on to the processes that it starts. What a deployment
asks for and doesn't get is said by core/limits.py.
"""

import contextlib
import os
import resource

from router.core.limits import Limits

_BYTES_PER_MIB = 1024 * 1024
# RLIMIT_DATA counts what a process reserves, Kubernetes what it uses. The stacks of idle
# threads and allocators' arenas are the difference, and grow with the cores: scikit-learn's
# import uses 180 MiB and reserves 250 on one core, 330 on two.
RESERVED_BYTES = 128 * _BYTES_PER_MIB
RESERVED_BYTES_PER_CORE = 64 * _BYTES_PER_MIB


def apply(limits: Limits, pid: int, turn: int) -> None:
    """Sets the limits of a process that has just been started.

    Args:
        turn: counts instances, so that they are spread over the cores.
    """
    # One that has ended already is told by its exit.
    with contextlib.suppress(ProcessLookupError):
        if limits.cores is not None:
            os.sched_setaffinity(pid, _some_cores(limits.cores, turn))
        if limits.memory_bytes is not None:
            reserved = RESERVED_BYTES + RESERVED_BYTES_PER_CORE * len(os.sched_getaffinity(pid))
            bound = _within_own(limits.memory_bytes + reserved)
            resource.prlimit(pid, resource.RLIMIT_DATA, (bound, bound))


def describe(limits: Limits) -> str:
    """The limits in words, to be put behind an instance's name; nothing without any."""
    words = []
    if limits.memory_bytes is not None:
        words.append(f"{limits.memory_bytes / _BYTES_PER_MIB:.0f} MiB of memory")
    if limits.cores is not None:
        words.append(f"{limits.cores} cores")
    return f" (limited to {' and '.join(words)})" if words else ""


def _within_own(bound: int) -> int:
    """At most what the daemon may use itself: without privileges nobody may be given more."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    return bound if most == resource.RLIM_INFINITY else min(bound, most)


def _some_cores(count: int, turn: int) -> set[int]:
    allowed = sorted(os.sched_getaffinity(0))
    return {allowed[(turn * count + n) % len(allowed)] for n in range(count)}
