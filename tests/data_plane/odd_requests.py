"""Requests that are odd, wrong or sly, with what becomes of each: (name, bytes, outcome).

The outcome is the status of a refusal, behind which the connection is closed; or the bodies
of the requests that are taken. Those whose end is unclear must all be refused: a proxy in
front of the router might see another end (RFC 9112, 11.2).
"""

_LINE = b"POST /my-endpoint/score HTTP/1.1\r\n"
_POST = _LINE + b"Host: x\r\n"
_END = b"Content-Length: 2\r\n\r\n{}"
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
_LAST = b"0\r\n\r\n"

Outcome = int | list[bytes]

ODD_REQUESTS: tuple[tuple[str, bytes, Outcome], ...] = (
    # Where does it end?
    (
        "both lengths",
        _POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + _LAST,
        400,
    ),
    ("both, the other way", _POST + b"Transfer-Encoding: chunked\r\n" + _END, 400),
    ("length twice", _POST + b"Content-Length: 2\r\n" + _END, 400),
    ("two lengths", _POST + b"Content-Length: 3\r\n" + _END, 400),
    ("a list of lengths", _POST + b"Content-Length: 2, 2\r\n\r\n{}", 400),
    ("a plus sign", _POST + b"Content-Length: +2\r\n\r\n{}", 400),
    ("a minus sign", _POST + b"Content-Length: -2\r\n\r\n{}", 400),
    ("hexadecimal", _POST + b"Content-Length: 0x2\r\n\r\n{}", 400),
    ("an underscore", _POST + b"Content-Length: 1_0\r\n\r\n0123456789", 400),
    ("an empty length", _POST + b"Content-Length: \r\n\r\n", 400),
    ("a length of 23 digits", _POST + b"Content-Length: " + b"9" * 23 + b"\r\n\r\n{}", 400),
    ("a length of 5000 digits", _POST + b"Content-Length: " + b"0" * 4999 + b"2\r\n\r\n{}", 400),
    ("an unknown coding", _POST + b"Transfer-Encoding: xchunked\r\n\r\n" + _LAST, 501),
    ("a coding before", _POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + _LAST, 501),
    ("a coding behind", _POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + _LAST, 400),
    ("chunked twice", _POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n" + _LAST, 400),
    ("a control before", _POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + _LAST, 400),
    ("a control behind", _POST + b"Transfer-Encoding: chunked\x0b\r\n\r\n" + _LAST, 400),
    ("identity", _POST + b"Transfer-Encoding: identity\r\n" + _END, 400),
    ("chunked in 1.0", _CHUNKED.replace(b"1.1", b"1.0") + _LAST, 400),
    ("only line feeds", (_POST + _END).replace(b"\r", b""), 400),
    ("a bare line feed", _POST + b"X: y\n" + _END, 400),
    ("a bare carriage return", _POST + b"X: y\r" + _END, 400),
    ("a folded line", _POST + b"X: a\r\n b\r\n" + _END, 400),
    ("a space before the colon", _POST + b"Content-Length : 2\r\n\r\n{}", 400),
    ("a space before the name", _POST + b" " + _END, 400),
    ("a header without colon", _POST + b"abc\r\n" + _END, 400),
    ("a header without name", _POST + b": a\r\n" + _END, 400),
    ("a name that is none", _POST + b"X(: a\r\n" + _END, 400),
    ("zero in a value", _POST + b"X: a\0b\r\n" + _END, 400),
    ("a control in a value", _POST + b"X: a\x01b\r\n" + _END, 400),
    ("a size that is none", _CHUNKED + b"2g\r\n{}\r\n" + _LAST, 400),
    ("a size with 0x", _CHUNKED + b"0x2\r\n{}\r\n" + _LAST, 400),
    ("a space behind the size", _CHUNKED + b"2 \r\n{}\r\n" + _LAST, 400),
    ("a line feed behind the size", _CHUNKED + b"2\n{}\r\n" + _LAST, 400),
    ("a line feed behind a chunk", _CHUNKED + b"2\r\n{}\n" + _LAST, 400),
    ("a chunk longer than its size", _CHUNKED + b"2\r\n{}xx\r\n" + _LAST, 400),
    ("a size over 64 bits", _CHUNKED + b"1" + b"0" * 15 + b"2\r\n{}\r\n" + _LAST, 400),
    ("a length as trailer", _CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n", 400),
    # To whom does it go?
    ("no host", _LINE + _END, 400),
    ("two hosts", _POST + b"Host: y\r\n" + _END, 400),
    ("a user in the host", _LINE + b"Host: a@b\r\n" + _END, 400),
    ("a space in the host", _LINE + b"Host: a b\r\n" + _END, 400),
    ("a control in the URL", b"POST /my-end\x01point/score HTTP/1.1\r\nHost: x\r\n" + _END, 400),
    ("eight bits in the URL", b"POST /my-end\xffpoint/score HTTP/1.1\r\nHost: x\r\n" + _END, 400),
    # What language is it?
    ("HTTP/2.0", (_POST + _END).replace(b"1.1", b"2.0"), 505),
    ("HTTP/1.2", (_POST + _END).replace(b"1.1", b"1.2"), 400),
    ("HTTP/0.9", b"GET /my-endpoint/score\r\n\r\n", 505),
    ("HTTP/2's first words", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("RTSP", b"PLAY /my-endpoint/score RTSP/1.0\r\nCSeq: 1\r\n\r\n", 405),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ("a method in small letters", (_POST + _END).replace(b"POST", b"post"), 400),
    ("a method of nobody", (_POST + _END).replace(b"POST", b"FETCH"), 400),
    ("a tunnel", b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("tabs in the first line", _LINE.replace(b" ", b"\t") + b"Host: x\r\n" + _END, 400),
    # Too much.
    ("101 headers", _POST + b"X: y\r\n" * 100 + _END, 431),
    ("a header of 70 kB", _POST + b"X: " + b"y" * 70_000 + b"\r\n" + _END, 431),
    ("a URL of 9 kB", b"POST /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n" + _END, 414),
    ("another expectation", _POST + b"Expect: 200-ok\r\n" + _END, 417),
    # Odd, and clear.
    ("spaces around a length", _POST + b"Content-Length:  2 \r\n\r\n{}", [b"{}"]),
    ("a zero before a length", _POST + b"Content-Length: 02\r\n\r\n{}", [b"{}"]),
    ("no length", _POST + b"\r\n", [b""]),
    ("Chunked", _CHUNKED.replace(b"chunked", b"Chunked") + b"2\r\n{}\r\n" + _LAST, [b"{}"]),
    ("a chunk's extension", _CHUNKED + b"2;a=b\r\n{}\r\n" + _LAST, [b"{}"]),
    ("a trailer", _CHUNKED + b"2\r\n{}\r\n0\r\nX: y\r\n\r\n", [b"{}"]),
    ("empty lines before", b"\r\n\r\n" + _POST + _END, [b"{}"]),
    ("an empty host", _LINE + b"Host:\r\n" + _END, [b"{}"]),
    ("an absolute URI", _LINE.replace(b"/my", b"http://x/my", 1) + b"Host: y\r\n" + _END, [b"{}"]),
    ("100 headers", _POST + b"X: y\r\n" * 98 + _END, [b"{}"]),
    ("three at once", (_POST + _END) * 3, [b"{}"] * 3),
)
