"""TCP ports: checked before anybody needs them, so that a busy one has a clear message."""

import errno
import socket

from router.core.errors import TurnoutError


def reserve_port(host: str, port: int, key: str) -> socket.socket:
    """A bound socket on which a worker can listen. Port 0 takes a free one.

    Args:
        key: the setting that chose the address, for the message.

    Raises:
        TurnoutError: somebody else listens there, or there is no such address.
    """
    if port:
        # Without SO_REUSEPORT a listener that is not ours makes this fail.
        _bound(host, port, key).close()
    return share_port(host, port, key)


def share_port(host: str, port: int, key: str) -> socket.socket:
    """As ``reserve_port``, on a port that is reserved already: a queue of its own."""
    return _bound(host, port, key, reuse_port=True)


def listen(host: str, port: int, key: str, port_key: str = "port") -> socket.socket:
    """A listening socket; arguments and errors as ``reserve_port``.

    Args:
        port_key: the setting, below ``key``, that chose the port.
    """
    bound = _bound(host, port, key, port_key=port_key)
    bound.listen(128)
    bound.settimeout(0)
    return bound


def address_of(bound: socket.socket) -> tuple[str, int]:
    """The host and port that a socket is bound to."""
    host, port = bound.getsockname()[:2]
    return str(host), int(port)


def base_url(host: str, port: int, scheme: str = "http") -> str:
    """Where a client on this machine reaches what listens at ``host``."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{scheme}://{f'[{reachable}]' if ':' in reachable else reachable}:{port}"


def _bound(
    host: str, port: int, key: str, *, port_key: str = "port", reuse_port: bool = False
) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise TurnoutError(
            f"expected a host name or address of this machine, got {host!r} ({error.strerror}), "
            f"at `$.{key}.host`"
        ) from error
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise TurnoutError(_explain(host, port, key, port_key, error)) from error
    return bound


def _explain(host: str, port: int, key: str, port_key: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"expected a free port, got {host}:{port}, where another program listens. Stop it "
            f"(`ss -ltnp 'sport = :{port}'` names it), or set `{key}.{port_key}` to another "
            f"port, or to 0 for any free one."
        )
    return (
        f"expected an address to listen on, got {host}:{port} ({error.strerror}). Set "
        f"`{key}.host` and `{key}.{port_key}` to an address and port that this user may use."
    )
