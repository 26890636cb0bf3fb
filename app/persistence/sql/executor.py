"""Executes statements that are compiled once: several in one request where the driver can.

An executor belongs to one transaction: that of a session, or one of its own, which it begins with
its first request and ends with `commit` or `rollback`. With `autocommit` it belongs to none, and
only reads.
"""

import asyncio
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import metrics
from app.persistence.sql.statement import Bound, Row

Rows = Sequence[Row]
Call = tuple[str, Sequence[Any], bool]  # a text, its arguments, and whether those are of many rows
_BATCH_SECONDS = metrics.BufferedHistogram(metrics.STATEMENT_SECONDS.labels("batch"))
_READ_SECONDS = metrics.BufferedHistogram(metrics.STATEMENT_SECONDS.labels("read"))


class Reader(Protocol):
    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite; else it is MySQL or MariaDB."""

    async def read(self, *statements: Bound) -> list[Rows]:
        """The rows of each statement. Each sees what is committed when it runs. Raises
        DBAPIError."""


class Executor(Reader, Protocol):
    @property
    def joins_updates(self) -> bool:
        """Whether one UPDATE can change rows of two tables: that of MySQL and MariaDB."""

    async def write(self, *statements: Bound) -> None:
        """Execute the statements in this order, with the COMMIT at the latest. Raises
        DBAPIError."""


class SessionExecutor:
    """In the transaction of a session, with a request for each statement."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    @property
    def is_sqlite(self) -> bool:
        return self._session.get_bind().dialect.name == "sqlite"

    @property
    def joins_updates(self) -> bool:
        return not self.is_sqlite

    async def read(self, *statements: Bound) -> list[Rows]:
        """Flush the session first, so that the statements see its changes."""
        await self._session.flush()
        return [await self._read(bound) for bound in statements]

    async def _read(self, bound: Bound) -> Rows:
        rows: Rows = (await self._execute(bound)).all()
        if bound.branches is None:
            return rows
        connection = await self._session.connection()
        return bound.statement.compile(connection.dialect).convert(rows)

    async def write(self, *statements: Bound) -> None:
        for bound in statements:
            await self._execute(bound)

    async def _execute(self, bound: Bound) -> Any:
        connection = await self._session.connection()
        if bound.branches is not None:  # SQLAlchemy would compile each number of them
            text, arguments = bound.statement.compile(connection.dialect).marked_text(bound)
            return await connection.exec_driver_sql(text, tuple(arguments))
        values = bound.values if bound.rows is None else bound.rows
        return await connection.execute(bound.statement.query, values)


class TransactionExecutor(ABC):
    """A transaction of its own, in two requests: one begins it and reads, the other one writes and
    commits. After an error the connection has to be rolled back or dropped."""

    def __init__(self, connection: Any, dialect: Dialect, *, autocommit: bool = False) -> None:
        self._connection, self._dialect = connection, dialect
        self._autocommit = self._begun = autocommit
        self._seconds = _READ_SECONDS if autocommit else _BATCH_SECONDS
        self._writes: list[Bound] = []

    @property
    def is_sqlite(self) -> bool:
        return self._dialect.name == "sqlite"

    @property
    def joins_updates(self) -> bool:
        return not self.is_sqlite

    @property
    def in_transaction(self) -> bool:
        return self._begun and not self._autocommit

    async def read(self, *statements: Bound) -> list[Rows]:
        begins, self._begun = not self._begun, True
        results = await self._request(statements, begins=begins)
        return [
            bound.statement.compile(self._dialect).convert(rows)
            for bound, rows in zip(statements, results, strict=True)
        ]

    async def write(self, *statements: Bound) -> None:
        self._writes += statements

    async def commit(self) -> None:
        """Raises DBAPIError; whether the COMMIT happened, is not always known then."""
        await self._request(self._writes, ends="COMMIT")

    async def rollback(self) -> None:
        if not self._autocommit:
            await self._request((), ends="ROLLBACK")

    async def _request(
        self, statements: Sequence[Bound], *, begins: bool = False, ends: str = ""
    ) -> list[Rows]:
        """The rows of the statements, which run between a BEGIN and the end of the transaction."""
        started = time.perf_counter()
        try:
            return await self._send(statements, begins, ends)
        except self._dialect.loaded_dbapi.Error as error:
            raise to_dbapi_error(error, self._dialect) from error
        finally:
            self._seconds.observe(time.perf_counter() - started)

    @abstractmethod
    async def _send(self, statements: Sequence[Bound], begins: bool, ends: str) -> list[Rows]: ...


