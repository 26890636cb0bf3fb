"""Engines: connections to the two kinds of database, with the pragmas and modes that they need."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Dialect, ExceptionContext, PoolProxiedConnection, event, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.persistence.failures import IN_DOUBT, Failure, classify
from app.persistence.kept_connections import MAX_KEPT_S, KeptConnection, KeptConnections
from app.persistence.measuring import measure_statements
from app.persistence.sql.executor import (
    MultiStatementExecutor,
    Reader,
    SingleStatementExecutor,
    SqliteExecutor,
    TransactionExecutor,
    to_dbapi_error,
)
from app.persistence.sqlite import sqlite_engines
from app.settings import Database as DatabaseSettings
from app.wire.errors import ChatError, UnknownOutcome

_CANNOT_CONNECT = 2003
# MySQL and MariaDB each understand only its own comment of the two. Notes, such as of a table that
# is there already, would each cost a question of asyncmy's and a line in the log.
_MYSQL_SESSION = (
    "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO'"
    ", sql_notes=0, innodb_lock_wait_timeout={lock_s}, lock_wait_timeout={lock_s}"
    "/*M!100600 , max_statement_time={seconds}, idle_transaction_timeout={idle_s} *//*!80000 ,"
    " max_execution_time={milliseconds} */"
)
LOCK_WAIT_S = 5
# A process that is frozen in the middle of a unit of work keeps its locks no longer than this.
# Only MariaDB can do that.
IDLE_IN_TRANSACTION_S = 10

# Takes a connection of the driver.
CreateExecutor = Callable[[Any, Dialect], TransactionExecutor]


@dataclass(frozen=True, slots=True)
class Engines:
    """A pool for units of work and one for reads, so that neither waits for the other."""

    write: AsyncEngine
    read: AsyncEngine
    create_executor: CreateExecutor | None  # None: a batch is a session like any other
    create_reader: CreateExecutor
    kept_writes: KeptConnections
    kept_reads: KeptConnections
    failover: "Failover | None" = None

    def open_executor(self) -> AbstractAsyncContextManager[TransactionExecutor]:
        """A transaction on a connection of the pool of units of work, without SQLAlchemy's session.
        The caller commits; after an error the transaction is rolled back or its connection
        dropped. Raises DBAPIError, or SQLAlchemy's TimeoutError for a pool without a free one."""
        assert self.create_executor is not None
        return self._open(self.kept_writes, self.write, self.create_executor)

    def open_reader(self) -> AbstractAsyncContextManager[Reader]:
        """A connection of the pool of reads, without SQLAlchemy's session and without a
        transaction. Raises what `open_executor` raises."""
        return self._open(self.kept_reads, self.read, self.create_reader)

    @asynccontextmanager
    async def _open(
        self, kept: KeptConnections, engine: AsyncEngine, create: CreateExecutor
    ) -> AsyncIterator[TransactionExecutor]:
        connection = self._take(kept) or await _check_out(engine)
        executor = create(connection.pooled.driver_connection, engine.dialect)
        try:
            yield executor
        except BaseException as error:
            if isinstance(error, ChatError) and not executor.in_transaction:
                kept.give_back(connection)  # it is the use case's: the database has answered
            else:
                kept.end_all()  # for the pool to decide about them
                await self._abandon(engine, connection.pooled, executor, error)
            raise
        kept.give_back(connection)

    def _take(self, kept: KeptConnections) -> KeptConnection | None:
        connection = kept.take()
        if connection and self.failover and self.failover.is_outdated(connection.pooled.info):
            connection.pooled.close()
            kept.end_all()
            return None
        return connection

    async def _abandon(
        self,
        engine: AsyncEngine,
        pooled: PoolProxiedConnection,
        executor: TransactionExecutor,
        error: BaseException,
    ) -> None:
        """Roll back, or drop a connection on which the request may still go on."""
        cause = error.__cause__ if isinstance(error, UnknownOutcome) else error
        failure = classify(cause) if isinstance(cause, DBAPIError) else None
        if failure and self.failover:
            self.failover.note_failure(failure)
        try:
            if failure is Failure.UNREACHABLE:  # so are all connections that are as old
                engine.sync_engine.pool._invalidate(pooled, error)  # noqa: SLF001 - as SQLAlchemy
            elif failure not in IN_DOUBT and isinstance(error, Exception):
                with suppress(DBAPIError):
                    await executor.rollback()
                    pooled.close()
        finally:
            if pooled.is_valid:
                pooled.invalidate()

    def connections(self) -> dict[str, tuple[int, int]]:
        """By pool: how many are in use, and how many there may be."""
        pools: dict[str, Any] = {"read": self.read.pool, "write": self.write.pool}
        idle = {"read": self.kept_reads.idle, "write": self.kept_writes.idle}
        return {name: (pool.checkedout() - idle[name], pool.size()) for name, pool in pools.items()}

    async def dispose(self) -> None:
        self.kept_writes.end_all()
        self.kept_reads.end_all()
        await self.write.dispose()
        await self.read.dispose()


async def _check_out(engine: AsyncEngine) -> KeptConnection:
    try:
        pooled = await engine.raw_connection()
    except engine.dialect.loaded_dbapi.Error as error:
        raise to_dbapi_error(error, engine.dialect) from error
    return KeptConnection(pooled, asyncio.get_running_loop().time() + MAX_KEPT_S)


def create_engines(settings: DatabaseSettings) -> Engines:
    engines = _create_sqlite(settings) if settings.is_sqlite else _create_mysql(settings)
    _reset_only_after_errors(engines.read)
    _reset_only_after_errors(engines.write)
    measure_statements(engines.read, "read")
    measure_statements(engines.write, "write")
    return engines


