"""A port that nobody listens on, for processes that must be told theirs."""

import socket


def free_port() -> int:
    """A port the kernel does not give to others soon: it hands out ports in turn."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
