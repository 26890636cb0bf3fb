"""A bus, a user, and a runner without pauses."""

from uuid import UUID

import pytest

from app.bus.memory import MemoryBus
from app.consumers import hints, runner
from app.persistence.database import Database
from testkit.waiting import LIMIT_S
from tests.persistence.factories import add_user


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes and retries follow each other at once, and a slow database is waited for."""
    monkeypatch.setattr(runner, "RELEASE_S", LIMIT_S)
    monkeypatch.setattr(runner, "PACE_S", 0.01)
    monkeypatch.setattr(hints, "MAX_PAUSE_S", 0.05)


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
async def sender(database: Database) -> UUID:
    return await database.transact(add_user, "ann")
