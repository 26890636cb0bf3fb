"""SQLite as a server's database: WAL, one writer that begins IMMEDIATE, query-only readers.

With a plain BEGIN, concurrent read-modify-writes fail at once when they upgrade their lock. The
library is the SQLite of a wheel, where there is one: the 3.40 of Debian 12 can corrupt a database
when its WAL is reset. aiosqlite runs each connection in a thread of its own.
"""

import sqlite3
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import aiosqlite
from sqlalchemy import URL, event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

driver: ModuleType = sqlite3
if find_spec("pysqlite3"):  # there is no wheel for every platform
    driver = import_module("pysqlite3.dbapi2")

BUSY_TIMEOUT_S = 5.0
UNHEX_SINCE = (3, 41)  # versions that have the SQL function `unhex`
_PRAGMAS = (
    f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # in WAL, NORMAL may lose the last commits with the power
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
)


class _Dbapi(AsyncAdapt_aiosqlite_dbapi):
    """aiosqlite over `driver`: its connect and its exceptions, which SQLAlchemy must know."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, driver)

    def _init_dbapi_attributes(self) -> None:
        super()._init_dbapi_attributes()
        for name in dir(driver):
            if name.endswith("Error") or name.startswith("sqlite_version"):
                setattr(self, name, getattr(driver, name))


def sqlite_engines(
    url: URL, pool_size: int, pool_timeout_s: float
) -> tuple[AsyncEngine, AsyncEngine]:
    """The writer (one connection) and the readers, of one file."""
    if not url.database or url.database == ":memory:":
        raise ValueError("SQLite needs a file: in memory all sessions would share one transaction")
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    writer = _engine(url, 1, pool_timeout_s, read_only=False)
    readers = _engine(url, pool_size, pool_timeout_s, read_only=True)
    return writer, readers


def _engine(url: URL, pool_size: int, pool_timeout_s: float, *, read_only: bool) -> AsyncEngine:
    def connect() -> aiosqlite.Connection:
        connection = aiosqlite.Connection(
            lambda: driver.connect(
                url.database, isolation_level=None, timeout=BUSY_TIMEOUT_S, check_same_thread=False
            ),
            iter_chunk_size=64,
        )
        # A hanging disk must not keep the process alive; aiosqlite has no other way to say so.
        connection._thread.daemon = True  # noqa: SLF001
        return connection

    engine = create_async_engine(
        url,
        module=_Dbapi(),
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_reset_on_return=None,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()
        if driver.sqlite_version_info < UNHEX_SINCE:
            connection.create_function("unhex", 1, bytes.fromhex)

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
