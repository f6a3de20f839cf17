"""Listening sockets as the control plane holds them."""

import select
import socket

import pytest

from router.control_plane.queues import is_same, refuse_new


def test_a_queue_that_refuses_new_connections_keeps_those_that_wait() -> None:
    with socket.socket() as listening, socket.socket() as waits, socket.socket() as late:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        waits.connect(listening.getsockname())
        refuse_new(listening)
        late.settimeout(0)
        with pytest.raises(BlockingIOError):
            late.connect(listening.getsockname())
        # On loopback it would be connected by now.
        assert not select.select([], [late], [], 0)[1]
        accepted, peer = listening.accept()
        with accepted:
            assert peer == waits.getsockname()
            waits.sendall(b"served")
            assert accepted.recv(6) == b"served"


def test_a_copy_is_the_same_queue_and_another_on_the_same_port_is_not() -> None:
    with socket.socket() as one, socket.socket() as other:
        for sock in (one, other):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("127.0.0.1", 0))
        other.bind(one.getsockname())
        with one.dup() as copy:
            assert is_same(one, copy)
        assert not is_same(one, other)
