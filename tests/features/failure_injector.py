"""A database that fails when it is told to: at one statement, or at COMMIT.

The failure is raised where the driver would raise it, below SQLAlchemy, so that everything above
sees what it would see in earnest.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.publications import Publication
from app.persistence.tables import Base
from app.persistence.uow import Database

COMMIT = "COMMIT"
SYNTAX_ERROR = 1064  # nothing that is worth trying again
DEADLOCK = 1213

Rows = dict[str, set[tuple[Any, ...]]]


@dataclass
class FailurePlan:
    """Fail at step `at` (1 is the first, COMMIT is one), once. `steps`: what was to be done."""

    at: float
    reason: int
    steps: list[str] = field(default_factory=list)

    @property
    def triggered(self) -> bool:
        return len(self.steps) >= self.at


class FailureInjector:
    """Sits in a server's database. Only one at a time, and not beside other traffic."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self._database = database
        self._plan: FailurePlan | None = None
        self._listening: list[tuple[Engine, str, Callable[..., None]]] = []
        engines = self._database._engines
        for engine in {engines.read, engines.write}:
            self._sit_in(engine.sync_engine, monkeypatch)
        self.announced: list[Publication] = []
        announce = self._database._publish

        def note(publications: Any) -> None:
            self.announced.extend(publications)
            announce(publications)

        monkeypatch.setattr(self._database, "_publish", note)

    @property
    def _engines(self) -> set[AsyncEngine]:
        return {self._database._engines.read, self._database._engines.write}

    def _sit_in(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        def statement(_cursor: Any, text: str, *_: Any) -> None:
            self._step(engine, text)

        for name in ("do_execute", "do_executemany", "do_execute_no_params"):
            event.listen(engine, name, statement)
            self._listening.append((engine, name, statement))
        commit: Callable[[Any], None] = engine.dialect.do_commit

        def do_commit(connection: Any) -> None:
            self._step(engine, COMMIT)
            commit(connection)

        monkeypatch.setattr(engine.dialect, "do_commit", do_commit)

    def _step(self, engine: Engine, text: str) -> None:
        plan = self._plan
        if plan is None:
            return
        plan.steps.append(text)
        if len(plan.steps) == plan.at:
            raise engine.dialect.loaded_dbapi.OperationalError(plan.reason, "sabotage")

    @contextmanager
    def failing(self, at: float, reason: int = SYNTAX_ERROR) -> Iterator[FailurePlan]:
        self.announced.clear()
        self._plan = plan = FailurePlan(at, reason)
        try:
            yield plan
        finally:
            self._plan = None

    def leave(self) -> None:
        for listening in self._listening:
            event.remove(*listening)

    async def rows(self) -> Rows:
        """All there is, in every table."""
        async with self._database._engines.read.connect() as connection:
            return {
                table.name: set(map(tuple, await connection.execute(select(table))))
                for table in Base.metadata.sorted_tables
            }

    def connections_in_use(self) -> int:
        return sum(engine.sync_engine.pool.checkedout() for engine in self._engines)  # type: ignore[attr-defined]


def row_changes(before: Rows, after: Rows) -> dict[str, tuple[int, int]]:
    """How many rows of which tables were taken away and added; a changed row is both."""
    return {
        name: (len(before[name] - after[name]), len(after[name] - before[name]))
        for name in before
        if before[name] != after[name]
    }
