"""How a message is stored: each of its fields has one column, which has the field's name."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.core.send_request import fingerprint
from app.persistence.sql.types import json_column
from app.persistence.tables import MessageRow, columns
from app.wire.events import Message

_RENAMED = {"sender": "sender_id"}
_COLUMN_NAMES = {field: _RENAMED.get(field, field) for field in Message.model_fields}

_FIELDS = tuple(_COLUMN_NAMES)

# What to select for `from_row`, and for `to_fields`.
MESSAGE_COLUMNS = tuple(columns(MessageRow)[name] for name in _COLUMN_NAMES.values())
MESSAGE_JSON_COLUMNS = tuple(map(json_column, MESSAGE_COLUMNS))


def from_row(values: Sequence[Any]) -> Message:
    """From the values of `MESSAGE_COLUMNS`. Entities would cost more than the query."""
    return Message(**to_fields(values))


def to_fields(values: Sequence[Any]) -> dict[str, Any]:
    """The fields of a message, for `encode_json`, from a row that begins with either columns."""
    return dict(zip(_FIELDS, values))  # noqa: B905 - an argument more takes a third more time


def to_row(room_id: UUID, message: Message) -> dict[str, Any]:
    values = {column: getattr(message, field) for field, column in _COLUMN_NAMES.items()}
    return values | {"room_id": room_id, "fingerprint": fingerprint(message)}
