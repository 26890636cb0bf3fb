"""Alembic for the program itself: bring the schema up to date, and say whether it is.

Operators type `alembic upgrade head`; `python -m app migrate` does the same through `upgrade`.
What both share (the connection, the lock, the messages) is in `alembic/env.py`.
"""

from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.settings import ROOT, Settings

# The wheel carries the folder alembic/ and its file along here (pyproject.toml).
_INI = Path(__file__).parent / "alembic" / "alembic.ini"
if not _INI.exists():
    _INI = ROOT / "alembic.ini"
_MYSQL_NO_SUCH_TABLE = 1146


class MigrationError(Exception):
    """Why the schema could not be migrated; printed as it is, without a traceback."""


def upgrade(settings: Settings, *, lock_timeout_s: float | None = None) -> list[str]:
    """Migrate to the newest revision; returns those that were applied, oldest first.

    For synchronous code: it runs an event loop of its own. A second migrator waits until the first
    has finished, `lock_timeout_s` at most. Raises MigrationError.
    """
    applied: list[str] = []
    config = Config(_INI)
    config.attributes.update(settings=settings, applied=applied)
    if lock_timeout_s is not None:
        config.attributes["lock_timeout_s"] = lock_timeout_s
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise MigrationError(str(error)) from error
    return applied


class SchemaStatus(StrEnum):
    """How the database's schema stands to this program, which works on all but the last:
    docs/operations.md says what migrations keep to for that."""

    CURRENT = "ok"
    AHEAD = "newer schema"
    BEHIND = "migrations pending"
    TOO_OLD = "schema too old"


async def schema_status(engine: AsyncEngine) -> SchemaStatus:
    """One small SELECT. Raises DBAPIError.

    A revision that the program does not know is one of a newer program, which was migrated to
    before the old processes have ended.
    """
    try:
        async with engine.connect() as connection:
            revisions = set(
                await connection.scalars(text("SELECT version_num FROM alembic_version"))
            )
    except (OperationalError, ProgrammingError) as error:
        if _no_such_table(error):
            return SchemaStatus.TOO_OLD
        raise
    known = _revisions()
    if not revisions <= set(known):
        return SchemaStatus.AHEAD
    match min(map(known.index, revisions), default=len(known)):
        case 0:
            return SchemaStatus.CURRENT
        case 1:
            return SchemaStatus.BEHIND
        case _:
            return SchemaStatus.TOO_OLD


@cache
def _revisions() -> tuple[str, ...]:
    """All of them, the newest first, as the files in alembic/versions say. Read once."""
    script = ScriptDirectory.from_config(Config(_INI))
    return tuple(step.revision for step in script.walk_revisions())


def _no_such_table(error: OperationalError | ProgrammingError) -> bool:
    reason = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return reason == _MYSQL_NO_SUCH_TABLE or "no such table" in str(reason)
