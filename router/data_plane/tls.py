"""TLS of the listener: handshakes, and the operator's certificate, taken anew when it changes.

The files are looked at once a second. A pair that does not fit is refused whole: the old one
serves on.
"""

import asyncio
import logging
import ssl
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import cast

log = logging.getLogger(__name__)

# Whoever speaks something older, or another protocol over TLS, is refused by the handshake.
OLDEST = ssl.TLSVersion.TLSv1_2
PROTOCOLS = ["http/1.1"]


class Certificate:
    """A certificate chain and its key, as PEM files.

    Attributes:
        context: what the listener serves with; the same object for the listener's life.

    Raises:
        OSError: a file can't be read.
        ssl.SSLError: they are no certificate and its key.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = certificate, key
        self._seen = self._stamps()
        self.context = _context(certificate, key)

    def on_second(self) -> None:
        """Takes the files if they have changed: connections from now on get what they hold."""
        stamps = self._stamps()
        if stamps == self._seen or None in stamps:
            # One that is missing is being replaced.
            return
        self._seen = stamps
        try:
            # Elsewhere first: a failure would leave the one in use without a key.
            _context(*self._files)
            self.context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as error:
            log.error(  # noqa: TRY400 - the words say it
                "expected a certificate and its key in %s and %s, got: %s. The former serve on.",
                *self._files, error,
            )  # fmt: skip
        else:
            log.info("serving with the new certificate in %s", self._files[0])

    def _stamps(self) -> list[tuple[int, int] | None]:
        return [_stamp(file) for file in self._files]


class Handshakes:
    """Clients that have connected and are not known yet: what a draining listener waits for.

    Args:
        make: a protocol for each whose handshake is done.
    """

    def __init__(self, make: Callable[[], asyncio.Protocol]) -> None:
        self._make = make
        self._are_over = False
        # The loop tells nobody of a handshake that fails: it drops its protocol.
        self._coming: weakref.WeakSet[_Handshake] = weakref.WeakSet()

    def __len__(self) -> int:
        return len(self._coming)

    def begin(self) -> asyncio.Protocol:
        """For a client that has connected."""
        coming = _Handshake(self)
        self._coming.add(coming)
        return coming

    def give_up(self) -> None:
        """Cuts whoever is done with its handshake from now on."""
        self._are_over = True

    def end(self, coming: "_Handshake", transport: asyncio.Transport) -> None:
        """It is done: from now on another protocol's, unless that comes too late."""
        self._coming.discard(coming)
        if self._are_over:
            transport.abort()
            return
        protocol = self._make()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


class _Handshake(asyncio.Protocol):
    def __init__(self, all_: Handshakes) -> None:
        self._all = all_

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports don't inherit from asyncio's.
        self._all.end(self, cast("asyncio.Transport", transport))


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = OLDEST
    context.set_alpn_protocols(PROTOCOLS)
    context.load_cert_chain(certificate, key)
    return context


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    # Another file of the same time is another file.
    return found.st_mtime_ns, found.st_ino
