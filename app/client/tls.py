"""Whom to trust."""

import ssl
from pathlib import Path


def trusting(ca: Path) -> ssl.SSLContext:
    """For HTTP and sockets: the certificates in this PEM file vouch for the server, and no others.

    Raises OSError if it cannot be read, ssl.SSLError if it holds no certificate.
    """
    return ssl.create_default_context(cafile=ca)
