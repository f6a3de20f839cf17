"""What the router reads of a request's head, and the heads that it has read before.

A client sends the same head, byte for byte, with nearly each of its requests, and the same
bytes mean the same: they are parsed once. What bytes mean is reader.py's.
"""

from msgspec import Struct

from router.core.request import Head

HEAD_END = b"\r\n\r\n"
# Larger ones, and more of them, are parsed each time: half a megabyte a worker at most.
KNOWN_BYTES_MAX = 2048
KNOWN_MAX = 256


class ParsedHead(Struct, frozen=True, gc=False):
    """A request without its body.

    Attributes:
        url: the request target.
        destination: the endpoint that it names, and the path below; None if it names none.
        authorization: that header's value, empty without it.
        pinned: the header azureml-model-deployment, None without it.
        keep_alive: the client may send another request on this connection.
        body_bytes: the body's length; -1 if the head does not tell it, or wants an answer
            of its own before the body comes.
        passed_on: what goes on to the instance and back to the client.
    """

    method: bytes
    url: bytes
    destination: tuple[str, bytes] | None
    authorization: bytes
    pinned: str | None
    keep_alive: bool
    body_bytes: int
    passed_on: Head


class KnownHeads:
    """The heads of one listener's latest clients, by their bytes up to the empty line."""

    __slots__ = ("_by_bytes", "find")

    def __init__(self) -> None:
        self._by_bytes: dict[bytes, ParsedHead] = {}
        # The hot path's one lookup, without a call of ours around it.
        self.find = self._by_bytes.get

    def remember(self, message: bytes, parsed: ParsedHead) -> None:
        """Takes in a head from the bytes that were just parsed, if they were one message."""
        end = message.find(HEAD_END) + len(HEAD_END)
        is_whole = parsed.body_bytes >= 0 and end + parsed.body_bytes == len(message)
        if not is_whole or end > KNOWN_BYTES_MAX:
            return
        if len(self._by_bytes) >= KNOWN_MAX:
            del self._by_bytes[next(iter(self._by_bytes))]
        self._by_bytes[message[:end]] = parsed
