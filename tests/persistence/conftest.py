"""Databases without a schema for the tests of migrations, and a room to write into."""

from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.core.publications import Publication
from app.persistence.database import Database
from app.persistence.sql.executor import MultiStatementExecutor
from testkit.server import BACKENDS
from testkit.servers.backend import Backend, make_settings, unique_name
from testkit.servers.mariadb import MariaDb
from tests.persistence.factories import add_user, open_room


@pytest.fixture
def blank_embedded(tmp_path: Path) -> Backend:
    url = f"sqlite:///{tmp_path / 'blank.db'}"
    return Backend("embedded", make_settings(tmp_path, database=url))


@pytest.fixture
async def blank_cluster(mariadb: MariaDb, tmp_path: Path) -> AsyncIterator[Backend]:
    async with mariadb.database(unique_name()) as url:
        yield Backend("cluster", make_settings(tmp_path, database=url))


@pytest.fixture(params=BACKENDS)
def blank(request: pytest.FixtureRequest) -> Backend:
    """A database without tables."""
    found: Backend = request.getfixturevalue(f"blank_{request.param}")
    return found


IS_RECORDED: ContextVar[bool] = ContextVar("IS_RECORDED", default=False)


@pytest.fixture
def record_requests(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[list[str]]]:
    """Begins to record the first words of the statements of each request that the test makes.
    Servers of other tests in this process ask in tasks that were started before."""
    requests: list[list[str]] = []
    query = MultiStatementExecutor._query

    async def record(self: MultiStatementExecutor, texts: list[str]) -> Any:
        if IS_RECORDED.get():
            requests.append([text.split()[0] for text in texts])
        return await query(self, texts)

    def begin() -> list[list[str]]:
        IS_RECORDED.set(True)
        return requests

    monkeypatch.setattr(MultiStatementExecutor, "_query", record)
    return begin


@pytest.fixture
async def sender(database: Database) -> UUID:
    return await database.transact(add_user, "ann")


@pytest.fixture
async def room(database: Database, sender: UUID, announced: list[Publication]) -> UUID:
    """A room with one event, whose publications are cleared."""
    made = await database.transact(open_room, sender)
    announced.clear()
    return made
