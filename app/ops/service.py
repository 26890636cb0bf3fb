"""The state of the database, for /health/ready and `python -m app check`."""

import asyncio
from typing import Literal

from app.persistence.database import Database
from app.persistence.migrations import SchemaStatus
from app.wire.errors import ChatError

DatabaseState = SchemaStatus | Literal["unreachable", "refuses changes"]

MIGRATE_COMMAND = "python -m app migrate"


async def check_database(database: Database, timeout_s: float) -> DatabaseState:
    try:
        async with asyncio.timeout(timeout_s):
            schema = await database.schema()
            if schema is SchemaStatus.TOO_OLD or await database.takes_changes():
                return schema
            return "refuses changes"
    except (ChatError, TimeoutError):
        return "unreachable"
