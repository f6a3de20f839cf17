"""Files of the state folder: replaced whole, removed, or at least opened for a log."""

import logging
import os
from pathlib import Path

from router.control_plane.system_errors import refused_by_system
from router.core.errors import TooManyFiles

# How a log is opened, and who may read it.
APPEND, PRIVATE = os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600

_logger = logging.getLogger(__name__)


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces the file so that readers see all of it or none, after a crash too.

    Raises:
        OSError: it can't be written; it is what it was.
    """
    new = path.with_suffix(path.suffix + ".new")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        # A full disk has better uses for it.
        remove(new)
        raise


def writable_log(log: Path) -> Path:
    """The log, or what takes all and keeps nothing: a process is worth more than its words.

    Raises:
        OSError: too many files are open. That passes, and the process is tried again.
    """
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(log, APPEND, PRIVATE))
    except OSError as error:
        if isinstance(refused_by_system(error), TooManyFiles):
            raise
        _logger.error(  # noqa: TRY400 - the words say it
            "expected to write the log %s, got: %s. What its process prints is lost until another "
            "is started.",
            log, error,
        )  # fmt: skip
        return Path(os.devnull)
    return log


def remove(path: Path) -> None:
    """Removes a record or a socket if it can: one left behind does no harm.

    ``find`` tells a record's process from a later one, and the names of sockets are not used again.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _logger.warning("%s stays behind: %s", path, error)
