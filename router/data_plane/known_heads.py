"""The heads that were parsed before, by their bytes.

A client sends the same head, byte for byte, with nearly each of its requests, and the same
bytes mean the same: they are parsed once.
"""

from router.data_plane.heads import HEAD_END, ParsedHead

# Larger ones, and more of them, are parsed each time: half a megabyte a worker at most, and for
# each connection the one that came last on it (reader.py).
KNOWN_BYTES_MAX = 2048
KNOWN_MAX = 256

KnownHead = tuple[bytes, ParsedHead]


class KnownHeads:
    """The heads of one listener's clients, by their bytes up to the empty line."""

    __slots__ = ("_by_bytes", "find")

    def __init__(self) -> None:
        self._by_bytes: dict[bytes, KnownHead] = {}
        # Without a call of ours around it.
        self.find = self._by_bytes.get

    def remember(self, data: bytes, parsed: ParsedHead) -> None:
        """Takes in the head that ``data`` begins with, as it was just parsed."""
        end = data.find(HEAD_END) + len(HEAD_END)
        head = data[:end]
        # Parsers skip line ends before a request, and find another end than we do.
        begins_here = head.startswith(parsed.method)
        if not parsed.repeats or not begins_here or end > KNOWN_BYTES_MAX:
            return
        if len(self._by_bytes) >= KNOWN_MAX:
            # All: to find the oldest would cost more than to parse some anew.
            self._by_bytes.clear()
        self._by_bytes[head] = head, parsed
