"""Sends slow consumers what they have missed, from the log and as fast as they read.

One reader per room; a page is shared by all connections that need it.
"""

import asyncio
from collections.abc import Iterable
from uuid import UUID

import structlog

from app.core.publications import Publication
from app.persistence.database import Database
from app.persistence.direct_reads import DirectReads
from app.realtime.hub.connection import RoomChannel
from app.realtime.hub.event_frames import EventFrame
from app.realtime.hub.hub import Hub
from app.realtime.slow_consumers.state import LaggingSubscription, SlowConsumers
from app.wire.errors import ChatError
from app.wire.frames import RoomClosed

log = structlog.get_logger(__name__)

EVENTS_PER_PAGE = 50  # of the largest messages: less than a connection may leave unread
MAX_READERS = 4
RETRY_S = 0.5


async def run_backfill(hub: Hub, slow_consumers: SlowConsumers, database: Database) -> None:
    """Runs forever. A room that needs another page goes to the end of the queue."""
    async with asyncio.TaskGroup() as readers:
        for _ in range(MAX_READERS):
            readers.create_task(_run_reader(hub, slow_consumers, database))


async def _run_reader(hub: Hub, slow_consumers: SlowConsumers, database: Database) -> None:
    while True:
        room = await slow_consumers.backfill_queue.get()
        await backfill(hub, slow_consumers, database, room)


async def backfill(
    hub: Hub, slow_consumers: SlowConsumers, database: Database, room: RoomChannel
) -> None:
    """Send a page to those that are ready in a room that was taken out of the queue."""
    try:
        await _send_page(hub, slow_consumers, database, room)
    except ChatError as error:
        log.warning("slow_consumer.backfill_failed", room=str(room.id), error=error.detail)
        await asyncio.sleep(RETRY_S)
    except Exception:  # a defect that concerns this room: the others continue
        log.exception("slow_consumer.backfill_failed", room=str(room.id))
        await asyncio.sleep(RETRY_S)
    slow_consumers.end_backfill(room)


async def _send_page(
    hub: Hub, slow_consumers: SlowConsumers, database: Database, room: RoomChannel
) -> None:
    """Subscriptions that are within the same page share it; none waits for those farther behind."""
    waiting = slow_consumers.ready(room)
    while waiting:
        after, until = waiting[0].seq, room.stream.head
        events = await database.read_directly(read_backfill, room.id, after, until)
        frames = [(event.seq, EventFrame(event)) for event in events]
        hidden = await database.read_directly(_read_hidden, room.id, waiting)
        # Less than a page: the log has no more up to there.
        end = events[-1].seq if len(events) == EVENTS_PER_PAGE else until
        for lagging in waiting:
            is_current = slow_consumers.find(room, lagging.subscription.connection) is lagging
            if not is_current or lagging.is_paused:
                continue
            if lagging.closed and lagging.seq < hidden.get(lagging, 0):
                _evict(hub, lagging, lagging.closed)
            elif after <= lagging.seq <= end:
                _send_up_to_limit(hub, slow_consumers, lagging, frames, end)
        hub.coalescer.flush()  # pauses connections that do not take it
        waiting = [lagging for lagging in waiting if lagging.seq > end]


def _send_up_to_limit(
    hub: Hub,
    slow_consumers: SlowConsumers,
    lagging: LaggingSubscription,
    frames: list[tuple[int, EventFrame]],
    end: int,
) -> None:
    """Send frames, which reach up to `end`, until the connection has enough for now. If its user
    left or was removed, stop at that event and close the room."""
    connection, room, closed = (
        lagging.subscription.connection,
        lagging.subscription.room,
        lagging.closed,
    )
    budget, visible_after = slow_consumers.threshold_bytes, lagging.subscription.visible_after
    until = min(end, closed.seq or 0) if closed else end
    for seq, frame in frames:
        if lagging.seq < seq <= until:
            if budget <= 0:
                return
            connection.send_raw(frame.for_reader(visible_after))
            lagging.seq, budget = seq, budget - len(frame)
    lagging.seq = max(lagging.seq, until)
    if closed and lagging.seq == closed.seq:
        _evict(hub, lagging, closed)
    elif lagging.seq == room.stream.head:
        slow_consumers.try_resume(lagging)


def _evict(hub: Hub, lagging: LaggingSubscription, closed: RoomClosed) -> None:
    hub.evict(lagging.subscription, closed)
    hub.notify_late_eviction(lagging.subscription.connection, lagging.subscription.room.id)


async def _read_hidden(
    reads: DirectReads, room_id: UUID, waiting: Iterable[LaggingSubscription]
) -> dict[LaggingSubscription, int]:
    """By subscription whose user left or was removed: up to which event it is shown none, because
    a message was changed since. Read after the log, so that no change is missed."""
    spans = {
        lagging: (room_id, lagging.seq, lagging.closed.seq)
        for lagging in waiting
        if lagging.closed and lagging.closed.seq
    }
    if not spans:
        return {}
    last = await reads.events.last_changed(list(set(spans.values())))
    return {lagging: last[span] for lagging, span in spans.items()}


async def read_backfill(
    reads: DirectReads, room_id: UUID, after: int, until: int
) -> list[Publication]:
    return await reads.events.publications(room_id, after, until, EVENTS_PER_PAGE)
