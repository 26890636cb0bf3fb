"""How a message is stored: a field has the column of its name, or is in `details`.

`details` is a JSON object of the fields that few messages have. It is null for most messages, which
are then written and read without a look at them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from app.core.clock import now
from app.persistence.sql.types import json_column
from app.persistence.tables import MessageRow, columns
from app.wire.events import Message

_RENAMED = {"sender": "sender_id"}
_message = columns(MessageRow)
_COLUMN_NAMES = {
    field: name
    for field in Message.model_fields
    if (name := _RENAMED.get(field, field)) in _message
}
_FIELDS = tuple(_COLUMN_NAMES)
_ALL_FIELDS = tuple(Message.model_fields)
_DETAIL_FIELDS = frozenset(_ALL_FIELDS) - _COLUMN_NAMES.keys()
_DETAILS = len(_FIELDS)  # its place in a row
SEQ = _FIELDS.index("seq")  # likewise

# What to select for `from_row`, and for `to_fields`.
MESSAGE_COLUMNS = (*(_message[name] for name in _COLUMN_NAMES.values()), _message.details)
MESSAGE_JSON_COLUMNS = tuple(map(json_column, MESSAGE_COLUMNS))


def from_row(values: Sequence[Any]) -> Message:
    """From the values of `MESSAGE_COLUMNS`. Entities would cost more than the query."""
    return Message(**to_fields(values))


def to_fields(values: Sequence[Any]) -> dict[str, Any]:
    """The fields of a message, for `encode_json`, from a row that begins with either columns."""
    fields = dict(zip(_FIELDS, values))  # noqa: B905 - an argument more takes a third more time
    details = values[_DETAILS]
    if details is None:
        return fields
    fields |= orjson.loads(details)
    if poll := fields.get("poll"):
        poll["closed"] = poll["closed"] or _is_past(poll.get("closes_at"))
    return {name: fields[name] for name in _ALL_FIELDS if name in fields}


def _is_past(at: str | None) -> bool:
    return at is not None and datetime.fromisoformat(at) <= now()


def to_row(room_id: UUID, message: Message, fingerprint: bytes) -> dict[str, Any]:
    """`fingerprint` is that of the content that was sent."""
    values = {column: getattr(message, field) for field, column in _COLUMN_NAMES.items()}
    values["details"] = encode_details(message)
    return values | {
        "room_id": room_id,
        "fingerprint": fingerprint,
        "in_timeline": message.in_timeline,
    }


def encode_details(message: Message) -> str | None:
    names = message.model_fields_set & _DETAIL_FIELDS
    if not names:
        return None
    document = message.model_dump_json(include=set(names), exclude_none=True)
    return None if document == "{}" else document
