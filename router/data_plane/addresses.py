"""What a URL names: an endpoint, and what of it.

The endpoint stands in the path (/{endpoint}/score) or in the host (/score on
{endpoint}.domain).
"""

import httptools

SCORE = b"/score"
# What an endpoint serves besides (azure.md 7.3).
ASIDE = (b"/swagger.json", b"/")


def destination(url: bytes, host: bytes) -> tuple[str, bytes] | None:
    """The endpoint's name and the path below it; None for a URL that names neither.

    Args:
        url: the request target, which may be an absolute URI.
        host: the Host header's value.
    """
    if url[:1] != b"/":
        # An absolute URI names a host of its own, which wins over the header's.
        try:
            parsed = httptools.parse_url(url)
        except httptools.HttpParserInvalidURLError:
            return None
        host = parsed.host or host
        url = parsed.path or b"/"
    path = url.partition(b"?")[0]
    target = SCORE if path.endswith(SCORE) else _aside(path)
    if not target:
        return None
    name = path[1 : -len(target)] if path != target else host.partition(b".")[0]
    return None if b"/" in name else (name.decode("latin-1"), target)


def _aside(path: bytes) -> bytes:
    return next((target for target in ASIDE if path.endswith(target)), b"")
