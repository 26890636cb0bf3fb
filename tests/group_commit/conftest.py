"""A committer on each database."""

from collections.abc import AsyncIterator

import pytest

from app.messages.send.group_commit import Committer
from app.persistence.database import Database
from testkit.limits import LIMITS
from testkit.servers.backend import Backend


@pytest.fixture
async def committer(backend: Backend, database: Database) -> AsyncIterator[Committer]:
    committer = Committer(
        database, LIMITS, max_concurrent=1 if backend.settings.database.is_sqlite else 2
    )
    yield committer
    await committer.close()
    assert committer._pending == 0
    assert not committer._tasks
    assert not list(committer._queue)
    assert not committer._queue._locked_rooms
