"""The last lines of what a deployment's instances printed."""

from collections import deque
from pathlib import Path

# Instances of late; older ones' files stay on disk.
INSTANCES_MAX = 10


def last_lines(folder: Path, lines_max: int) -> str:
    """The last ``lines_max`` lines of each instance's log, the newest instance at the end.

    With several instances each part has a line above it that names its instance, as tail(1)
    does it.
    """
    paths = sorted(folder.glob("i*.log"), key=_number)[-INSTANCES_MAX:]
    if len(paths) == 1:
        return _tail(paths[0], lines_max)
    return "\n".join(f"==> instance {path.stem} <==\n{_tail(path, lines_max)}" for path in paths)


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("i"))


def _tail(path: Path, lines_max: int) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return "".join(deque(file, maxlen=lines_max))
    except OSError as error:
        # The others' are worth reading all the same.
        return f"(can't be read: {error})\n"
