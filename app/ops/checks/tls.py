"""Checks of TLS files: whether they can be used, and until when they are valid."""

import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from app.core.clock import now
from app.ops.checks.result import CheckResult, error, warning
from app.settings import Settings

RENEW_BEFORE = timedelta(days=21)


def check_tls(settings: Settings) -> Iterator[CheckResult]:
    server, authority = settings.server, settings.database.tls_ca
    if server.tls_certificate is None or server.tls_key is None:
        yield CheckResult("TLS", "off")
    else:
        yield _check_pair(server.tls_certificate, server.tls_key)
    if authority is not None:
        yield _check_validity("CHAT_DATABASE__TLS_CA", authority)


def _check_pair(certificate: Path, key: Path) -> CheckResult:
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


def _check_validity(name: str, file: Path) -> CheckResult:
    """Checks the file's first certificate, which is the server's own."""
    try:
        certificate = x509.load_pem_x509_certificates(file.read_bytes())[0]
    except (OSError, ValueError) as failure:
        return error(name, str(file), f"Not a file with PEM certificates: {failure}.")
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    text = f"{file}, for {_list_names(certificate)}, until {end:%Y-%m-%d}"
    if end <= now():
        return error(name, text, "It has expired: clients refuse it.")
    if begin > now():
        return error(name, text, f"It is valid from {begin:%Y-%m-%d %H:%M} UTC on.")
    if end - now() < RENEW_BEFORE:
        return warning(name, text, "It expires soon: renew it, and restart the server.")
    return CheckResult(name, text)


def _list_names(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return certificate.subject.rfc4514_string() or "no name"
    return ", ".join(str(name.value) for name in names)
