"""How an event is stored: its envelope in columns, its message by reference, the rest as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter
from sqlalchemy import and_, select

from app.core.json_encoding import Fragment
from app.persistence.repositories.message_columns import (
    MESSAGE_COLUMNS,
)
from app.persistence.repositories.message_columns import (
    from_row as message_from_row,
)
from app.persistence.repositories.message_columns import (
    to_fields as message_to_fields,
)
from app.persistence.tables import MessageRow, RoomEventRow, columns
from app.wire.events import EVENT_SPECS, AnyEvent, MessageEvent, RoomEvent, encode

_EVENT: TypeAdapter[RoomEvent] = TypeAdapter(AnyEvent)
_ENVELOPE = tuple(RoomEvent.model_fields)
# Events that say nothing beside their message; their body is null.
_MESSAGE_EVENTS: dict[str, type[MessageEvent]] = {
    spec.type: spec.cls
    for spec in EVENT_SPECS
    if spec.cls.model_fields.keys() == MessageEvent.model_fields.keys()
}
_event, _message = columns(RoomEventRow), columns(MessageRow)
EVENT_COLUMNS = (_event.type, _event.room_id, _event.seq, _event.actor_id, _event.at, _event.body)
_BODY, _TEXT = len(_ENVELOPE), len(EVENT_COLUMNS)
SEQ = _ENVELOPE.index("seq")  # its place in a row
# Rows for `from_row` and `to_value`: an event, and its message or nulls.
EVENTS = select(*EVENT_COLUMNS, *MESSAGE_COLUMNS).outerjoin_from(
    _event.seq.table,
    _message.seq.table,
    and_(_message.room_id == _event.room_id, _message.seq == _event.message_seq),
)


def from_row(
    kind: str,
    room: UUID,
    seq: int,
    actor: UUID,
    at: datetime,
    body: str | None,
    *message: Any,
) -> RoomEvent:
    """Of a row of `EVENTS`, or of `EVENT_COLUMNS`.

    Never raises: a newer release may have written the row, and its fields are then passed on.
    """
    shown = message_from_row(message) if message and message[0] is not None else None
    if shown and body is None and (cls := _MESSAGE_EVENTS.get(kind)):
        return cls(type=kind, room=room, seq=seq, actor=actor, at=at, message=shown)
    fields = _parse_body(body) | ({"message": shown} if shown else {})
    envelope = {"type": kind, "room": room, "seq": seq, "actor": actor, "at": at}
    return _EVENT.validate_python(fields | envelope)


def to_value(row: Sequence[Any]) -> dict[str, Any] | Fragment:
    """For `encode_json`, what `from_row` makes of a row. An object is made only of events that have
    a body, which few have."""
    if row[_BODY] is not None or row[_TEXT] is None:
        return Fragment(encode(from_row(*row)))
    fields = dict(zip(_ENVELOPE, row, strict=False))
    fields["message"] = message_to_fields(row[_TEXT:])
    return fields


def _parse_body(body: str | None) -> dict[str, Any]:
    try:
        fields = orjson.loads(body or "{}")
    except orjson.JSONDecodeError:
        fields = None
    return fields if isinstance(fields, dict) else {}
