"""The properties of the databases that the server relies on, tested on real ones."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from app.core.clock import now
from app.core.ids import new_id
from app.persistence import sqlite
from app.persistence.database import Database
from app.persistence.tables import Room
from app.persistence.uow import ReadSession, UnitOfWork
from app.settings import Settings
from app.wire.domain import RoomKind
from app.wire.seq import MAX_SEQ
from testkit.servers.backend import Backend
from testkit.servers.mariadb import MariaDb
from testkit.waiting import LIMIT_S
from tests.persistence.factories import add_user, logged_seqs, make_user, open_room, send
from tests.persistence.schema import opened

TEXTS = [
    "plain",
    "four bytes: 🎉 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🏳️‍🌈 👩🏽‍🚀",
    "right to left: שלום עולם، مرحبا\u200f",
    "combining: e\u0301 is not \u00e9, a\u0323\u0307 is not a\u0307\u0323",
    "  spaces, tabs\t and\r\nlines stay  ",
    "noncharacters and controls: \ufffe \uffff \x01 \x7f \u2028",
    "'quotes' \"and\" `ticks` \\ % _ :colon %s {} $",
    "🎉" * 4000,
]


@pytest.mark.parametrize("written", TEXTS, ids=lambda written: written[:12].strip())
async def test_text_is_stored_exactly(database: Database, written: str) -> None:
    sender = await database.transact(add_user, "ann")
    room = await database.transact(open_room, sender)
    seq = await database.transact(send, room, sender, written, "n")

    async def read(reader: ReadSession) -> str:
        (message,) = await reader.messages.list_after_unchecked(room, seq - 1, seq, 1)
        return message.text

    assert await database.read(read) == written


async def test_the_database_compares_text_byte_by_byte(database: Database) -> None:
    """Adjacent names are equal in some collation."""
    names = ["strasse", "straße", "Straße", "strasse\u200b", "stra\u00dfe\u0301", "e\u0301", "é"]
    for name in names:
        await database.transact(add_user, name)

    async def find(reader: ReadSession, name: str) -> str | None:
        user = await reader.users.by_key(name)
        return user.username if user else None

    assert [await database.read(find, name) for name in names] == names


async def test_times_are_stored_in_utc_with_microseconds(database: Database) -> None:
    times = [
        datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    ]

    async def add(uow: UnitOfWork, at: datetime) -> None:
        user = make_user(at.isoformat())
        user.created_at = at
        uow.users.add(user)

    async def read(reader: ReadSession, at: datetime) -> datetime:
        user = await reader.users.by_key(at.isoformat())
        assert user is not None
        return user.created_at

    for at in times:
        await database.transact(add, at)
        found = await database.read(read, at)
        assert (found, found.tzinfo) == (at, UTC)


async def test_positions_up_to_2_to_the_53_are_stored(database: Database) -> None:
    sender, room = make_user("ann"), new_id()

    async def add(uow: UnitOfWork) -> None:
        uow.users.add(sender)
        before_last = Room(
            id=room, kind=RoomKind.PUBLIC, topic="", seq=MAX_SEQ - 1, created_at=now()
        )
        await uow.rooms.add(before_last)
        await send(uow, room, sender.id, "last", "n")

    await database.transact(add)
    assert await database.read(logged_seqs, room) == [MAX_SEQ]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO mentions (user_id, room_id, seq) VALUES (0, 0, 1)",
        "INSERT INTO ws_tickets (digest, session_id, expires_at) VALUES (0, 0, '2026-01-01')",
    ],
)
async def test_foreign_keys_are_enforced(backend: Backend, statement: str) -> None:
    async with opened(backend.settings) as engines:
        with pytest.raises(IntegrityError):
            async with engines.write.begin() as connection:
                await connection.exec_driver_sql(statement)


async def test_mysql_isolation_level_is_read_committed(cluster: Backend) -> None:
    async with opened(cluster.settings) as engines, engines.write.connect() as connection:
        assert await connection.get_isolation_level() == "READ COMMITTED"


async def test_mysql_refuses_values_that_are_too_long(
    cluster: Backend, open_database: Callable[[Settings], Database]
) -> None:
    database = open_database(cluster.settings)
    with pytest.raises(DataError, match="1406"):
        await database.transact(add_user, "x" * 101)


async def test_every_table_and_column_has_its_character_set(cluster: Backend) -> None:
    """The database of the tests has another default."""
    query = text(
        "SELECT table_name, column_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND collation_name IS NOT NULL"
        " AND table_name <> 'alembic_version'"
    )
    async with opened(cluster.settings) as engines, engines.read.connect() as connection:
        found = (await connection.execute(query)).all()
    assert {row[2] for row in found} == {"utf8mb4_bin", "ascii_bin"}


@pytest.mark.setting("CHAT_DATABASE__STATEMENT_TIMEOUT_S")
async def test_mysql_ends_a_statement_after_its_timeout(cluster: Backend) -> None:
    settings = cluster.override(database={"statement_timeout_s": 0.5})
    async with opened(settings) as engines, engines.read.connect() as connection:
        try:
            end = await connection.scalar(text("SELECT SLEEP(10000)"))
        except OperationalError as error:
            end = error.orig and error.orig.args[0]
        assert end in (1, 1969), "MySQL ends the sleep, MariaDB the statement"


async def test_a_frozen_database_times_out(cluster: Backend, mariadb: MariaDb) -> None:
    settings = cluster.override(database={"statement_timeout_s": 0.5})
    async with opened(settings) as engines, engines.read.connect() as connection:
        await connection.execute(text("SELECT 1"))
        with mariadb.server.frozen(), pytest.raises(OperationalError, match="2013"):
            await asyncio.wait_for(connection.execute(text("SELECT 1")), LIMIT_S)


async def test_sqlite_pragmas_are_set(embedded: Backend) -> None:
    async with opened(embedded.settings) as engines:
        for engine in (engines.write, engines.read):
            async with engine.connect() as connection:
                for name, value in (
                    ("journal_mode", "wal"),
                    ("synchronous", 2),
                    ("foreign_keys", 1),
                    ("busy_timeout", 5000),
                ):
                    assert await connection.scalar(text(f"PRAGMA {name}")) == value, name


async def test_sqlite_readers_cannot_write(embedded: Backend) -> None:
    async with opened(embedded.settings) as engines, engines.read.connect() as connection:
        with pytest.raises(OperationalError, match="readonly"):
            await connection.execute(text("DELETE FROM users"))


async def test_sqlite_readers_do_not_wait_for_the_writer(embedded: Backend) -> None:
    async with opened(embedded.settings) as engines, engines.write.begin() as writer:
        await writer.execute(text("DELETE FROM users"))
        async with engines.read.connect() as reader:
            assert await reader.scalar(text("SELECT COUNT(*) FROM users")) == 0


async def test_sqlite_is_the_version_of_the_wheel(embedded: Backend) -> None:
    """The version of Debian 12 may lose committed rows when the WAL is reset."""
    async with opened(embedded.settings) as engines, engines.read.connect() as connection:
        version = await connection.scalar(text("SELECT sqlite_version()"))
    assert tuple(map(int, version.split("."))) == sqlite.driver.sqlite_version_info
    if sqlite.driver is not sqlite3:
        assert sqlite.driver.sqlite_version_info >= (3, 51, 3)
