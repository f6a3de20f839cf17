"""The blob store with Azure's own storage client, and what nobody may do with it."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from aiohttp import web
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.blob import ContainerClient

from router.control_plane.blob_uris import locate
from router.control_plane.blobs import DEFAULT_CONTAINER, Blobs
from router.control_plane.blobs_api import access_query, blob_routes
from router.core.errors import BadRequest

BLOB_BYTES_MAX = 20_000_000
BLOCK_BYTES = 256 * 1024
T = TypeVar("T")


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "uploads")


@pytest.fixture
async def url(blobs: Blobs) -> AsyncIterator[str]:
    """A server of the blob store."""
    app = web.Application()
    app.add_routes(blob_routes(blobs, BLOB_BYTES_MAX))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def container(url: str, blobs: Blobs) -> AsyncIterator[ContainerClient]:
    """Azure's client of one container, which sends small blocks one by one."""
    name = blobs.new_container()
    uri = f"{url}/blobs/{name}?{access_query(blobs.token(name))}"
    with ContainerClient.from_container_url(
        uri, max_single_put_size=BLOCK_BYTES, max_block_size=BLOCK_BYTES, retry_total=0
    ) as client:
        yield client


async def call(function: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """The storage client blocks; its server runs here."""
    return await asyncio.to_thread(partial(function, *arguments, **options))


def read(container: ContainerClient, name: str) -> bytes:
    content = container.download_blob(name).readall()
    assert isinstance(content, bytes)
    return content


@pytest.mark.parametrize("size_bytes", [0, 1, 100_000])
async def test_a_small_blob_is_read_as_it_was_written(
    container: ContainerClient, size_bytes: int
) -> None:
    content = os.urandom(size_bytes)
    await call(container.upload_blob, "folder/a b+ü.bin", content)
    assert await call(read, container, "folder/a b+ü.bin") == content


def test_what_was_arriving_when_a_daemon_ended_is_removed_by_the_next(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "uploads")
    blobs.token("container")
    kept, half = blobs.new_file("container"), blobs.new_file("container")
    kept.write_bytes(b"whole")
    blobs.put("container", "a.txt", kept, {})
    half.write_bytes(b"hal")
    found = Blobs(tmp_path / "uploads").find("container", "a.txt")
    assert not half.exists()
    assert found is not None
    assert found.path.read_bytes() == b"whole"


async def test_a_large_blob_goes_in_blocks_and_is_put_together(
    container: ContainerClient, blobs: Blobs
) -> None:
    content = os.urandom(10_000_000)
    await call(container.upload_blob, "large", content, max_concurrency=4, validate_content=True)
    assert await call(read, container, "large") == content
    assert blobs.blocks_bytes(str(container.container_name), "large") == 0


async def test_one_request_may_carry_a_large_blob(url: str, blobs: Blobs) -> None:
    container, content = blobs.new_container(), os.urandom(5_000_000)
    uri = f"{url}/blobs/{container}/a?{access_query(blobs.token(container))}"
    headers = {"x-ms-blob-type": "BlockBlob"}
    async with aiohttp.ClientSession() as session:
        async with session.put(uri, data=io.BytesIO(content), headers=headers) as answer:
            assert answer.status == 201
        async with session.get(uri) as answer:
            assert await answer.read() == content


async def test_a_part_of_a_blob_can_be_read(container: ContainerClient) -> None:
    await call(container.upload_blob, "a", b"0123456789")
    downloader: Any = await call(container.download_blob, "a", offset=3, length=4)
    assert await call(downloader.readall) == b"3456"


async def test_metadata_comes_with_an_upload_or_later_and_replaces_the_old(
    container: ContainerClient,
) -> None:
    blob = container.get_blob_client("a")
    await call(blob.upload_blob, b"x", metadata={"upload_status": "begun", "other": "1"})
    assert (await call(blob.get_blob_properties)).metadata == {
        "upload_status": "begun",
        "other": "1",
    }
    await call(blob.set_blob_metadata, {"upload_status": "completed"})
    properties = await call(blob.get_blob_properties)
    assert properties.metadata == {"upload_status": "completed"}
    assert properties.size == 1
    await call(blob.upload_blob, b"y", overwrite=True)
    assert (await call(blob.get_blob_properties)).metadata == {}


async def test_a_blob_is_not_replaced_unasked(container: ContainerClient) -> None:
    await call(container.upload_blob, "a", b"first")
    with pytest.raises(ResourceExistsError):
        await call(container.upload_blob, "a", b"second")
    assert await call(read, container, "a") == b"first"
    await call(container.upload_blob, "a", b"second", overwrite=True)
    assert await call(read, container, "a") == b"second"


async def test_a_missing_blob_is_said_to_be_missing(container: ContainerClient) -> None:
    blob = container.get_blob_client("nowhere")
    assert not await call(blob.exists)
    with pytest.raises(ResourceNotFoundError):
        await call(blob.download_blob)
    with pytest.raises(ResourceNotFoundError):
        await call(blob.set_blob_metadata, {"a": "b"})


async def test_too_large_a_blob_is_refused_whole_or_in_blocks(
    container: ContainerClient, blobs: Blobs
) -> None:
    blob = container.get_blob_client("a")
    name = str(container.container_name)
    with pytest.raises(HttpResponseError, match="max_upload_bytes") as caught:
        await call(blob.upload_blob, bytes(BLOB_BYTES_MAX + 1))
    assert caught.value.status_code == 413
    assert blobs.blocks_bytes(name, "a") <= BLOB_BYTES_MAX
    assert blobs.find(name, "a") is None


async def test_a_list_with_a_block_that_never_came_is_refused(container: ContainerClient) -> None:
    blob = container.get_blob_client("a")
    await call(blob.stage_block, "one", b"1")
    with pytest.raises(HttpResponseError, match="expected a block that was put before"):
        await call(blob.commit_block_list, ["one", "two"])
    await call(blob.commit_block_list, ["one"])
    assert await call(read, container, "a") == b"1"


async def test_nobody_gets_in_without_the_containers_own_token(url: str, blobs: Blobs) -> None:
    mine, other = blobs.new_container(), blobs.new_container()
    wrong = blobs.token(other)
    blobs.token(mine)
    for query in (f"?{access_query(wrong)}", f"?{access_query('')}", "?sig=%FF%00", ""):
        with ContainerClient.from_container_url(f"{url}/blobs/{mine}{query}") as container:
            with pytest.raises(ClientAuthenticationError):
                await call(container.upload_blob, "a", b"x")
            with pytest.raises(ClientAuthenticationError):
                await call(container.get_blob_client("a").get_blob_properties)
    assert blobs.find(mine, "a") is None


@pytest.mark.parametrize(
    "name",
    [
        "../../state.db",
        "%2e%2e/%2e%2e/state.db",
        "..%2f..%2fstate.db",
        "a/../../b",
        "a//b",
        "./a",
        "%00",
        "x" * 256,
    ],
)
async def test_no_name_leads_out_of_the_container(
    url: str, blobs: Blobs, tmp_path: Path, name: str
) -> None:
    container = blobs.new_container()
    target = f"/blobs/{container}/{name}?{access_query(blobs.token(container))}"
    head = f"PUT {target} HTTP/1.1\r\nHost: h\r\nx-ms-blob-type: BlockBlob\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
    # Clients tidy up such paths before they send them.
    writer.write(f"{head}Content-Length: 1\r\nConnection: close\r\n\r\nx".encode())
    status_line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert b" 400 " in status_line, status_line
    written = await asyncio.to_thread(lambda: [p for p in tmp_path.rglob("*") if p.is_file()])
    assert [path.name for path in written] == ["token"]


async def test_what_arrives_broken_is_refused(url: str, blobs: Blobs) -> None:
    container = blobs.new_container()
    uri = f"{url}/blobs/{container}/a?{access_query(blobs.token(container))}"
    headers = {"x-ms-blob-type": "BlockBlob", "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    async with aiohttp.ClientSession() as session:
        async with session.put(uri, data=b"x", headers=headers) as answer:
            assert (answer.status, answer.headers["x-ms-error-code"]) == (400, "Md5Mismatch")
        bomb = b'<!DOCTYPE l [<!ENTITY a "aaaa">]><BlockList><Latest>&a;</Latest></BlockList>'
        async with session.put(f"{uri}&comp=blocklist", data=bomb) as answer:
            assert answer.status == 400
        async with session.put(uri, data=b"x", headers={"x-ms-blob-type": "PageBlob"}) as answer:
            assert (answer.status, answer.headers["x-ms-error-code"]) == (501, "NotImplemented")
    assert blobs.find(container, "a") is None
    assert not list(blobs.new_file(container).parent.glob("*"))[1:]


def test_a_blob_and_a_folder_can_not_have_one_name(blobs: Blobs) -> None:
    container = blobs.new_container()
    blobs.token(container)
    blobs.put(container, "a", blobs.new_file(container), {})
    with pytest.raises(Exception, match="names of blobs that can be files in folders"):
        blobs.put(container, "a/b", blobs.new_file(container), {})


def test_a_containers_token_is_the_same_after_a_restart(blobs: Blobs, tmp_path: Path) -> None:
    token = blobs.token(DEFAULT_CONTAINER)
    again = Blobs(tmp_path / "uploads")
    assert again.token(DEFAULT_CONTAINER) == token
    assert again.opens(DEFAULT_CONTAINER, token)


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("https://any.host:8443/blobs/{container}/code%20folder", "code folder"),
        ("http://h/blobs/{container}/code%20folder?sig=x", "code folder"),
        ("https://h/blobs/{container}", "."),
        ("https://h/blobs/{container}/.", "."),
        ("https://h/elsewhere/{container}/code", None),
        ("/local/path", None),
    ],
)
def test_a_uri_of_this_store_leads_to_its_files(
    blobs: Blobs, tmp_path: Path, uri: str, found: str | None
) -> None:
    container = blobs.new_container()
    blobs.token(container)
    blobs.put(container, "code folder/score.py", blobs.new_file(container), {})
    files = tmp_path / "uploads" / container / "files"
    located = locate(blobs, uri.format(container=container), "$.key")
    assert located == (None if found is None else files / found)


@pytest.mark.parametrize(
    "uri",
    [
        "azureml://datastores/workspaceblobstore/paths/LocalUpload/x/model",
        "azureml://datastores/other/paths/x",
        "https://h/blobs/nothing-here/x",
        "https://h/blobs/../x",
        "https://h/blobs/azureml-blobstore/../../state.db",
        "https://h/blobs/azureml-blobstore/%2e%2e/token",
    ],
)
def test_a_uri_without_files_is_refused_with_its_place(blobs: Blobs, uri: str) -> None:
    blobs.token(DEFAULT_CONTAINER)
    with pytest.raises(BadRequest):
        locate(blobs, uri, "$.key")
