"""What the operating system refuses, as errors that say what to do: a full disk, too many files.

Whoever writes files of the state folder raises by this table; so does the REST API for whatever
comes that far.
"""

import errno
import os

from router.core.errors import StorageFailed, TooManyFiles, TurnoutError

_STORAGE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
_FILES = frozenset({errno.EMFILE, errno.ENFILE})


def storage_failed(what: object) -> StorageFailed:
    """The error for a file that can't be written.

    Args:
        what: the system's words.
    """
    return StorageFailed(
        f"expected to write to the state folder, got: {what}. Make room on its disk, and try "
        f"again; what serves goes on meanwhile."
    )


def refused_by_system(error: OSError) -> TurnoutError | None:
    """The error to tell of, if it is one of this machine rather than of what was asked for."""
    if _is(error, _STORAGE):
        return storage_failed(error)
    if _is(error, _FILES):
        return TooManyFiles(
            f"expected a file or socket to be opened, got: {error}. Close some, or raise the limit "
            f"of open files (`ulimit -n`, LimitNOFILE) and start the daemon again."
        )
    return None


def _is(error: OSError, numbers: frozenset[int]) -> bool:
    if error.errno is not None:
        return error.errno in numbers
    # shutil.copytree gathers many in one, as text.
    return any(os.strerror(number) in str(error) for number in numbers)
