"""Column types and options of tables that mean the same on MySQL, MariaDB and SQLite."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BINARY,
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Integer,
    String,
    Text,
    type_coerce,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator

Convert = Callable[[Any], Any]


@lru_cache(maxsize=10_000)
def _uuid(value: bytes | None) -> UUID | None:
    """Most rows hold the same few senders and rooms. A cached UUID takes a tenth of the time, and
    is in memory once."""
    return None if value is None else UUID(bytes=value)


def _with_zone(value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)


def _to_bytes(value: UUID | None) -> bytes | None:
    return None if value is None else value.bytes


class Id(TypeDecorator[UUID]):
    """A UUID in BINARY(16). The native types differ: MariaDB has UUID, MySQL CHAR(32)."""

    impl = BINARY(16)
    cache_ok = True

    # In place of `process_bind_param` and `process_result_value`: without the calls that SQLAlchemy
    # puts around them. There is one for each value of a page.

    def bind_processor(self, dialect: Dialect) -> Convert:
        return _to_bytes

    def result_processor(self, dialect: Dialect, coltype: object) -> Convert | None:
        return _uuid


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC with microseconds; stored without its zone, which is always UTC."""

    impl = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def result_processor(self, dialect: Dialect, coltype: object) -> Convert | None:
        parse = self.impl_instance.result_processor(dialect, coltype)
        return (lambda value: _with_zone(parse(value))) if parse else _with_zone


class _StoredId(Id):
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None


class _StoredTime(UtcDateTime):
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Convert | None:
        return self.impl_instance.result_processor(dialect, coltype)


def json_column(column: Column[Any]) -> ColumnElement[Any]:
    """What to select for `encode_json`, which takes ids and times as drivers have them."""
    match column.type:
        case Id():
            return type_coerce(column, _StoredId())
        case UtcDateTime():
            return type_coerce(column, _StoredTime())
        case _:
            return column


def ascii_key(length: int) -> String:
    """Short ASCII, compared byte by byte: nonces, tags, types."""
    return String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


# A sequence of emoji, compared by its code points.
EMOJI = String(32).with_variant(
    mysql.VARCHAR(32, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
)
# 65,535 bytes on MySQL: 16,000 characters of four bytes each.
LongText = Text
# JSON that may hold a text and more; 16 MB on MySQL.
LongJson = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
LongAscii = Text().with_variant(
    mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
)
# A number that identifies a row. On SQLite it is the rowid, by which a full-text index names rows.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")

TABLE = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}
# Rows are stored in the order of the primary key, as InnoDB does it.
CLUSTERED = TABLE | {"sqlite_with_rowid": False}
