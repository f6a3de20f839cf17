"""An answer that is written while it is still coming: what is rendered of it and not written.

connection.py decides when to write; the instance sends only what was granted, so that a
client that reads slowly holds little in memory here.
"""


class Streamed:
    """The reply to one request whose answer comes in parts.

    Args:
        head: status line and headers.
        chunked: by HTTP/1.1's transfer coding; else the end of the connection ends the body.

    Attributes:
        complete: nothing more will come.
        cut: it broke off; the client must not take what it got for the whole.
        delay_ns: how long the throttle held it up.
    """

    __slots__ = ("_rendered", "_ungranted_bytes", "chunked", "complete", "cut", "delay_ns")

    def __init__(self, head: bytes, *, chunked: bool) -> None:
        self._rendered = [head]
        self.chunked = chunked
        self.complete = False
        self.cut = False
        self.delay_ns = 0
        self._ungranted_bytes = 0

    def add(self, payload: bytes) -> None:
        """Takes a part."""
        # An empty chunk would end the body.
        if not payload:
            return
        self._ungranted_bytes += len(payload)
        if self.chunked:
            self._rendered += (b"%x\r\n" % len(payload), payload, b"\r\n")
        else:
            self._rendered.append(payload)

    def end(self) -> None:
        """It is whole."""
        self.complete = True

    def last_chunk(self, trailers: bytes) -> bytes:
        """What ends it on the wire, behind all of its parts.

        Args:
            trailers: header lines, each with its line end.
        """
        return b"0\r\n%s\r\n" % trailers if self.chunked else b""

    def cut_off(self) -> None:
        """Its rest will not come."""
        self.complete = self.cut = True

    def take(self) -> bytes:
        """What is to be written now."""
        rendered, self._rendered = self._rendered, []
        return b"".join(rendered)

    def take_grant(self) -> int:
        """How much of what came has not been granted again to the instance; 0 after this."""
        count_bytes, self._ungranted_bytes = self._ungranted_bytes, 0
        return count_bytes