class MultiStatementExecutor(TransactionExecutor):
    """The statements of a request are one text for MySQL or MariaDB.

    The server executes them in order, up to the first that fails; its error takes the place of a
    result."""

    def __init__(
        self,
        connection: Any,
        dialect: Dialect,
        *,
        timeout_s: float | None,
        autocommit: bool = False,
    ) -> None:
        super().__init__(connection, dialect, autocommit=autocommit)
        self._timeout_s = timeout_s

    async def _send(self, statements: Sequence[Bound], begins: bool, ends: str) -> list[Rows]:
        literal = self._connection.literal
        texts = [b.statement.compile(self._dialect).literal_text(b, literal) for b in statements]
        if begins:
            texts.insert(0, "BEGIN")
        if ends:
            texts.append(ends)
        results = await self._query(texts)
        return results[begins : begins + len(statements)]

    async def _query(self, texts: Sequence[str]) -> list[Rows]:
        # The driver's own limit costs a task each time that it waits for data.
        connection = self._connection
        limit, connection._read_timeout = connection._read_timeout, None  # noqa: SLF001
        timer = self._start_timer()
        try:
            return await self._execute(";".join(texts))
        finally:
            if timer:
                timer.cancel()
            connection._read_timeout = limit  # noqa: SLF001

    def _start_timer(self) -> asyncio.TimerHandle | None:
        """It cuts the connection, which the driver reports as lost."""
        transport = self._connection._transport  # noqa: SLF001
        if transport is None or self._timeout_s is None:
            return None
        loop: asyncio.AbstractEventLoop = self._connection.loop
        return loop.call_later(self._timeout_s, transport.abort)

    async def _execute(self, text: str) -> list[Rows]:
        cursor = self._connection.cursor()
        await cursor.execute(text)
        results = [await cursor.fetchall()]
        while await cursor.nextset():
            results.append(await cursor.fetchall())
        return results


class SingleStatementExecutor(MultiStatementExecutor):
    """A request for each statement, for proxies that refuse several in one."""

    async def _query(self, texts: Sequence[str]) -> list[Rows]:
        return [(await super(SingleStatementExecutor, self)._query([text]))[0] for text in texts]


class SqliteExecutor(TransactionExecutor):
    """The statements of a request run in one call in the thread of an aiosqlite connection."""

    async def rollback(self) -> None:
        """SQLite itself has rolled back after some errors, and refuses to do it again."""
        if self._connection.in_transaction:
            await super().rollback()

    async def _send(self, statements: Sequence[Bound], begins: bool, ends: str) -> list[Rows]:
        calls: list[Call] = [("BEGIN IMMEDIATE", (), False)] if begins else []
        for bound in statements:
            text, arguments = bound.statement.compile(self._dialect).marked_text(bound)
            calls.append((text, arguments, bound.rows is not None))
        if ends:
            calls.append((ends, (), False))
        results = await self._call(calls)
        return results[begins : begins + len(statements)]

    async def _call(self, calls: Sequence[Call]) -> list[Rows]:
        connection = self._connection
        try:  # aiosqlite has no public way to call a function in its thread
            results: list[Rows] = await connection._execute(_run, connection._conn, calls)  # noqa: SLF001
        except ValueError as error:  # its way to say that it is closed
            raise self._dialect.loaded_dbapi.OperationalError(str(error)) from error
        return results


def _run(connection: sqlite3.Connection, calls: Sequence[Call]) -> list[Rows]:
    return [
        (connection.executemany if many else connection.execute)(text, arguments).fetchall()
        for text, arguments, many in calls
    ]


def to_dbapi_error(error: Exception, dialect: Dialect) -> DBAPIError:
    """As SQLAlchemy wraps an error of the driver. Without the text of the statement, which has what
    people write."""
    wrapped = DBAPIError.instance(None, None, error, dialect.loaded_dbapi.Error, dialect=dialect)
    assert isinstance(wrapped, DBAPIError)
    return wrapped
