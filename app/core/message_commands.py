"""Commands about messages that are committed in batches, and their results."""

from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.send_request import SendRequest, SendResult
from app.wire.events import Message


class EditRequest(NamedTuple):
    """Change the text of the message that has this version now."""

    actor: Actor
    room: UUID
    seq: int
    text: str
    version: int
    online: frozenset[UUID] | None = None  # like that of a send

    @property
    def chars(self) -> int:
        return len(self.text)


class ReactionRequest(NamedTuple):
    """Add a reaction, or remove it: afterwards it is `present` or not."""

    actor: Actor
    room: UUID
    seq: int
    emoji: str
    present: bool

    @property
    def chars(self) -> int:
        return 0


class ChangeResult(NamedTuple):
    message: Message
    changed: bool  # False: it was so already, and nothing was logged


MessageChange = EditRequest | ReactionRequest
MessageCommand = SendRequest | MessageChange
CommandResult = SendResult | ChangeResult
