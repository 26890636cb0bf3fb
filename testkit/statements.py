"""What a `Database` sends to its driver: each statement, and COMMIT.

The listener stands below SQLAlchemy: an exception that it raises is handled like one of the driver.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest
import structlog
from sqlalchemy import Dialect, Engine, event
from sqlalchemy.util import greenlet_spawn

from app.persistence.database import Database
from app.persistence.sql.executor import MultiStatementExecutor, SqliteExecutor

_LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
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
        stack.enter_context(_intercept_requests(database, listener))
        yield


@contextmanager
def recorded_statements(database: Database, *, tasks: bool = False) -> Iterator[list[str]]:
    """The SQL that was sent, without BEGIN and without the values of literals; with `tasks`, that
    of background tasks, too, which run whenever they are due."""
    seen: list[str] = []

    def record(statement: Statement) -> None:
        if (tasks or not in_background_task()) and not statement.sql.startswith(BEGIN):
            seen.append(_LITERAL.sub("?", statement.sql))

    with intercept_statements(database, record):
        yield seen


def in_background_task() -> bool:
    """Whether the code runs in a background task of the server, or in what one has started."""
    return "task" in structlog.contextvars.get_contextvars()


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


@contextmanager
def _intercept_requests(database: Database, listener: Listener) -> Iterator[None]:
    """Requests of several statements, which go to the driver beside SQLAlchemy. Each statement is
    sent alone after its listener, which may wait with `await_only`."""
    engines = {engine.dialect: engine for engine in _sync_engines(database)}

    def listen(engine: Engine, text: str, *parameter_sets: Any) -> None:
        if text != "ROLLBACK":
            listener(Statement(engine, text, parameter_sets))

    with pytest.MonkeyPatch.context() as patch:
        for executor, name in ((MultiStatementExecutor, "_query"), (SqliteExecutor, "_call")):
            patch.setattr(executor, name, _listening(getattr(executor, name), engines, listen))
        yield


def _listening(send: Any, engines: Mapping[Dialect, Engine], listen: Callable[..., None]) -> Any:
    async def send_after_listening(self: Any, parts: Sequence[Any]) -> Any:
        engine = engines.get(self._dialect)
        if engine is None:  # of another database
            return await send(self, parts)
        results: list[Any] = []
        for part in parts:
            await greenlet_spawn(listen, engine, *_text_and_parameters(part))
            results += await send(self, [part])
        return results

    return send_after_listening


def _text_and_parameters(part: Any) -> Sequence[Any]:
    """Of a text with literals, or of a call (text, arguments, whether they are of many rows)."""
    if isinstance(part, str):
        return (part,)
    text, arguments, many = part
    return (text, *arguments) if many else (text, tuple(arguments))
