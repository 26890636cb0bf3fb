"""What a `Database` sends to its driver: each statement, and COMMIT.

The listener stands below SQLAlchemy: an exception that it raises is handled like one of the driver.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine, event

from app.persistence.uow import Database

BEGIN, COMMIT = "BEGIN", "COMMIT"


class Statement(NamedTuple):
    engine: Engine
    sql: str
    parameter_sets: Sequence[Any] = ()  # several of them for an executemany


Listener = Callable[[Statement], None]


@contextmanager
def intercept_statements(database: Database, listener: Listener) -> Iterator[None]:
    """Call `listener` before each statement, of readers and of the writer, goes to the driver."""
    with ExitStack() as stack:
        for engine in _sync_engines(database):
            stack.enter_context(_intercept_executions(engine, listener))
            stack.enter_context(_intercept_commits(engine, listener))
        yield


@contextmanager
def recorded_statements(database: Database) -> Iterator[list[str]]:
    """The SQL that was sent, without BEGIN, which only SQLite needs."""
    seen: list[str] = []

    def record(statement: Statement) -> None:
        if not statement.sql.startswith(BEGIN):
            seen.append(statement.sql)

    with intercept_statements(database, record):
        yield seen


def _sync_engines(database: Database) -> set[Engine]:
    engines = database._engines
    return {engines.read.sync_engine, engines.write.sync_engine}


@contextmanager
def _intercept_executions(engine: Engine, listener: Listener) -> Iterator[None]:
    def execute(_cursor: Any, sql: str, parameters: Any, _context: Any) -> None:
        listener(Statement(engine, sql, (parameters,)))

    def execute_many(_cursor: Any, sql: str, parameters: Any, _context: Any) -> None:
        listener(Statement(engine, sql, parameters))

    def execute_without_parameters(_cursor: Any, sql: str, _context: Any) -> None:
        listener(Statement(engine, sql))

    listeners: dict[str, Callable[..., None]] = {
        "do_execute": execute,
        "do_executemany": execute_many,
        "do_execute_no_params": execute_without_parameters,
    }
    for name, function in listeners.items():
        event.listen(engine, name, function)
    try:
        yield
    finally:
        for name, function in listeners.items():
            event.remove(engine, name, function)


@contextmanager
def _intercept_commits(engine: Engine, listener: Listener) -> Iterator[None]:
    """SQLAlchemy has no event of its drivers for COMMIT."""
    commit: Callable[[Any], None] = engine.dialect.do_commit

    def do_commit(connection: Any) -> None:
        listener(Statement(engine, COMMIT))
        commit(connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.dialect, "do_commit", do_commit)
        yield
