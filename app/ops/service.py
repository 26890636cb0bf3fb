"""What /health/ready asks."""

import asyncio
from typing import Literal

from app.persistence.migrations import Schema
from app.persistence.uow import Database
from app.wire.errors import ChatError

DatabaseState = Schema | Literal["unreachable", "refuses changes"]

# What to type where the schema is behind.
MIGRATE = "python -m app migrate"


async def check_database(database: Database, within_s: float) -> DatabaseState:
    try:
        async with asyncio.timeout(within_s):
            schema = await database.schema()
            if schema is Schema.TOO_OLD or await database.takes_changes():
                return schema
            return "refuses changes"
    except (ChatError, TimeoutError):
        return "unreachable"
