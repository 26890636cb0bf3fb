"""Tokens that clients keep for the server: a body and its signature, in base64url."""

import hmac
from collections.abc import Sequence

from app.core import base64url

_MAC_BYTES = 16


class Signer:
    """The first of `keys` signs; tokens of all are accepted, so that a key can be replaced.

    A token for one `purpose` is not valid for another.
    """

    def __init__(self, keys: Sequence[bytes], purpose: bytes) -> None:
        self._keys = [hmac.digest(key, purpose, "sha256") for key in keys]

    def sign(self, body: bytes, *, before: bytes = b"", after: bytes = b"") -> str:
        """The signature also covers `before` and `after`, which the token does not contain."""
        return base64url.encode(body + _mac(self._keys[0], before + body + after))

    def verify(self, token: str, *, before: bytes = b"", after: bytes = b"") -> bytes | None:
        """The body, or None if this server did not sign it with `before` and `after`."""
        try:
            signed = base64url.decode(token)
        except ValueError:
            return None
        body, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
        covered = before + body + after
        is_genuine = any(hmac.compare_digest(mac, _mac(key, covered)) for key in self._keys)
        return body if is_genuine else None


def _mac(key: bytes, covered: bytes) -> bytes:
    return hmac.digest(key, covered, "sha256")[:_MAC_BYTES]
