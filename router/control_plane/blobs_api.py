"""The blob store over HTTP, as Azure's storage clients speak to it (azure.md 8.4, 8.5).

HEAD, GET and PUT of blobs, their metadata and blocks; all else of that API is refused. How a
body is received is in blob_bodies.py; what is on disk, and what a container is, in blobs.py.
"""

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from xml.sax.saxutils import escape

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

from router.control_plane.blob_bodies import StorageError, read_block_ids, write_body
from router.control_plane.blobs import BLOBS, Blob, Blobs
from router.core.errors import BadRequest, Conflict, ResourceNotFound

METADATA_PREFIX = "x-ms-meta-"
NS_PER_S = 1_000_000_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def blob_routes(blobs: Blobs, blob_bytes_max: int) -> list[web.RouteDef]:
    """The routes of the blob store.

    Args:
        blob_bytes_max: what a blob may be at most.
    """
    api = _BlobsApi(blobs, blob_bytes_max)
    path = f"/{BLOBS}/{{container}}/{{name:.+}}"
    return [
        web.head(path, api.guarded(api.head)),
        web.get(path, api.guarded(api.get), allow_head=False),
        web.put(path, api.guarded(api.put)),
    ]


def access_query(token: str) -> str:
    """The query that opens a container to whom it is given; clients take it for a SAS."""
    return f"sv=2024-11-04&sr=c&sp=rcw&sig={token}"


class _BlobResponse(web.FileResponse):
    """A blob, or the part of it that the request asks for in Azure storage's way."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if ranged := request.headers.get("x-ms-range"):
            headers = request.headers.copy()
            headers[hdrs.RANGE] = ranged
            request = request.clone(headers=headers)
        return await super().prepare(request)


class _BlobsApi:
    def __init__(self, blobs: Blobs, blob_bytes_max: int) -> None:
        self._blobs = blobs
        self._blob_bytes_max = blob_bytes_max

    def guarded(self, handler: Handler) -> Handler:
        """``handler`` behind the check of the container's token; errors in Azure storage's form."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                self._check_access(request)
                return await handler(request)
            except StorageError as refused:
                return _error(refused.status, refused.code, str(refused))
            except web.RequestPayloadError as error:
                return _error(HTTPStatus.BAD_REQUEST, "InvalidInput", str(error))
            except BadRequest as error:
                return _error(HTTPStatus.BAD_REQUEST, "InvalidInput", error.message)
            except ResourceNotFound as error:
                return _error(HTTPStatus.NOT_FOUND, "BlobNotFound", error.message)
            except Conflict as error:
                return _error(HTTPStatus.CONFLICT, "BlobAlreadyExists", error.message)

        return answer

    async def head(self, request: web.Request) -> web.StreamResponse:
        blob = self._blobs.get(*_names(request))
        headers = _headers(blob) | {hdrs.CONTENT_LENGTH: str(blob.size_bytes)}
        return web.Response(headers=headers)

    async def get(self, request: web.Request) -> web.StreamResponse:
        if "comp" in request.query:
            raise _unsupported(request)
        blob = self._blobs.get(*_names(request))
        return _BlobResponse(blob.path, headers=_headers(blob))

    async def put(self, request: web.Request) -> web.StreamResponse:
        match request.query.get("comp"):
            case None:
                blob = await self._put_blob(request)
            case "metadata":
                blob = await asyncio.to_thread(
                    self._blobs.set_metadata, *_names(request), _metadata(request)
                )
                return web.Response(headers=_headers(blob))
            case "block":
                await self._put_block(request)
                return web.Response(status=HTTPStatus.CREATED)
            case "blocklist":
                blob = await self._put_blocks(request)
            case _:
                raise _unsupported(request)
        return web.Response(status=HTTPStatus.CREATED, headers=_headers(blob))

    async def _put_blob(self, request: web.Request) -> Blob:
        names = _names(request)
        if request.headers.get("x-ms-blob-type") != "BlockBlob":
            raise _unsupported(request)
        self._check_condition(request)
        content = await self._received(request, self._blob_bytes_max)
        try:
            return await asyncio.to_thread(self._blobs.put, *names, content, _metadata(request))
        finally:
            content.unlink(missing_ok=True)

    async def _put_block(self, request: web.Request) -> None:
        names = _names(request)
        block_id = request.query.get("blockid")
        if not block_id:
            raise BadRequest("expected the query parameter `blockid`, got none")
        free_bytes = self._blob_bytes_max - await asyncio.to_thread(
            self._blobs.blocks_bytes, *names
        )
        content = await self._received(request, free_bytes)
        try:
            await asyncio.to_thread(self._blobs.put_block, *names, block_id, content)
        finally:
            content.unlink(missing_ok=True)

    async def _put_blocks(self, request: web.Request) -> Blob:
        self._check_condition(request)
        block_ids = await read_block_ids(request)
        return await asyncio.to_thread(
            self._blobs.put_blocks, *_names(request), block_ids, _metadata(request)
        )

    async def _received(self, request: web.Request, bytes_max: int) -> Path:
        """A new file with the request's body.

        Raises:
            StorageError: it is too large, or not what its Content-MD5 says.
        """
        content = self._blobs.new_file(_names(request)[0])
        try:
            await write_body(request, content, bytes_max)
        except BaseException:
            content.unlink()
            raise
        return content

    def _check_access(self, request: web.Request) -> None:
        token = request.query.get("sig", "")
        if not self._blobs.opens(request.match_info["container"], token):
            raise StorageError(
                HTTPStatus.FORBIDDEN,
                "AuthenticationFailed",
                "expected the query that this daemon gave out for the container, got another. "
                "Ask for a new upload.",
            )

    def _check_condition(self, request: web.Request) -> None:
        name = request.match_info["name"]
        is_new_only = request.headers.get(hdrs.IF_NONE_MATCH) == "*"
        if is_new_only and self._blobs.find(*_names(request)) is not None:
            raise Conflict(f"expected the name of a new blob, got {name!r}, which is there")


