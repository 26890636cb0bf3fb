"""Make the database fail at a chosen statement, to see what is left of what came before it.

for failure in itertools.count(1):
    with sabotaged(database, failure) as log:
        ...  # run it: while `log.triggered`, it must have failed, and nothing of it may be there
    if not log.struck:
        break  # it has fewer statements than that, and has succeeded
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.persistence.uow import Database

COMMIT = "COMMIT"
_NOT_COUNTED = ("BEGIN", "PRAGMA", "SET")


class InjectedFailure(Exception):
    """Nothing that the product knows, so it must not be taken for anything that it can repair."""


@dataclass
class StatementLog:
    """What was about to be executed, COMMIT included; the last is the one that failed, if any."""

    statements: list[str] = field(default_factory=list)
    triggered: bool = False


def deadlock() -> OperationalError:
    """What MySQL says to the victim of a deadlock: run the whole transaction again."""
    return OperationalError("", {}, Exception(1213, "Deadlock found when trying to get lock"))


@contextmanager
def failing_at(
    database: Database, at: int, error: Callable[[], Exception] = InjectedFailure
) -> Iterator[StatementLog]:
    """The `at`-th statement (1 is the first, COMMIT counts) that `database` writes fails, once."""
    engine: AsyncEngine = database._engines.write
    log = StatementLog()

    def strike(statement: str) -> None:
        if statement.startswith(_NOT_COUNTED):
            return
        log.statements.append(statement)
        if len(log.statements) == at:
            log.triggered = True
            raise error()

    def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        strike(statement)

    def commit(_c: Any) -> None:
        strike(COMMIT)

    event.listen(engine.sync_engine, "before_cursor_execute", before)
    event.listen(engine.sync_engine, "commit", commit)
    try:
        yield log
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", before)
        event.remove(engine.sync_engine, "commit", commit)
