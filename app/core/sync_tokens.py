"""Sync tokens: with the one of its last room list, a client asks for the changes since then only.

Opaque to clients and signed. The signature covers the user's id, the epoch and the number of clock
steps, which the token does not contain: one of another user, of another history or from before the
database's clock stepped back fails verification. It contains only a time and grants no access.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.core.clock import EPOCH, MICROSECOND, microseconds
from app.core.server_state import ServerState
from app.core.signed_tokens import Signer

_VERSION = b"\x01"
_TIME_BYTES = _COUNT_BYTES = 8


class SyncTokens:
    def __init__(self, keys: Sequence[bytes]) -> None:
        self._signer = Signer(keys, b"snapshot")

    def issue(self, user: UUID, at: datetime, state: ServerState) -> str:
        """A token for a user who has received the state of all rooms at this time."""
        body = _VERSION + microseconds(at).to_bytes(_TIME_BYTES)
        return self._signer.sign(body, **_covered(user, state))

    def parse(self, user: UUID, token: str, state: ServerState) -> datetime | None:
        """The token's time, or None if this server did not issue it to this user in this state."""
        body = self._signer.verify(token, **_covered(user, state))
        if body is None or body[:1] != _VERSION or len(body) != len(_VERSION) + _TIME_BYTES:
            return None
        return EPOCH + int.from_bytes(body[1:]) * MICROSECOND


def _covered(user: UUID, state: ServerState) -> dict[str, bytes]:
    """What the signature covers around the body: before it, so many bytes each time."""
    before = user.bytes + state.clock_steps.to_bytes(_COUNT_BYTES)
    return {"before": before, "after": state.epoch.encode()}
