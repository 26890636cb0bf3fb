"""Device tokens: proof that an account was logged in to from a device before.

Opaque to clients, signed, bound to the username, and stored nowhere. A device token gives no
access: with it, wrong passwords that others send do not count against the device.
"""

import base64
import binascii
import hmac
import secrets

_VERSION = b"\x01"
_ID_BYTES = 8
_MAC_BYTES = 16


class Devices:
    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"device", "sha256")

    def issue(self, username_key: str) -> str:
        """A token for a device that has just shown the right password."""
        body = _VERSION + secrets.token_bytes(_ID_BYTES)
        return base64.urlsafe_b64encode(body + self._mac(username_key, body)).decode().rstrip("=")

    def identify(self, username_key: str, token: str) -> str | None:
        """The device's id; None for anything that was not issued here for this username."""
        try:
            signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        body, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(username_key, body)):
            return None
        return body.hex()

    def _mac(self, username_key: str, body: bytes) -> bytes:
        return hmac.digest(self._key, body + username_key.encode(), "sha256")[:_MAC_BYTES]