def _names(request: web.Request) -> tuple[str, str]:
    return request.match_info["container"], request.match_info["name"]


def _metadata(request: web.Request) -> dict[str, str]:
    """What the request wants to be known of a blob.

    Raises:
        BadRequest: it is no text.
    """
    metadata = {
        key.lower().removeprefix(METADATA_PREFIX): value
        for key, value in request.headers.items()
        if key.lower().startswith(METADATA_PREFIX)
    }
    for key, value in metadata.items():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadRequest(
                f"expected UTF-8, got {value!r}, at the header `{METADATA_PREFIX}{key}`"
            ) from None
    return metadata


def _headers(blob: Blob) -> dict[str, str]:
    metadata = {f"{METADATA_PREFIX}{key}": value for key, value in blob.metadata.items()}
    return metadata | {
        hdrs.ETAG: f'"{blob.modified_ns:#x}"',
        hdrs.LAST_MODIFIED: formatdate(blob.modified_ns / NS_PER_S, usegmt=True),
        hdrs.CONTENT_TYPE: "application/octet-stream",
        "x-ms-blob-type": "BlockBlob",
    }


def _unsupported(request: web.Request) -> StorageError:
    return StorageError(
        HTTPStatus.NOT_IMPLEMENTED,
        "NotImplemented",
        f"expected HEAD, GET or PUT of a block blob, its metadata, blocks or block list, got "
        f"{request.method} {request.rel_url.path_qs.partition('sig=')[0]}",
    )


def _error(status: HTTPStatus, code: str, message: str) -> web.Response:
    text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return web.Response(
        status=status,
        text=f'<?xml version="1.0" encoding="utf-8"?>{text}',
        content_type="application/xml",
        headers={"x-ms-error-code": code},
    )
