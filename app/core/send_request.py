"""A send on its way to the log, and what becomes of it."""

import hashlib
from typing import NamedTuple
from uuid import UUID

import orjson

from app.core.actor import Actor
from app.wire.events import Message

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


class First(NamedTuple):
    """The message that a nonce stands for, as it is now; `fingerprint` is of what was sent."""

    message: Message
    fingerprint: bytes | None = None

    def was(self, text: str, reply_to: int | None) -> bool:
        """The same was sent. What has another kind of fingerprint, or none (it is older), is
        compared with the message as it is now."""
        if self.fingerprint and self.fingerprint[:1] == _FORMAT:
            return self.fingerprint == fingerprint(text, reply_to)
        return (self.message.text, self.message.reply_to) == (text, reply_to)


_FORMAT = b"\x01"


def fingerprint(text: str, reply_to: int | None) -> bytes:
    """16 bytes that tell whether a send is a repeat, also when the message was changed since.

    The first one says how it was made: of a JSON object with the fields that were sent, those left
    out that are absent. So a new optional field changes no fingerprint of a send without it. Only
    the sender's own sends are compared, so 120 bits are far more than enough.
    """
    sent = {"text": text} if reply_to is None else {"text": text, "reply_to": reply_to}
    content = orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)
    return _FORMAT + hashlib.blake2b(content, digest_size=15).digest()


class Sent(NamedTuple):
    message: Message
    duplicate: bool
