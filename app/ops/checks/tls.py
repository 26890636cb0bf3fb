"""TLS files: whether they can be used, and for how long."""

import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from app.core.clock import now
from app.ops.checks.finding import Finding, error, warning
from app.settings import Settings

RENEW_BEFORE = timedelta(days=21)


def check_tls(settings: Settings) -> Iterator[Finding]:
    server, authority = settings.server, settings.database.tls_ca
    if server.tls_certificate is None or server.tls_key is None:
        yield Finding("TLS", "off")
    else:
        yield _check_pair(server.tls_certificate, server.tls_key)
    if authority is not None:
        yield _check_validity("CHAT_DATABASE__TLS_CA", authority)


def _check_pair(certificate: Path, key: Path) -> Finding:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            certificate, key, password=_refuse_password
        )
    except (OSError, ValueError) as failure:  # SSLError is an OSError
        return error("TLS", str(certificate), f"Cannot be used with {key}: {failure}.")
    return _check_validity("TLS", certificate)


def _refuse_password() -> str:
    """OpenSSL would ask on the terminal."""
    raise ValueError("the key is encrypted, and this server has no setting for its password")


def _check_validity(subject: str, file: Path) -> Finding:
    """Of the first certificate of a file, which is the server's own."""
    try:
        certificate = x509.load_pem_x509_certificates(file.read_bytes())[0]
    except (OSError, ValueError) as failure:
        return error(subject, str(file), f"Not a file with PEM certificates: {failure}.")
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    text = f"{file}, for {_names(certificate)}, until {end:%Y-%m-%d}"
    if end <= now():
        return error(subject, text, "It has expired: clients refuse it.")
    if begin > now():
        return error(subject, text, f"It is valid from {begin:%Y-%m-%d %H:%M} UTC on.")
    if end - now() < RENEW_BEFORE:
        return warning(subject, text, "It expires soon: renew it, and restart the server.")
    return Finding(subject, text)


def _names(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return certificate.subject.rfc4514_string() or "no name"
    return ", ".join(str(name.value) for name in names)
