"""Make the database fail at a chosen statement or at COMMIT, to see what is left of the rest.

for failure in itertools.count(1):
    with failing_at(database, failure) as log:
        ...  # run it: while `log.triggered`, it must have failed, and nothing of it may be there
    if not log.triggered:
        break  # it has fewer statements than that, and has succeeded

Statements of background tasks do not count. No other request may use the database meanwhile: its
statements would.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine

from app.core.publications import Publication
from app.persistence.database import Database
from app.persistence.sql.executor import TransactionExecutor, to_dbapi_error
from testkit.statements import Statement, in_background_task, intercept_statements

NEVER = float("inf")
# Codes of MySQL. The program takes them for the same on SQLite.
SYNTAX_ERROR = 1064  # nothing that the program could repair
DEADLOCK = 1213  # the whole transaction has to be run again
LOST_CONNECTION = 2013


@dataclass
class StatementLog:
    """What was sent, COMMIT included, and what was published. The last statement is the one that
    failed, if any."""

    statements: list[str] = field(default_factory=list)
    published: list[Publication] = field(default_factory=list)
    triggered: bool = False


@contextmanager
def failing_at(database: Database, at: float, code: int = SYNTAX_ERROR) -> Iterator[StatementLog]:
    """The `at`-th statement (1 is the first, COMMIT counts) fails, once."""
    log = StatementLog()

    def fail(statement: Statement) -> None:
        if in_background_task():
            return
        log.statements.append(statement.sql)
        if len(log.statements) == at:
            log.triggered = True
            raise driver_error(statement.engine, code)

    publish = database._publish

    def record_and_publish(publications: Any) -> None:
        log.published.extend(publications)
        publish(publications)

    with pytest.MonkeyPatch.context() as patch, intercept_statements(database, fail):
        patch.setattr(database, "_publish", record_and_publish)
        yield log


@contextmanager
def failing_on_text(database: Database, text: str) -> Iterator[None]:
    """Every statement with a value that contains `text` fails, each time."""

    def fail(statement: Statement) -> None:
        if text in str((statement.sql, statement.parameter_sets)):
            raise driver_error(statement.engine, SYNTAX_ERROR)

    with intercept_statements(database, fail):
        yield


@contextmanager
def losing_commits(database: Database, *, happened: bool, times: float = 1) -> Iterator[None]:
    """The connection breaks during COMMIT: the first `times` have `happened`, or not."""
    engine = database._engines.write.sync_engine
    commit: Callable[[Any], None] = engine.dialect.do_commit
    commit_request = TransactionExecutor.commit
    left = times

    def is_lost() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    def do_commit(connection: Any) -> None:
        lost = is_lost()
        if happened or not lost:
            commit(connection)
        if lost:
            raise driver_error(engine, LOST_CONNECTION)

    async def send_commit(self: TransactionExecutor) -> None:
        lost = is_lost()
        if happened or not lost:
            await commit_request(self)
        if lost:
            raise to_dbapi_error(driver_error(engine, LOST_CONNECTION), engine.dialect)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.dialect, "do_commit", do_commit)
        patch.setattr(TransactionExecutor, "commit", send_commit)
        yield


def driver_error(engine: Engine, code: int) -> Exception:
    """What the driver raises for an error of the database."""
    error: Exception = engine.dialect.loaded_dbapi.OperationalError(code, "injected failure")
    return error
