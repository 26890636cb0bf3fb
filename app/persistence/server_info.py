"""What a database server says of itself, for `python -m app check`.

Whether the account may read and write is found by doing it, with statements that touch no row:
grants come in too many shapes (patterns, roles, columns) to be read reliably from their text.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Table, bindparam, delete, false, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import UpdateBase

from app.core.clock import now
from app.persistence.engine import Engines
from app.persistence.failures import Failure, classify
from app.persistence.tables import Base, User

# To migrate; a server that runs needs none of them.
SCHEMA_PRIVILEGES = frozenset({"CREATE", "ALTER", "DROP", "INDEX", "REFERENCES"})
_VARIABLES = (
    *("version", "version_comment", "read_only", "super_read_only", "log_bin", "binlog_format"),
    *("innodb_flush_log_at_trx_commit", "sync_binlog", "wait_timeout", "max_connections"),
    *("max_user_connections", "max_allowed_packet", "innodb_read_only", "wsrep_on"),
)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """`variables` are MySQL's, by their lower-case names; SQLite has `version` and `journal_mode`.
    `clock_offset`: how far its clock is ahead of this machine's, to about a round trip."""

    variables: Mapping[str, str]
    refusals: tuple[str, ...] = ()  # what the account cannot do, in the database's words
    missing_privileges: frozenset[str] = frozenset()
    foreign_tables: tuple[str, ...] = ()  # not InnoDB, or not utf8mb4
    encrypted: bool = True
    clock_offset: timedelta = timedelta()


async def is_read_only(engine: AsyncEngine) -> bool:
    """For this account: some may write to a read-only server. SQLite is sent nothing, because a
    question would wait for the one writer."""
    if engine.dialect.name == "sqlite":
        return False
    async with engine.connect() as connection:
        try:
            await connection.execute(delete(User).where(false()))
        except DBAPIError as error:
            return classify(error) in (Failure.READ_ONLY, Failure.NO_QUORUM)
    return False


async def read_server_info(engines: Engines) -> ServerInfo:
    """Raises DBAPIError."""
    if engines.read.dialect.name == "sqlite":
        return await _sqlite_info(engines)
    async with engines.read.connect() as connection:
        return ServerInfo(
            variables=await _variables(connection),
            refusals=tuple([refusal async for refusal in _refusals(connection)]),
            missing_privileges=await _missing_privileges(connection),
            foreign_tables=await _foreign_tables(connection),
            encrypted=await _encrypted(connection),
            clock_offset=await _clock_offset(connection),
        )


async def _sqlite_info(engines: Engines) -> ServerInfo:
    async with engines.read.connect() as connection:
        version = await connection.scalar(text("SELECT sqlite_version()"))
        journal = await connection.scalar(text("PRAGMA journal_mode"))
    refusals: tuple[str, ...] = ()
    try:
        async with engines.write.begin():  # takes the lock of the writer, and gives it back
            pass
    except DBAPIError as error:
        refusals = (_describe(error),)
    return ServerInfo({"version": str(version), "journal_mode": str(journal)}, refusals)


async def _variables(connection: AsyncConnection) -> dict[str, str]:
    """Those that this server has: MariaDB and the versions of MySQL differ."""
    names = ", ".join(f"'{name}'" for name in _VARIABLES)
    rows = await connection.execute(text(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})"))
    return {str(name): str(value) for name, value in rows}


async def _refusals(connection: AsyncConnection) -> AsyncIterator[str]:
    """One for each kind of refusal: a server that is read-only refuses every table."""
    codes = set()
    for table in Base.metadata.sorted_tables:
        for statement in _harmless_statements(table):
            try:
                await connection.execute(statement)
            except DBAPIError as error:
                code = error.orig.args[0] if error.orig is not None else None
                if code not in codes:
                    codes.add(code)
                    yield _describe(error)


def _harmless_statements(table: Table) -> Iterator[UpdateBase]:
    """They need the privileges of real ones, and concern no row."""
    key = next(iter(table.primary_key))
    yield insert(table).from_select(table.columns.keys(), select(table).where(false()))
    yield update(table).where(false()).values({key: key})
    yield delete(table).where(false())


def _describe(error: DBAPIError) -> str:
    return ": ".join(map(str, error.orig.args)) if error.orig is not None else str(error)


async def _missing_privileges(connection: AsyncConnection) -> frozenset[str]:
    """Empty where a role may have them: its privileges are in tables that accounts may not read."""
    account, role = (await connection.execute(text("SELECT CURRENT_USER(), CURRENT_ROLE()"))).one()
    if role not in (None, "NONE"):
        return frozenset()
    user, _, host = str(account).rpartition("@")
    granted = await connection.scalars(
        text(
            "SELECT privilege_type FROM information_schema.user_privileges WHERE grantee = :grantee"
            " UNION SELECT privilege_type FROM information_schema.schema_privileges"
            " WHERE grantee = :grantee AND DATABASE() LIKE table_schema"
        ),
        {"grantee": f"'{user}'@'{host}'"},
    )
    return SCHEMA_PRIVILEGES - set(granted)


async def _foreign_tables(connection: AsyncConnection) -> tuple[str, ...]:
    names = await connection.scalars(
        text(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
            " AND table_name IN :tables"
            " AND (engine <> 'InnoDB' OR table_collation NOT LIKE 'utf8mb4%')"
        ).bindparams(bindparam("tables", list(Base.metadata.tables), expanding=True))
    )
    return tuple(map(str, names))


async def _encrypted(connection: AsyncConnection) -> bool:
    row = (await connection.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'"))).first()
    return row is not None and bool(row[1])


async def _clock_offset(connection: AsyncConnection) -> timedelta:
    sent = now()
    server_time = await connection.scalar(text("SELECT UTC_TIMESTAMP(6)"))
    answered = now()
    assert isinstance(server_time, datetime)
    return server_time.replace(tzinfo=answered.tzinfo) - (sent + (answered - sent) / 2)