def _reset_only_after_errors(engine: AsyncEngine) -> None:
    """SQLAlchemy ends every transaction itself, and the pool would then send one ROLLBACK more for
    each connection that comes back. It is needed only where ending the transaction has failed."""
    failed = "transaction_failed"

    @event.listens_for(engine.sync_engine, "handle_error")
    def note(context: ExceptionContext) -> None:
        connection = context.connection
        if connection is not None and not (connection.closed or connection.invalidated):
            with suppress(NotImplementedError):  # it is being made, and goes with its error
                connection.info[failed] = True

    @event.listens_for(engine.sync_engine, "reset")
    def reset(connection: Any, record: Any, _state: Any) -> None:
        if record.info.pop(failed, False):
            connection.rollback()


def _create_sqlite(settings: DatabaseSettings) -> Engines:
    url, readers = make_url(settings.url), min(settings.pool_size, 8)
    write, read = sqlite_engines(url, readers, settings.pool_timeout_s)
    create_reader = partial(SqliteExecutor, autocommit=True)
    kept_writes, kept_reads = KeptConnections(write), KeptConnections(read)
    return Engines(write, read, SqliteExecutor, create_reader, kept_writes, kept_reads)


def _create_mysql(settings: DatabaseSettings) -> Engines:
    # REPEATABLE READ takes gap locks, which deadlock inserts into one room's range. Under READ
    # COMMITTED every statement sees its own moment anyway: a read needs no transaction around it,
    # and without one it costs no ROLLBACK.
    write = _mysql_engine(settings, isolation_level="READ COMMITTED", pool_reset_on_return=None)
    read = _mysql_engine(settings, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True)
    failover = Failover()
    failover.watch(write)
    failover.watch(read)
    timeout_s = _request_timeout_s(settings)
    executor = MultiStatementExecutor if settings.multi_statements else SingleStatementExecutor
    create_executor = partial(executor, timeout_s=timeout_s) if settings.multi_statements else None
    create_reader = partial(executor, timeout_s=timeout_s, autocommit=True)
    kept_writes, kept_reads = KeptConnections(write), KeptConnections(read)
    return Engines(write, read, create_executor, create_reader, kept_writes, kept_reads, failover)


def _request_timeout_s(settings: DatabaseSettings) -> float | None:
    """Later than the server's own, for a server that hangs. None: it is waited for."""
    return settings.statement_timeout_s + LOCK_WAIT_S if settings.statement_timeout_s else None


class Failover:
    """Replaces the connections of both pools once their server has turned read-only.

    A demoted primary goes on answering reads, so that a pool would keep it for ever; a new
    connection goes where the address of the database leads by then.
    """

    MIN_INTERVAL_S = 1.0  # a server that stays read-only does not cost a connection a request

    def __init__(self) -> None:
        self._noticed_at = -self.MIN_INTERVAL_S

    def watch(self, engine: AsyncEngine) -> None:
        event.listen(engine.sync_engine, "handle_error", self._notice)
        event.listen(engine.sync_engine, "connect", self._stamp)
        event.listen(engine.sync_engine, "checkout", self._check)

    def _notice(self, context: ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        if isinstance(error, DBAPIError):
            self.note_failure(classify(error))

    def note_failure(self, failure: Failure) -> None:
        """Remember when the server refused changes that another server may take."""
        now = time.monotonic()
        if (
            failure in (Failure.READ_ONLY, Failure.NO_QUORUM)
            and now - self._noticed_at >= self.MIN_INTERVAL_S
        ):
            self._noticed_at = now

    def _stamp(self, _connection: Any, record: Any) -> None:
        record.info["connected_at"] = time.monotonic()

    def _check(self, _connection: Any, record: Any, _proxy: Any) -> None:
        """SQLAlchemy then makes a new connection in place of this one."""
        if self.is_outdated(record.info):
            raise DisconnectionError

    def is_outdated(self, info: Any) -> bool:
        """Whether the server of a connection with this `info` may have turned read-only since."""
        return bool(info["connected_at"] <= self._noticed_at)


def _mysql_engine(settings: DatabaseSettings, **kind: Any) -> AsyncEngine:
    """Nothing is asked of a pooled connection before it is used: what fails on a dead one is run
    again (`uow.py`), and its error ends all connections that are as old."""
    session = _MYSQL_SESSION.format(
        lock_s=LOCK_WAIT_S,
        idle_s=IDLE_IN_TRANSACTION_S,
        seconds=settings.statement_timeout_s,
        milliseconds=int(settings.statement_timeout_s * 1000),
    )
    arguments: dict[str, object] = {"init_command": session, "connect_timeout": 5}
    if timeout_s := _request_timeout_s(settings):
        arguments["read_timeout"] = timeout_s
    if settings.tls_ca:  # asyncmy: an empty dict would be plaintext, and True unverified
        arguments["ssl"] = ssl.create_default_context(cafile=str(settings.tls_ca))
    engine = create_async_engine(
        make_url(settings.url).update_query_dict({"charset": "utf8mb4"}),
        connect_args=arguments,
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=settings.pool_timeout_s,
        pool_recycle=settings.pool_recycle_s,
        **kind,
    )
    event.listen(engine.sync_engine, "do_connect", _connect)
    return engine


def _connect(dialect: Dialect, _record: Any, args: Any, options: Any) -> Any:
    """A connection that is reset while it is being made has no socket any more under uvloop, which
    asyncmy reports as a bare RuntimeError: nothing that a caller would take for a lost server."""
    try:
        return dialect.connect(*args, **options)
    except RuntimeError as error:
        errors: Any = dialect.loaded_dbapi
        raise errors.OperationalError(_CANNOT_CONNECT, f"Cannot connect: {error}") from error
