"""The control plane's certificate: made by itself and for itself, on first start (azure.md 8.6).

Azure's SDK speaks HTTPS only. It trusts this certificate once it is told to
(`turnout sdk-env`). No authority stands behind it, so it opens nothing else.
"""

import datetime as dt
import ipaddress
import os
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from router.control_plane.files import write_atomically

VALID_DAYS = 730
# Renewed at a start when less is left, so that a daemon can run a while on it.
RENEW_DAYS = 30
_LOCAL = ("localhost", "127.0.0.1", "::1")
_WILDCARDS = ("0.0.0.0", "::")


def certificate_path(folder: Path) -> Path:
    """Where the certificate is that clients are to trust."""
    return folder / "cert.pem"


def server_context(folder: Path, host: str) -> ssl.SSLContext:
    """What a server needs to listen with TLS; makes or renews the certificate by need.

    Args:
        folder: where certificate and key are kept; made already.
        host: what the control plane listens on. The certificate is for it, localhost,
            127.0.0.1 and ::1; if it stands for all addresses, for this machine's name as well.
    """
    certificate, key = certificate_path(folder), folder / "key.pem"
    names = [*_LOCAL, socket.gethostname() if host in _WILDCARDS else host]
    if not (key.exists() and _is_good(certificate, names)):
        _make(certificate, key, names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _is_good(certificate: Path, names: list[str]) -> bool:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    enough = dt.datetime.now(dt.UTC) + dt.timedelta(days=RENEW_DAYS)
    alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return found.not_valid_after_utc > enough and set(_general(names)) <= set(alternatives)


def _make(certificate: Path, key: Path, names: list[str]) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # The certificate goes first and comes last: after a crash there is none that fits no key.
    certificate.unlink(missing_ok=True)
    key.unlink(missing_ok=True)
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    write_atomically(certificate, _signed(private, names).public_bytes(serialization.Encoding.PEM))


def _signed(private: ec.EllipticCurvePrivateKey, names: list[str]) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "turnout control plane")])
    now = dt.datetime.now(dt.UTC)
    public = private.public_key()
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        # Clocks of clients may be slow.
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(_general(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(private, hashes.SHA256())
    )


def _general(names: list[str]) -> list[x509.GeneralName]:
    return list(dict.fromkeys(_general_name(name) for name in names))


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
