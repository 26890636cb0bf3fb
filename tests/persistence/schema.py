"""The actual schema of a database, in a form that can be compared."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.persistence.engine import Engines, create_engines
from app.persistence.search_tables import SEARCH_INDEX
from app.settings import ROOT, Settings

VERSIONS = "alembic_version"


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Engines]:
    """The engines of the program, for a while."""
    engines = create_engines(settings.database)
    try:
        yield engines
    finally:
        await engines.dispose()


async def upgrade(settings: Settings, step: str, root: Path = ROOT) -> None:
    """`alembic upgrade` without a process, which takes most of a second to start."""
    await asyncio.to_thread(command.upgrade, alembic_config(settings, root), step)


async def downgrade(settings: Settings, step: str, root: Path = ROOT) -> None:
    await asyncio.to_thread(command.downgrade, alembic_config(settings, root), step)


async def find_differences(settings: Settings, root: Path = ROOT) -> None:
    """`alembic check`. Raises CommandError if a migration is missing."""
    await asyncio.to_thread(command.check, alembic_config(settings, root))


def alembic_config(settings: Settings, root: Path = ROOT) -> Config:
    """Configuration for the checkout in `root`, with the `app` that is imported already."""
    config = Config(root / "alembic.ini")
    config.set_main_option("prepend_sys_path", "")
    config.attributes["settings"] = settings
    return config


async def schema(settings: Settings) -> dict[str, list[str]]:
    """The definition of each table as the database reports it, sorted; without alembic's own
    table and the parts of a full-text index."""
    async with opened(settings) as engines, engines.read.connect() as connection:
        ask = _sqlite if settings.database.is_sqlite else _mysql
        return {
            name: sorted(_parts(definition))
            for name, definition in (await ask(connection)).items()
            if name != VERSIONS and not name.startswith(SEARCH_INDEX)
        }


def _parts(definition: str) -> list[str]:
    """Columns, constraints and the text around them. SQLite keeps a definition as it was typed, and
    appends added columns after the constraints, so the order of lines means nothing."""
    parts, depth = [""], 0
    for character in definition:
        depth += (character == "(") - (character == ")")
        if (character in "(," and depth == 1) or (character == ")" and depth == 0):
            parts.append("")
        else:
            parts[-1] += character
    return [" ".join(part.split()) for part in parts if part.strip()]


async def _sqlite(connection: AsyncConnection) -> dict[str, str]:
    rows = await connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    )
    return {row.name: row.sql for row in rows}


async def _mysql(connection: AsyncConnection) -> dict[str, str]:
    tables = (await connection.scalars(text("SHOW TABLES"))).all()
    return {
        name: (await connection.execute(text(f"SHOW CREATE TABLE `{name}`"))).one()[1]
        for name in tables
    }


async def execute(settings: Settings, *statements: str) -> None:
    """Run statements as the writer of the program, in one transaction."""
    async with opened(settings) as engines, engines.write.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)
