"""Holes are filled from the log: after a moment, because most are only two pokes swapped."""

import asyncio
from uuid import UUID

import structlog

from app.core.publications import to_publication
from app.persistence.uow import ReadSession
from app.realtime.hub.connection import RoomChannel
from app.realtime.hub.hub import Hub
from app.settings import Realtime
from app.wire.errors import ChatError
from app.wire.events import RoomEvent

log = structlog.get_logger(__name__)

EVENTS_PER_PAGE = 50  # of the largest messages: less than a socket may leave unread
ROOMS_PER_QUERY = 500
MAX_READERS = 4
RETRY_S = 0.5


async def repair_gaps(hub: Hub, settings: Realtime) -> None:
    """Runs for ever. One reader per room at a time, and a bounded number of them."""
    async with asyncio.TaskGroup() as readers:
        for _ in range(MAX_READERS):
            readers.create_task(_run_reader(hub, settings.gap_wait_ms / 1000))


async def _run_reader(hub: Hub, wait_s: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        room = await hub.gaps.get()
        # From when the gap was noticed: a room that had to wait for its turn has waited.
        await asyncio.sleep(room.doubted_at + wait_s - loop.time())
        await repair(hub, room)


async def repair(hub: Hub, room: RoomChannel) -> None:
    """Read what is missing of a room that was taken out of `hub.gaps`. If that fails, or shows
    another gap, the room is there again."""
    try:
        await _fill(hub, room)
    except ChatError as error:
        log.warning("repair.failed", room=str(room.id), error=error.detail)
        await asyncio.sleep(RETRY_S)
    except Exception:  # a defect that concerns this room: the others go on
        log.exception("repair.failed", room=str(room.id))
        await asyncio.sleep(RETRY_S)
    room.repairing = False
    if hub.rooms.get(room.id) is room:
        hub.suspect(room, 0)


async def _fill(hub: Hub, room: RoomChannel) -> None:
    while hub.rooms.get(room.id) is room and (gap := room.stream.ask()):
        after, until = gap
        found = await hub.database.read(read_log, room.id, after, until)
        hub.offer(room, map(to_publication, found))
        if len(found) < EVENTS_PER_PAGE:
            room.stream.settle(until)
            return


async def read_log(reads: ReadSession, room_id: UUID, after: int, until: int) -> list[RoomEvent]:
    return await reads.events.between(room_id, after, until, EVENTS_PER_PAGE)


async def check_heads(hub: Hub) -> None:
    """Ask the log how far every open room reaches: for pokes that were lost with no successor."""
    rooms = list(hub.rooms)
    for start in range(0, len(rooms), ROOMS_PER_QUERY):
        heads = await hub.database.read(_heads, rooms[start : start + ROOMS_PER_QUERY])
        for room_id, head in heads.items():
            room = hub.rooms.get(room_id)
            if room:
                hub.suspect(room, head)


async def _heads(reads: ReadSession, rooms: list[UUID]) -> dict[UUID, int]:
    return await reads.rooms.heads(rooms)
