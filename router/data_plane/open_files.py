"""How many files this process may have open, and what that leaves for clients' connections.

A kernel that refuses a connection tells nobody: the client waits. So there are never more than
fit, and one too many is answered.
"""

import logging
import resource

from msgspec.structs import replace

from router.core.listener_limits import ListenerLimits

# Streams to instances, logs, sockets, and what Python opens at times.
RESERVED_FILES = 256

log = logging.getLogger(__name__)


def with_files_for_all(limits: ListenerLimits) -> ListenerLimits:
    """Raises this process' limit to the most that it may, and bounds connections by it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.max_connections + RESERVED_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most == wanted:
        return limits
    fitting = max(most - RESERVED_FILES, most // 2)
    log.warning(
        "expected a limit of at least %d open files for `data_plane.max_connections` (%d), got %d: "
        "%d connections are taken. Raise it (`ulimit -Hn`, LimitNOFILE).",
        wanted, limits.max_connections, most, fitting,
    )  # fmt: skip
    return replace(limits, max_connections=fitting)
