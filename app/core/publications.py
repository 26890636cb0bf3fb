"""Publications: what the bus carries to every process after a COMMIT."""

import struct
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from app.core.json_encoding import encode_json
from app.wire.events import (
    MESSAGE_HIDDEN,
    PublicationKind,
    RoomEvent,
    encode,
    event_spec,
)
from app.wire.items import ItemKey
from app.wire.user_events import UserEvent


@dataclass(frozen=True, slots=True)
class Publication:
    """Tells every process that something was recorded. May be lost, doubled or swapped on the way.

    `channel` is the room (of a SESSION_REVOKED: the session). `payload` is the encoded event as
    clients get it, made once by the process that recorded it; empty where there is none.
    """

    kind: PublicationKind
    channel: UUID
    seq: int
    user: UUID
    payload: bytes = b""


_ROOM_BYTES = 16
_ITEM = struct.Struct(">16sq16s")  # room, seq and id; after it the kind
_NO_SEQ, _NO_ID = -1, UUID(int=0)


def user_event_publication(user: UUID, event: UserEvent) -> Publication:
    item = event.key()
    subject = event.room.bytes if item is None else _encode_item(item)
    return Publication(PublicationKind.USER_EVENT, user, event.seq, user, subject)


def decode_subject(payload: bytes) -> UUID | ItemKey | None:
    """What an event of a user's log names: a room, an item, or something of a newer release."""
    if len(payload) == _ROOM_BYTES:
        return UUID(bytes=payload)
    if len(payload) <= _ITEM.size:
        return None
    room, seq, id_ = _ITEM.unpack_from(payload)
    kind = payload[_ITEM.size :].decode("ascii", "replace")
    item = UUID(bytes=id_)
    return ItemKey(
        kind, UUID(bytes=room), None if seq == _NO_SEQ else seq, None if item == _NO_ID else item
    )


def _encode_item(item: ItemKey) -> bytes:
    seq = _NO_SEQ if item.seq is None else item.seq
    return _ITEM.pack(item.room.bytes, seq, (item.id or _NO_ID).bytes) + item.kind.encode()


def to_publication(event: RoomEvent) -> Publication:
    spec = event_spec(event)
    return Publication(
        spec.publication_kind, event.room, event.seq, spec.user(event), encode(event)
    )


def shown_message(event: Publication) -> int | None:
    """The seq of the message that an event carries, if it does."""
    message = orjson.loads(event.payload).get("message")
    seq: int | None = message.get("seq") if isinstance(message, dict) else None
    return seq


def hide_message(event: Publication) -> bytes:
    """The payload of an event without what it says."""
    return encode_json(hidden_fields(orjson.loads(event.payload)))


def hidden_fields(event: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `MessageHidden`, of those of an event."""
    envelope = {name: event[name] for name in RoomEvent.model_fields}
    return envelope | {"type": MESSAGE_HIDDEN}


def shows_all_history(event: Publication) -> bool:
    """Whether an event says that the room shows all that is in it to its members from now on."""
    details = orjson.loads(event.payload).get("details") or {}
    # Not an absent field: a program that does not know the setting leaves it out.
    return bool((details.get("settings") or {}).get("history") == "all")
