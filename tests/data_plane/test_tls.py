"""TLS at the listener, with certificates that change while it serves."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography import x509

from router.data_plane.listener import HANDSHAKE_TIMEOUT_S, Listener
from router.data_plane.tls import Certificate
from tests.certificates import write_certificate
from tests.data_plane.scripted import Worker, running
from tests.data_plane.test_throttle import answer, request

WAIT_S = 20


@pytest.fixture
async def secure(folder: Path, tmp_path: Path) -> AsyncIterator[Worker]:
    """A worker that serves with the certificate in tmp_path."""
    async with running(folder) as worker:
        await worker.add_instance("blue-1")
        await worker.route({"blue": ["blue-1"]}, {"blue": 100})
        certificate = Certificate(*write_certificate(tmp_path, "first"))
        plain = worker.listener
        worker.listener = Listener(
            plain.dispatcher, worker.engine.request_ids, plain.limits, certificate=certificate
        )
        worker.port = await worker.listener.open("127.0.0.1", 0)
        yield worker
        await plain.drain(0)
        await plain.close()


def client_context(trusted: Path | None = None) -> ssl.SSLContext:
    if trusted is not None:
        return ssl.create_default_context(cafile=str(trusted))
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def connect(
    worker: Worker, context: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(WAIT_S):
        return await asyncio.open_connection("127.0.0.1", worker.port, ssl=context)


async def served_name(worker: Worker) -> str:
    """The name in the certificate that a new connection gets."""
    _, writer = await connect(worker, client_context())
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(found).subject.rfc4514_string()


async def becomes(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not what():
            await asyncio.sleep(0.01)


async def test_a_client_that_trusts_the_certificate_is_served(
    secure: Worker, tmp_path: Path
) -> None:
    reader, writer = await connect(secure, client_context(tmp_path / "cert.pem"))
    for body in (b"{}", bytes(500_000)):
        writer.write(request(body))
        assert (await answer(reader))[1] == body
    writer.close()
    await writer.wait_closed()


async def test_a_refusal_reaches_the_client_and_ends_the_connection(secure: Worker) -> None:
    reader, writer = await connect(secure, client_context())
    writer.write(b"POST / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(WAIT_S):
        assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    writer.close()


async def test_plain_http_gets_nothing(secure: Worker) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.port)
    writer.write(request(b"{}"))
    async with asyncio.timeout(WAIT_S):
        assert b"HTTP" not in await reader.read()
    writer.close()


def test_nothing_older_than_tls_1_2_is_spoken(tmp_path: Path) -> None:
    context = Certificate(*write_certificate(tmp_path, "first")).context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_new_pair_is_taken_while_old_connections_go_on(
    secure: Worker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reader, writer = await connect(secure, client_context())
    assert await served_name(secure) == "CN=first"
    write_certificate(tmp_path, "second")
    await becomes(lambda: "serving with the new certificate" in caplog.text)
    assert await served_name(secure) == "CN=second"
    writer.write(request(b"{}"))
    assert (await answer(reader))[1] == b"{}"
    writer.close()


@pytest.mark.parametrize("file", ["cert.pem", "key.pem"])
async def test_a_pair_that_does_not_fit_is_refused_whole_and_said(
    secure: Worker, tmp_path: Path, caplog: pytest.LogCaptureFixture, file: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_certificate(other, "other")
    (other / file).replace(tmp_path / file)
    await becomes(lambda: "The former serve on" in caplog.text)
    assert await served_name(secure) == "CN=first"


async def test_files_that_are_gone_for_a_moment_change_nothing(
    secure: Worker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "key.pem").rename(tmp_path / "moved.pem")
    await asyncio.sleep(1.2)  # One look.
    assert await served_name(secure) == "CN=first"
    write_certificate(tmp_path, "second")
    await becomes(lambda: "serving with the new certificate" in caplog.text)
    assert caplog.text.count("former") == 0


async def refuses(worker: Worker) -> None:
    """Returns when nobody can connect any more."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", worker.port)
            except ConnectionRefusedError:
                return
            writer.transport.abort()
            await asyncio.sleep(0.01)


async def test_a_drain_waits_for_a_client_that_has_connected_and_not_shaken_hands_yet(
    secure: Worker,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.port)
    # Only by a drain that is over when it can be: at a deadline it would be, whoever waits.
    drain = asyncio.create_task(secure.listener.drain(float("inf"), idle_grace_s=WAIT_S))
    await refuses(secure)
    for _ in range(100):
        await asyncio.sleep(0)
    is_over = drain.done()
    async with asyncio.timeout(WAIT_S):
        await writer.start_tls(client_context())
        writer.write(request(b"{}"))
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert not is_over
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"connection: close\r\n" in head
        assert await drain == 0


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n\r\n"], ids=["nothing", "no-tls"])
async def test_a_drain_does_not_wait_for_a_handshake_that_has_failed(
    secure: Worker, sent: bytes
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", secure.port)
    writer.write(sent)
    drain = asyncio.create_task(secure.listener.drain(float("inf")))
    await refuses(secure)
    writer.transport.abort()
    async with asyncio.timeout(HANDSHAKE_TIMEOUT_S - 1):
        assert await drain == 0


async def test_who_shakes_hands_when_the_time_is_over_is_cut_and_asks_nothing(
    secure: Worker,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.port)
    assert await secure.listener.drain(0) == 0
    await secure.engine.close()
    async with asyncio.timeout(WAIT_S):
        with contextlib.suppress(ConnectionError):
            await writer.start_tls(client_context())
            writer.write(request(b"{}"))
            assert await reader.read() == b""
    assert not secure.listener.connections
    writer.transport.abort()
