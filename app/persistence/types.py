"""Column types that mean the same on MySQL, MariaDB and SQLite."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import BINARY, DateTime, Dialect, Integer, String, Text, bindparam
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


@lru_cache(maxsize=10_000)
def _uuid(value: bytes) -> UUID:
    """The same few senders and rooms stand in most rows; to make one anew takes ten times as
    long as to find it, and what is kept of many rows is kept once."""
    return UUID(bytes=value)


class Id(TypeDecorator[UUID]):
    """A UUID in BINARY(16). The native types differ: MariaDB has UUID, MySQL CHAR(32)."""

    impl = BINARY(16)
    cache_ok = True

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        return None if value is None else _uuid(bytes(value))


class Utc(TypeDecorator[datetime]):
    """An aware time in UTC with microseconds; stored without its zone, which is always UTC."""

    impl = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def ascii_key(length: int) -> String:
    """Short ASCII, compared byte by byte: nonces, tags, types."""
    return String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
    )


# 65,535 bytes on MySQL: 16,000 characters of four bytes each.
LongText = Text


class DatabaseTime(FunctionElement[datetime]):
    """The database's own clock, some whole seconds ago; ahead, if negative.

    All processes share it: what one of them stamps with it, another can look for without regard
    to how far their own clocks are apart.
    """

    type = Utc()
    inherit_cache = True

    def __init__(self, seconds_ago: int = 0) -> None:
        super().__init__(bindparam("seconds_ago", seconds_ago, Integer, unique=True))


@compiles(DatabaseTime, "mysql", "mariadb")
def _mysql_time(element: DatabaseTime, compiler: Any, **kw: Any) -> str:
    return f"(UTC_TIMESTAMP(6) - INTERVAL {compiler.process(element.clauses, **kw)} SECOND)"


@compiles(DatabaseTime, "sqlite")
def _sqlite_time(element: DatabaseTime, compiler: Any, **kw: Any) -> str:
    """Milliseconds, written with six digits as SQLAlchemy writes times there."""
    ago = compiler.process(element.clauses, **kw)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', (0 - {ago}) || ' seconds') || '000')"
