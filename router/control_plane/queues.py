"""Listening sockets as the control plane holds them: never closed while connections wait.

The kernel accepts a connection into the queue of one socket, and resets what waits there when
its last holder closes it. So a worker's socket is held here as well: its successor, after a
crash or a reload, accepts from the same queue. A control plane that takes up running workers
has their sockets sent (SCM_RIGHTS).
"""

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.control_plane.worker_link import WorkerLink, WorkerLost
from router.core.worker_protocol import LendListener, Lent

REPLY_TIMEOUT_S = 10.0
# asm-generic/socket.h; Python has no name for it.
_SO_ATTACH_FILTER = 26
# A classic BPF program of one instruction (linux/filter.h): return 0, which keeps no byte.
_DROP_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0)


def refuse_new(listening: socket.socket) -> None:
    """Lets no further connection into the queue, so that it can be emptied and closed.

    Clients that try to connect meanwhile hear nothing, and are refused once it is closed.
    """
    program = ctypes.create_string_buffer(_DROP_ALL)
    filter_ = struct.pack("@HP", 1, ctypes.addressof(program))
    listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)


def is_same(one: socket.socket, other: socket.socket) -> bool:
    """Whether both are one queue."""
    return _inode(one) == _inode(other)


async def borrow(link: WorkerLink, path: Path) -> socket.socket | None:
    """The socket that a worker listens on; None if it accepts no more.

    Args:
        path: where to receive it.

    Raises:
        WorkerLost: the worker does not answer.
    """
    with _receiver(path) as receiver:
        lent = await link.call(LendListener(str(path)), Lent, REPLY_TIMEOUT_S)
        if lent.is_stopping:
            return None
        try:
            _, (number,), _, _ = socket.recv_fds(receiver, 1, 1)
        except (BlockingIOError, ValueError) as error:
            raise WorkerLost(f"its listening socket did not come: {error}") from error
    # Received files are inheritable, other than those that Python opens: an instance that is
    # started later would hold the socket, too, and connections would wait there for nobody.
    os.set_inheritable(number, False)  # noqa: FBT003 - the os module's own signature
    return socket.socket(fileno=number)


@contextmanager
def _receiver(path: Path) -> Iterator[socket.socket]:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.setblocking(False)  # noqa: FBT003 - the socket module's own signature
        try:
            yield receiver
        finally:
            path.unlink()


def _inode(sock: socket.socket) -> int:
    return os.fstat(sock.fileno()).st_ino
