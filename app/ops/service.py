"""What /health/ready asks."""

import asyncio
from typing import Literal

from app.core.errors import ChatError
from app.persistence.uow import Database

DatabaseState = Literal["ok", "unreachable", "migrations pending"]


async def check_database(database: Database, within_s: float) -> DatabaseState:
    try:
        async with asyncio.timeout(within_s):
            return "ok" if await database.is_current() else "migrations pending"
    except (ChatError, TimeoutError):
        return "unreachable"
