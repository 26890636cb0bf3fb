"""Sync tokens: with the one of its last room list, a client asks for the changes since then only.

Opaque to clients and signed. The signature covers the user's id, which the token does not contain,
so another user's token fails verification. It contains only a time and grants no access.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.core.clock import EPOCH, MICROSECOND, microseconds
from app.core.signed_tokens import Signer

_VERSION = b"\x01"
_TIME_BYTES = 8


class SyncTokens:
    def __init__(self, keys: Sequence[bytes]) -> None:
        self._signer = Signer(keys, b"snapshot")

    def issue(self, user: UUID, at: datetime) -> str:
        """A token for a user who has received the state of all rooms at this time."""
        body = _VERSION + microseconds(at).to_bytes(_TIME_BYTES)
        return self._signer.sign(body, before=user.bytes)

    def parse(self, user: UUID, token: str) -> datetime | None:
        """The token's time, or None if this server did not issue it to this user."""
        body = self._signer.verify(token, before=user.bytes)
        if body is None or body[:1] != _VERSION or len(body) != len(_VERSION) + _TIME_BYTES:
            return None
        return EPOCH + int.from_bytes(body[1:]) * MICROSECOND
