"""Compares the position of every open room and of every connected user with the log: when the bus
may have lost publications, and once a minute. Finds a lost publication that no later one
follows."""

import asyncio
from uuid import UUID

import structlog

from app.persistence.uow import ReadSession
from app.realtime.delivery.delivery import Delivery
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

INTERVAL_S = 60
RETRY_S = 1.0
ROOMS_PER_QUERY = 500


async def run_position_check(delivery: Delivery) -> None:
    """Runs forever."""
    while True:
        try:
            async with asyncio.timeout(INTERVAL_S):
                await delivery.position_check_needed.wait()
        except TimeoutError:
            pass
        delivery.position_check_needed.clear()
        try:
            await check_heads(delivery)
            await delivery.user_logs.compare_all(delivery.database)
        except Exception as error:
            delivery.position_check_needed.set()
            if not isinstance(error, ChatError):
                raise
            log.warning("position_check.failed", error=error.detail)
            await asyncio.sleep(RETRY_S)


async def check_heads(delivery: Delivery) -> None:
    """Read the log's head of every open room."""
    rooms = list(delivery.hub.rooms)
    for start in range(0, len(rooms), ROOMS_PER_QUERY):
        chunk = rooms[start : start + ROOMS_PER_QUERY]
        heads = await delivery.database.read(read_heads, chunk)
        for room_id, head in heads.items():
            room = delivery.hub.rooms.get(room_id)
            if room:
                delivery.note_head(room, head)


async def read_heads(reads: ReadSession, rooms: list[UUID]) -> dict[UUID, int]:
    return await reads.rooms.latest_seqs(rooms)
