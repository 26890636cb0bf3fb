"""Sync tokens: with the one of its last room list, a client asks for the changes since then only.

A token is a position in the user's log, and a time of the database's clock for rooms. Opaque to
clients and signed. The signature covers the user's id, the epoch, the number of clock steps and the
kinds of items, which the token does not contain: one of another user, of another history, from
before the database's clock stepped back, or of a release that does not send the same items, fails
verification. It grants no access.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.core.clock import EPOCH, MICROSECOND, microseconds
from app.core.server_state import ServerState
from app.core.signed_tokens import Signer
from app.wire.items import ItemKind

_VERSION = b"\x02"
_TIME_BYTES = _COUNT_BYTES = _SEQ_BYTES = 8
_ITEM_KINDS = " ".join(ItemKind)
_BODY_BYTES = len(_VERSION) + _TIME_BYTES + _SEQ_BYTES


class ListPosition(NamedTuple):
    """What a client has of its list of rooms: the user's log up to `seq`, and what had changed in
    rooms at a time by the database's clock."""

    seq: int
    at: datetime


class SyncTokens:
    def __init__(self, keys: Sequence[bytes]) -> None:
        self._signer = Signer(keys, b"snapshot")

    def issue(self, user: UUID, position: ListPosition, state: ServerState) -> str:
        """A token for a user who has received all rooms as they were at this position."""
        seq, at = position
        body = _VERSION + microseconds(at).to_bytes(_TIME_BYTES) + seq.to_bytes(_SEQ_BYTES)
        return self._signer.sign(body, **_covered(user, state))

    def parse(self, user: UUID, token: str, state: ServerState) -> ListPosition | None:
        """The token's position; None if this server did not issue it to this user in this state."""
        body = self._signer.verify(token, **_covered(user, state))
        if body is None or body[:1] != _VERSION or len(body) != _BODY_BYTES:
            return None
        at = EPOCH + int.from_bytes(body[1 : 1 + _TIME_BYTES]) * MICROSECOND
        return ListPosition(int.from_bytes(body[1 + _TIME_BYTES :]), at)


def _covered(user: UUID, state: ServerState) -> dict[str, bytes]:
    """What the signature covers around the body: before it, so many bytes each time."""
    before = user.bytes + state.clock_steps.to_bytes(_COUNT_BYTES)
    return {"before": before, "after": f"{state.epoch} {_ITEM_KINDS}".encode()}
