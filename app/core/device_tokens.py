"""Device tokens: proof that an account was logged in to from a device before.

Opaque to clients, signed, bound to the username, and not stored. A device token grants no access:
it exempts the device from the limits that wrong passwords of other devices have used up.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Sequence

_VERSION = b"\x01"
_ID_BYTES = 8
_MAC_BYTES = 16


class DeviceTokens:
    def __init__(self, keys: Sequence[bytes]) -> None:
        """The first of `keys` signs; tokens of all are accepted, so that a key can be replaced."""
        self._keys = [hmac.digest(key, b"device", "sha256") for key in keys]

    def issue(self, username_key: str) -> str:
        """A token for a device that has just sent the right password."""
        body = _VERSION + secrets.token_bytes(_ID_BYTES)
        signed = body + _sign(self._keys[0], username_key, body)
        return base64.urlsafe_b64encode(signed).decode().rstrip("=")

    def identify(self, username_key: str, token: str) -> str | None:
        """The device's id, or None if this server did not issue the token for this username."""
        try:
            signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        body, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
        if any(hmac.compare_digest(mac, _sign(key, username_key, body)) for key in self._keys):
            return body.hex()
        return None


def _sign(key: bytes, username_key: str, body: bytes) -> bytes:
    return hmac.digest(key, body + username_key.encode(), "sha256")[:_MAC_BYTES]
