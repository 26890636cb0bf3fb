"""What a test runs on: settings of the program for a clean database and a clean bus."""

import asyncio
import itertools
import os
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.persistence import migrations
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.tables import Base, ServerStateRow
from app.settings import Settings, load_settings

Group = Mapping[str, Any]
CLEAR_SEARCH_INDEX = {
    "sqlite": "INSERT INTO search_index (search_index) VALUES ('delete-all')",
    "mysql": "DELETE FROM search_index_terms",
}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Backend:
    """`embedded` is SQLite and the bus in the process, `cluster` MariaDB (or MySQL) and Redis."""

    name: Literal["embedded", "cluster"]
    settings: Settings

    def override(self, **groups: Group) -> Settings:
        """The settings with other values: `override(database={"pool_size": 1})`."""
        return override(self.settings, **groups)


def make_settings(directory: Path, *, database: str, redis: str = "", **groups: Group) -> Settings:
    """Settings that do not depend on this machine, with the cheapest password hashing."""
    given: dict[str, Any] = {
        # Nobody moves to another process while it is stopped, unless a test is about that.
        "server": {"data_dir": directory, "drain_grace_s": 0.05},
        # Nor is anybody told `busy` because the machine is.
        "database": {"url": database, "pool_timeout_s": 60},
        # A prefix of its own: nothing that an earlier test left in Redis is heard.
        "redis": {"url": redis, "prefix": unique_name()},
        "auth": {"secret_key": "a key that only the tests know" * 2, "argon2_memory_kib": 8},
    }
    with chdir(directory):  # where there is no .env
        return override(load_settings(**given), **groups)


def override(settings: Settings, **groups: Group) -> Settings:
    changed = {
        name: type(group).model_validate(group.model_dump() | dict(values))
        for name, values in groups.items()
        for group in [getattr(settings, name)]
    }
    return settings.model_copy(update=changed)


def unique_name() -> str:
    """A short name that no other test run uses on the same server."""
    return f"test-{os.getpid()}-{next(_numbers)}"


async def migrate(settings: Settings) -> list[str]:
    """Like `python -m app migrate`; in a thread, because it runs an event loop of its own."""
    return await asyncio.to_thread(migrations.upgrade, settings)


async def delete_all_rows(connection: AsyncConnection) -> None:
    """Delete every row but the one that migrations make, which is new. Much faster than new tables,
    and also removes what a killed test left."""
    for table in reversed(Base.metadata.sorted_tables):
        await connection.execute(table.delete())
    await connection.exec_driver_sql(CLEAR_SEARCH_INDEX[connection.dialect.name])
    row = {"id": 1, "epoch": unique_name(), "restores": 0, "clock_steps": 0}
    await connection.execute(insert(ServerStateRow).values(**row, clock_at=DatabaseNow()))
