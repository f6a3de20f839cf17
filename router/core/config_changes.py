"""Which changes of turnout.yml a running daemon takes, and which wait for its next start."""

from collections.abc import Iterator

from router.core.config import DaemonConfig
from router.core.declared import Declared

_SECTIONS = ("data_plane", "control_plane")
# All others are of sockets, processes and folders that are made at the start.
LIVE = frozenset({"endpoints", "quotas", "instance_types", "data_plane.drain_timeout_ms"})


def keys_for_restart(started: DaemonConfig, newest: DaemonConfig) -> list[str]:
    """The keys, as `section.key`, whose values in ``newest`` are not in force.

    Args:
        started: what the daemon was started with.
        newest: what its file says now.
    """
    return sorted(key for key in _changed(started, newest) if key not in LIVE)


def _changed(old: Declared, new: Declared, prefix: str = "") -> Iterator[str]:
    for key in old.__struct_fields__:
        before, after = getattr(old, key), getattr(new, key)
        if key in _SECTIONS:
            yield from _changed(before, after, f"{key}.")
        elif before != after:
            yield f"{prefix}{key}"
