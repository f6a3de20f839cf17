"""A daemon whose workers serve with the operator's certificate."""

import asyncio
import ssl
from pathlib import Path

import aiohttp
from yarl import URL

from tests.certificates import write_certificate
from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import LIMIT_S, Client

CONFIG: dict[str, dict[str, object]] = {
    "data_plane": {"port": 0, "tls": {"certificate": "cert.pem", "key": "key.pem"}},
    "control_plane": {"port": 0},
}
# Clients that are served between a drain's begin and the handshake that it waits for.
OTHERS = 100


async def test_scoring_uris_are_https_and_trusting_clients_are_served(
    start_daemon: StartDaemon, folder: Path
) -> None:
    certificate, _ = write_certificate(folder, "first")
    daemon = start_daemon(**CONFIG).wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("code"))
        shown = (await client.call("GET", "my-endpoint")).body
        keys = (await client.call("POST", "my-endpoint/listKeys")).body
    uri = shown["properties"]["scoringUri"]
    assert uri.startswith("https://127.0.0.1:")
    trusting = ssl.create_default_context(cafile=str(certificate))
    headers = {"Authorization": f"Bearer {keys['primaryKey']}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(uri, data=b"{}", headers=headers, ssl=trusting) as response,
    ):
        assert response.status == 200


async def test_a_reload_cuts_no_client_that_has_not_shaken_hands_yet(
    start_daemon: StartDaemon, folder: Path
) -> None:
    certificate, _ = write_certificate(folder, "first")
    data_plane = {**CONFIG["data_plane"], "workers": 1}
    daemon = start_daemon(**{**CONFIG, "data_plane": data_plane}).wait_ready()
    trusting = ssl.create_default_context(cafile=str(certificate))
    port = URL(daemon.addresses["scoring_base"]).port
    async with Client(daemon) as client, asyncio.timeout(LIMIT_S):
        await client.serve("my-endpoint", "blue", daemon.code("code"))
        idle = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        reload = asyncio.create_task(client.call("POST", "/reload"))
        # Whoever is idle is told to go, or may ask once more: then the drain has begun.
        while b"connection: close" not in await ask(*idle):
            await asyncio.sleep(0.01)
        assert await idle[0].read() == b""
        idle[1].close()
        # A worker that did not wait would end meanwhile, and the reload with it.
        for _ in range(OTHERS):
            other = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
            assert b"HTTP/1.1 401 " in await ask(*other)
            other[1].close()
        assert not reload.done()
        await writer.start_tls(trusting, server_hostname="127.0.0.1")
        assert b"HTTP/1.1 401 " in await ask(reader, writer)
        writer.close()
        assert (await reload).status == 200


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The head of the answer to a request without a key."""
    writer.write(b"POST /my-endpoint/score HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return head


def test_a_certificate_that_is_not_there_is_refused_at_the_start(
    start_daemon: StartDaemon, folder: Path
) -> None:
    daemon = start_daemon(**CONFIG)
    assert daemon.wait() == 1
    message = daemon.log.read_text().splitlines()[-1]
    assert f"expected a certificate and its key as PEM files, got {folder}/cert.pem and" in message
    assert "at `$.data_plane.tls`" in message
