"""Gaps are read from the log, after a moment: most are only two publications in the wrong order."""

import asyncio
from uuid import UUID

import structlog

from app.core import metrics
from app.core.publications import Publication
from app.persistence.direct_reads import DirectReads
from app.realtime.delivery.delivery import Delivery
from app.realtime.hub.connection import RoomChannel
from app.settings import Realtime
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

EVENTS_PER_PAGE = 50
MAX_READERS = 4
RETRY_S = 0.5


async def run_gap_repair(delivery: Delivery, settings: Realtime) -> None:
    """Runs forever. One reader per room at a time, and a bounded number of them."""
    async with asyncio.TaskGroup() as readers:
        for _ in range(MAX_READERS):
            readers.create_task(_run_reader(delivery, settings.gap_repair_delay_ms / 1000))


async def _run_reader(delivery: Delivery, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        room = await delivery.gaps.get()
        # The delay counts from when the gap was noticed, so it includes the time in the queue.
        await asyncio.sleep(delivery.gap_since[room] + delay_s - loop.time())
        await repair(delivery, room)


async def repair(delivery: Delivery, room: RoomChannel) -> None:
    """Read what is missing of a room that was taken out of `Delivery.gaps`. The room is queued
    again if that fails, or shows another gap."""
    try:
        await _fill_gaps(delivery, room)
        metrics.GAP_REPAIRS.labels("filled").inc()
    except ChatError as error:
        metrics.GAP_REPAIRS.labels("failed").inc()
        log.warning("gap_repair.failed", room=str(room.id), error=error.detail)
        await asyncio.sleep(RETRY_S)
    except Exception:  # a defect that concerns this room: the others continue
        log.exception("gap_repair.failed", room=str(room.id))
        await asyncio.sleep(RETRY_S)
    delivery.end_repair(room)


async def _fill_gaps(delivery: Delivery, room: RoomChannel) -> None:
    while delivery.hub.rooms.get(room.id) is room and (gap := room.stream.begin_repair()):
        after, until = gap
        events = await delivery.database.read_directly(read_log, room.id, after, until)
        delivery.apply_events(room, events)
        if len(events) < EVENTS_PER_PAGE:
            room.stream.end_repair(until)
            return


async def read_log(reads: DirectReads, room_id: UUID, after: int, until: int) -> list[Publication]:
    return await reads.events.publications(room_id, after, until, EVENTS_PER_PAGE)
