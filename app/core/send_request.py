"""A send on its way to the log, and its result."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import orjson
from pydantic_core import to_jsonable_python

from app.core.actor import Actor
from app.core.forward_content import ForwardContent
from app.wire.content import Content, NewContent
from app.wire.events import Message

IdempotencyKey = tuple[UUID, UUID, str]  # room, sender, nonce


class SendRequest(NamedTuple):
    actor: Actor
    room: UUID
    nonce: str
    content: Content
    # The members who were online when it came, where the text mentions `@here`; None: not known.
    online: frozenset[UUID] | None = None

    @property
    def key(self) -> IdempotencyKey:
        """Sends with the same key are one message."""
        return self.room, self.actor.user, self.nonce

    @property
    def chars(self) -> int:
        return sum(map(len, sent_texts(self.content)))


def sent_texts(content: Content) -> Iterator[str]:
    """All that a message says which is sent."""
    yield content.text
    if isinstance(content, ForwardContent) and content.forwarded:
        yield content.forwarded.text
    if isinstance(content, NewContent) and content.poll:
        yield from content.poll.options


class SendResult(NamedTuple):
    message: Message
    duplicate: bool


class StoredMessage(NamedTuple):
    """A message as it is now, and the fingerprint of what was sent."""

    message: Message
    fingerprint: bytes | None = None

    def was_sent_as(self, content: Content) -> bool:
        """Whether the same content was sent. A message without a fingerprint, or with one of
        another format, is compared as it is now."""
        if self.fingerprint and self.fingerprint[:1] == _FORMAT:
            return self.fingerprint == fingerprint(content)
        return self.message.content_fields() == content.content_fields()


_FORMAT = b"\x01"
_JSON = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def _to_json(value: object) -> object:
    """What is neither text nor number, in the form that it has on the wire."""
    return to_jsonable_python(value, exclude_none=True)


def fingerprint(content: Content) -> bytes:
    """16 bytes that recognise a repeated send, also after the message has changed.

    The first byte is the format: a hash of a JSON object of the content's fields without those that
    are null, also inside objects. So a new optional field changes no fingerprint of a send without
    it. Only the sender's own sends are compared, so 120 bits are far more than enough.
    """
    document = orjson.dumps(content.sent_fields(), default=_to_json, option=_JSON)
    return _FORMAT + hashlib.blake2b(document, digest_size=15).digest()
