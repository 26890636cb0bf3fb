"""Snapshots: what a client brings back to learn only what has changed since.

Opaque to clients, signed, and bound to the user: the user is signed but not contained, so that
somebody else's does not even open. A snapshot gives no access; what it opens to is a time.
"""

import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

_VERSION = b"\x01"
_TIME_BYTES = 8
_MAC_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Snapshots:
    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"snapshot", "sha256")

    def seal(self, user: UUID, at: datetime) -> str:
        """The user has all rooms as they were at this time."""
        body = _VERSION + ((at - _EPOCH) // _MICROSECOND).to_bytes(_TIME_BYTES)
        return base64.urlsafe_b64encode(body + self._mac(user, body)).decode().rstrip("=")

    def open(self, user: UUID, snapshot: str) -> datetime | None:
        """The time, or None for anything that was not sealed here for this user."""
        try:
            sealed = base64.urlsafe_b64decode(snapshot + "=" * (-len(snapshot) % 4))
        except (binascii.Error, ValueError):
            return None
        if len(sealed) != len(_VERSION) + _TIME_BYTES + _MAC_BYTES:
            return None
        body, mac = sealed[:-_MAC_BYTES], sealed[-_MAC_BYTES:]
        if body[:1] != _VERSION or not hmac.compare_digest(mac, self._mac(user, body)):
            return None
        return _EPOCH + int.from_bytes(body[1:]) * _MICROSECOND

    def _mac(self, user: UUID, body: bytes) -> bytes:
        return hmac.digest(self._key, user.bytes + body, "sha256")[:_MAC_BYTES]
