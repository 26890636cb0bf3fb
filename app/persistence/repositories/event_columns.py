"""How an event is stored: its envelope in columns, its message by reference, the rest as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from pydantic import TypeAdapter
from sqlalchemy import and_, select

from app.core.json_encoding import Fragment, encode_json
from app.core.publications import Publication, hidden_fields
from app.core.publications import to_publication as event_to_publication
from app.persistence.repositories import message_columns
from app.persistence.repositories.message_columns import MESSAGE_COLUMNS
from app.persistence.tables import MessageRow, RoomEventRow, columns
from app.wire.events import (
    EVENT_SPECS,
    OF_A_NEWER_RELEASE,
    AnyEvent,
    EventSpec,
    MessageEvent,
    RoomEvent,
    encode,
)

_EVENT: TypeAdapter[RoomEvent] = TypeAdapter(AnyEvent)
_ENVELOPE = tuple(RoomEvent.model_fields)
# Events that say nothing beside their message; their body is null.
_MESSAGE_EVENTS: dict[str, EventSpec[Any]] = {
    spec.type: spec
    for spec in EVENT_SPECS
    if spec.cls.model_fields.keys() == MessageEvent.model_fields.keys()
}
# Those and events that say nothing at all: their kind is known without an object.
_PLAIN_EVENTS: dict[str, EventSpec[Any]] = {
    spec.type: spec
    for spec in EVENT_SPECS
    if spec.cls.model_fields.keys() <= MessageEvent.model_fields.keys()
}
_event, _message = columns(RoomEventRow), columns(MessageRow)
EVENT_COLUMNS = (_event.type, _event.room_id, _event.seq, _event.actor_id, _event.at, _event.body)
_BODY, _TEXT = len(_ENVELOPE), len(EVENT_COLUMNS)
SEQ = _ENVELOPE.index("seq")  # its place in a row
_MESSAGE_SEQ = _TEXT + message_columns.SEQ
# Rows for `from_row` and `to_value`: an event, and its message or nulls.
EVENTS = select(*EVENT_COLUMNS, *MESSAGE_COLUMNS).outerjoin_from(
    _event.seq.table,
    _message.seq.table,
    and_(_message.room_id == _event.room_id, _message.seq == _event.message_seq),
)


class MessageTotals(NamedTuple):
    """Of a log up to an event: the number of messages, and the seq of the newest, or 0. None: not
    known."""

    message_count: int | None
    last_message_seq: int | None


def to_row(event: RoomEvent, totals: MessageTotals) -> dict[str, Any]:
    """The columns of an event; the body is null where it says nothing beside its message."""
    return {
        "type": event.type,
        "room_id": event.room,
        "seq": event.seq,
        "actor_id": event.actor,
        "at": event.at,
        "message_seq": event.message.seq if isinstance(event, MessageEvent) else None,
        "message_count": totals[0],
        "last_message_seq": totals[1],
        "body": None if event.type in _MESSAGE_EVENTS else _encode_body(event),
    }


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
    shown = message_columns.from_row(message) if message and message[0] is not None else None
    if shown and body is None and (spec := _MESSAGE_EVENTS.get(kind)):
        event: RoomEvent = spec.cls(
            type=kind, room=room, seq=seq, actor=actor, at=at, message=shown
        )
        return event
    fields = _parse_body(body) | ({"message": shown} if shown else {})
    envelope = {"type": kind, "room": room, "seq": seq, "actor": actor, "at": at}
    return _EVENT.validate_python(fields | envelope)


def to_value(row: Sequence[Any]) -> dict[str, Any] | Fragment:
    """For `encode_json`, what `from_row` makes of a row. An object is made only of events that have
    a body, which few have."""
    return _to_fields(row) if _is_plain(row) else Fragment(encode(from_row(*row)))


def to_visible_value(row: Sequence[Any]) -> dict[str, Any] | Fragment:
    """`to_value` for a reader, who sees what is above the seq at the end of the row."""
    message_seq = row[_MESSAGE_SEQ]
    if message_seq is None or message_seq > row[-1]:
        return to_value(row)
    return hidden_fields(dict(zip(_ENVELOPE, row, strict=False)))


def to_publication(row: Sequence[Any]) -> Publication:
    """What `from_row` makes of a row, as it was published. Like `to_value`."""
    if not _is_plain(row):
        return event_to_publication(from_row(*row))
    fields = _to_fields(row)
    payload = encode_json(fields)
    kind = _PLAIN_EVENTS.get(fields["type"], OF_A_NEWER_RELEASE).publication_kind
    return Publication(kind, fields["room"], fields["seq"], fields["actor"], payload)


def _is_plain(row: Sequence[Any]) -> bool:
    """The event says nothing beside its message."""
    return row[_BODY] is None and row[_TEXT] is not None


def _to_fields(row: Sequence[Any]) -> dict[str, Any]:
    fields = dict(zip(_ENVELOPE, row, strict=False))
    fields["message"] = message_columns.to_fields(row[_TEXT:])
    return fields


def _encode_body(event: RoomEvent) -> str:
    return event.model_dump_json(exclude={*_ENVELOPE, "message"})


def _parse_body(body: str | None) -> dict[str, Any]:
    try:
        fields = orjson.loads(body or "{}")
    except orjson.JSONDecodeError:
        fields = None
    return fields if isinstance(fields, dict) else {}
