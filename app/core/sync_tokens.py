"""Snapshots: what a client brings back to learn only what has changed since.

Opaque to clients, signed, and bound to the user: the user is signed but not contained, so that
somebody else's does not even open. A snapshot gives no access; what it opens to is a time.
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
    """The first key seals; what any of them has sealed is opened."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [hmac.digest(key, b"snapshot", "sha256") for key in keys]

    def seal(self, user: UUID, at: datetime) -> str:
        """The user has all rooms as they were at this time."""
        body = _VERSION + microseconds(at).to_bytes(_TIME_BYTES)
        return base64.urlsafe_b64encode(body + _mac(self._keys[0], user, body)).decode().rstrip("=")

    def open(self, user: UUID, snapshot: str) -> datetime | None:
        """The time, or None for anything that was not sealed here for this user."""
        try:
            sealed = base64.urlsafe_b64decode(snapshot + "=" * (-len(snapshot) % 4))
        except (binascii.Error, ValueError):
            return None
        if len(sealed) != len(_VERSION) + _TIME_BYTES + _MAC_BYTES:
            return None
        body, mac = sealed[:-_MAC_BYTES], sealed[-_MAC_BYTES:]
        sealed_here = [hmac.compare_digest(mac, _mac(key, user, body)) for key in self._keys]
        if body[:1] != _VERSION or not any(sealed_here):
            return None
        return EPOCH + int.from_bytes(body[1:]) * MICROSECOND


def _mac(key: bytes, user: UUID, body: bytes) -> bytes:
    return hmac.digest(key, user.bytes + body, "sha256")[:_MAC_BYTES]
