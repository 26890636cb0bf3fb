"""Device tokens: proof that an account was logged in to from a device before.

Opaque to clients, signed, bound to the username, and not stored. A device token grants no access:
it exempts the device from the limits that wrong passwords of other devices have used up.
"""

import secrets
from collections.abc import Sequence

from app.core.signed_tokens import Signer

_VERSION = b"\x01"
_ID_BYTES = 8


class DeviceTokens:
    def __init__(self, keys: Sequence[bytes]) -> None:
        self._signer = Signer(keys, b"device")

    def issue(self, username_key: str) -> str:
        """A token for a device that has just sent the right password."""
        body = _VERSION + secrets.token_bytes(_ID_BYTES)
        return self._signer.sign(body, after=username_key.encode())

    def identify(self, username_key: str, token: str) -> str | None:
        """The device's id, or None if this server did not issue the token for this username."""
        body = self._signer.verify(token, after=username_key.encode())
        return None if body is None else body.hex()
