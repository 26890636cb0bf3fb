"""Sync tokens: with the one of its last room list, a client asks for the changes since then only.

Opaque to clients and signed. The signature covers the user's id, which the token does not contain,
so another user's token fails verification. It contains only a time and grants no access.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.core.clock import EPOCH, MICROSECOND, microseconds

_VERSION = b"\x01"
_TIME_BYTES = 8
_MAC_BYTES = 16


class SyncTokens:
    """The first key signs; tokens of all keys are accepted."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [hmac.digest(key, b"snapshot", "sha256") for key in keys]

    def issue(self, user: UUID, at: datetime) -> str:
        """A token for a user who has received the state of all rooms at this time."""
        body = _VERSION + microseconds(at).to_bytes(_TIME_BYTES)
        return base64.urlsafe_b64encode(body + _mac(self._keys[0], user, body)).decode().rstrip("=")

    def parse(self, user: UUID, token: str) -> datetime | None:
        """The token's time, or None if this server did not issue it to this user."""
        try:
            signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        if len(signed) != len(_VERSION) + _TIME_BYTES + _MAC_BYTES:
            return None
        body, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
        is_genuine = [hmac.compare_digest(mac, _mac(key, user, body)) for key in self._keys]
        if body[:1] != _VERSION or not any(is_genuine):
            return None
        return EPOCH + int.from_bytes(body[1:]) * MICROSECOND


def _mac(key: bytes, user: UUID, body: bytes) -> bytes:
    return hmac.digest(key, user.bytes + body, "sha256")[:_MAC_BYTES]
