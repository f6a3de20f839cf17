"""Bodies that Azure's storage clients send: blobs and blocks, and lists of blocks.

A blob goes to disk as it arrives, and never is in memory whole.
"""

import base64
import hashlib
from http import HTTPStatus
from pathlib import Path
from xml.etree import ElementTree as ET

from aiohttp import hdrs, web

from router.core.errors import BadRequest

BLOCK_LIST_BYTES_MAX = 8 * 1024 * 1024


class StorageError(Exception):
    """A request can't be done; ``code`` is Azure storage's word for why."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


async def write_body(request: web.Request, content: Path, bytes_max: int) -> None:
    """Writes a request's body to the file ``content``, as it arrives.

    Raises:
        StorageError: it is larger than ``bytes_max``, or not what its Content-MD5 says.
    """
    digest = hashlib.md5(usedforsecurity=False)
    received_bytes = 0
    with content.open("wb") as file:
        async for chunk in request.content.iter_any():
            received_bytes += len(chunk)
            if received_bytes > bytes_max:
                raise StorageError(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    "RequestBodyTooLarge",
                    f"expected a blob of at most the configured size, of which {bytes_max} bytes "
                    f"are left, got more. Raise `control_plane.max_upload_bytes`.",
                )
            digest.update(chunk)
            file.write(chunk)
    expected = request.headers.get(hdrs.CONTENT_MD5)
    if expected not in {None, base64.b64encode(digest.digest()).decode()}:
        raise StorageError(
            HTTPStatus.BAD_REQUEST,
            "Md5Mismatch",
            f"expected a body with the MD5 sum {expected!r}, got another. Send it again.",
        )


async def read_block_ids(request: web.Request) -> list[str]:
    """The ids that a request's list of blocks has, in order.

    Raises:
        BadRequest: it is too long, or isn't one. It has no use for entities, so it has none.
    """
    body = await _limited(request, BLOCK_LIST_BYTES_MAX)
    if b"<!" in body:
        raise BadRequest("expected a list of blocks as XML without declarations, got one with some")
    try:
        blocks = ET.fromstring(body)  # noqa: S314 - entities are refused above
    except (ET.ParseError, LookupError, ValueError) as error:
        # The latter two are about the encoding that it names.
        raise BadRequest(f"expected a list of blocks as XML, got: {error}") from None
    return [block.text or "" for block in blocks]


async def _limited(request: web.Request, bytes_max: int) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > bytes_max:
            raise BadRequest(f"expected a list of blocks of at most {bytes_max} bytes, got more")
    return bytes(body)
