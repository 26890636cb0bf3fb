"""Columns of words that a newer release may have more of (`wire/events.py`)."""

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.types import TypeDecorator

from app.persistence.sql.types import ascii_key
from app.wire.domain import Role, RoomKind, parse_kind, parse_role


class KnownRole(TypeDecorator[Role]):
    impl = ascii_key(16)
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Role | None:
        return None if value is None else parse_role(value)


class KnownKind(TypeDecorator[RoomKind]):
    impl = ascii_key(16)
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> RoomKind | None:
        return None if value is None else parse_kind(value)
