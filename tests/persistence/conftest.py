"""Databases without a schema for the tests of migrations, and a room to write into."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from app.core.publications import Publication
from app.persistence.database import Database
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


@pytest.fixture
async def sender(database: Database) -> UUID:
    return await database.transact(add_user, "ann")


@pytest.fixture
async def room(database: Database, sender: UUID, announced: list[Publication]) -> UUID:
    """A room with one event, whose publications are cleared."""
    made = await database.transact(open_room, sender)
    announced.clear()
    return made
