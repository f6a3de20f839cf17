"""The control plane's certificate: made once, good for its host, renewed when it isn't."""

import datetime as dt
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509

from router.control_plane import tls
from router.control_plane.tls import certificate_path, server_context

LIMIT_S = 20


def certificate(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate_path(folder).read_bytes())


def handshake(folder: Path, host: str, name: str) -> None:
    """Connects as a client that trusts the certificate and wants to talk to ``name``."""
    server = server_context(folder, host)
    client = ssl.create_default_context(cafile=certificate_path(folder))
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.settimeout(LIMIT_S)

    def answer() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except ssl.SSLError:
            theirs.close()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        client.wrap_socket(ours, server_hostname=name).close()
    finally:
        ours.close()
        thread.join(LIMIT_S)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "router.lan"])
def test_a_client_that_trusts_the_certificate_reaches_each_of_its_names(
    tmp_path: Path, name: str
) -> None:
    handshake(tmp_path, "router.lan", name)


def test_it_is_good_for_no_other_name(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        handshake(tmp_path, "router.lan", "other.lan")


def test_all_addresses_stand_for_the_machines_name(tmp_path: Path) -> None:
    handshake(tmp_path, "0.0.0.0", socket.gethostname())


def test_only_its_user_may_read_the_key(tmp_path: Path) -> None:
    server_context(tmp_path, "127.0.0.1")
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


def test_a_good_certificate_stays(tmp_path: Path) -> None:
    server_context(tmp_path, "127.0.0.1")
    before = certificate(tmp_path)
    server_context(tmp_path, "localhost")
    assert certificate(tmp_path) == before


def test_another_host_gets_a_new_one(tmp_path: Path) -> None:
    server_context(tmp_path, "127.0.0.1")
    before = certificate(tmp_path)
    server_context(tmp_path, "10.0.0.7")
    assert certificate(tmp_path) != before
    handshake(tmp_path, "10.0.0.7", "10.0.0.7")


def test_one_that_expires_soon_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "VALID_DAYS", tls.RENEW_DAYS - 1)
    server_context(tmp_path, "127.0.0.1")
    monkeypatch.undo()
    server_context(tmp_path, "127.0.0.1")
    left = certificate(tmp_path).not_valid_after_utc - dt.datetime.now(dt.UTC)
    assert left > dt.timedelta(days=tls.RENEW_DAYS)


@pytest.mark.parametrize("lost", ["key.pem", "cert.pem"])
def test_a_lost_or_broken_file_is_made_again_with_the_other(tmp_path: Path, lost: str) -> None:
    server_context(tmp_path, "127.0.0.1")
    (tmp_path / lost).unlink()
    handshake(tmp_path, "127.0.0.1", "localhost")
    (tmp_path / "cert.pem").write_text("no certificate")
    handshake(tmp_path, "127.0.0.1", "localhost")
