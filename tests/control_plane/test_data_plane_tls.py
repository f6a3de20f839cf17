"""A daemon whose workers serve with the operator's certificate."""

import ssl
from pathlib import Path

import aiohttp

from tests.certificates import write_certificate
from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import Client

CONFIG = {
    "data_plane": {"port": 0, "tls": {"certificate": "cert.pem", "key": "key.pem"}},
    "control_plane": {"port": 0},
}


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


def test_a_certificate_that_is_not_there_is_refused_at_the_start(
    start_daemon: StartDaemon, folder: Path
) -> None:
    daemon = start_daemon(**CONFIG)
    assert daemon.wait() == 1
    message = daemon.log.read_text().splitlines()[-1]
    assert f"expected a certificate and its key as PEM files, got {folder}/cert.pem and" in message
    assert "at `$.data_plane.tls`" in message
