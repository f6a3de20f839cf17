"""Where a ready daemon is reached: what it says, and leaves in its folder for commands."""

import logging
import os
from collections.abc import Sequence

import msgspec

from router.control_plane.api_server import Listener
from router.control_plane.files import write_atomically
from router.control_plane.layout import StateFolder
from router.control_plane.ports import address_of, base_url
from router.control_plane.tls import certificate_path

log = logging.getLogger(__name__)


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where a ready daemon is reached; URLs without a slash at their end.

    Attributes:
        tls_base: for clients that speak HTTPS only; None if the daemon doesn't.
        certificate: the path of what such a client has to trust.
    """

    pid: int
    scoring_base: str
    control_base: str
    tls_base: str | None
    certificate: str | None


def addresses_of(
    scoring_base: str, listeners: Sequence[Listener], folder: StateFolder
) -> Addresses:
    """This process's, from what listens: plain HTTP first, then HTTPS if there is any."""
    plain, *secure = [address_of(listener.socket) for listener in listeners]
    return Addresses(
        pid=os.getpid(),
        scoring_base=scoring_base,
        control_base=base_url(*plain),
        tls_base=base_url(*secure[0], scheme="https") if secure else None,
        certificate=str(certificate_path(folder.tls)) if secure else None,
    )


def record(addresses: Addresses, folder: StateFolder) -> None:
    """Has commands find the daemon; without room for that, it serves all the same."""
    try:
        write_atomically(folder.daemon_record, msgspec.json.encode(addresses))
    except OSError as error:
        log.error(  # noqa: TRY400 - the words say it
            "expected to write %s, got: %s. Commands don't find the daemon by themselves: call "
            "them with --control-plane %s.",
            folder.daemon_record, error, addresses.control_base,
        )  # fmt: skip


def announce(addresses: Addresses) -> None:
    """Says it on standard output."""
    print(  # noqa: T201 - for the user, and for scripts that wait for it
        f"turnout is ready: scoring at {addresses.scoring_base}, control plane at "
        f"{addresses.control_base}",
        flush=True,
    )
