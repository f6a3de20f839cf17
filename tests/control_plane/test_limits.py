"""Limits of processes, where the daemon itself is limited."""

import subprocess
import sys

# In a process of its own: who lowers a hard limit can't raise it again.
UNDER_A_LIMIT = """
import resource, subprocess
from router.control_plane import limits
from router.core.limits import Limits

resource.setrlimit(resource.RLIMIT_DATA, ({own}, {own}))
child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
try:
    limits.apply(Limits(memory_bytes={asked}), child.pid, 0)
    print(resource.prlimit(child.pid, resource.RLIMIT_DATA)[1])
finally:
    child.communicate()
"""
GIB = 1024**3


def bound_under(own: int, asked: int) -> int:
    script = UNDER_A_LIMIT.format(own=own, asked=asked)
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True
    )
    return int(done.stdout)


def test_no_instance_is_given_more_than_the_daemon_may_use_itself() -> None:
    assert bound_under(own=GIB, asked=4 * GIB) == GIB


def test_a_limit_below_the_daemons_own_holds_as_it_is() -> None:
    assert GIB < bound_under(own=4 * GIB, asked=GIB) < 4 * GIB
