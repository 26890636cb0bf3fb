"""A send on its way to the log, and what becomes of it."""

from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.events import Message

Key = tuple[UUID, UUID, str]  # room, sender, nonce


class Send(NamedTuple):
    """One message that somebody wants to have said."""

    actor: Actor
    room: UUID
    nonce: str
    text: str
    reply_to: int | None

    @property
    def key(self) -> Key:
        """Sends with the same key are one message."""
        return self.room, self.actor.user, self.nonce


class Sent(NamedTuple):
    message: Message
    duplicate: bool
