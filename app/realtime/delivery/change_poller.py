"""Asks the database which rooms have changed lately, and compares that with what was received.

A publication may be lost without a later one that would show the gap: the process that committed
was killed before it could publish, or the broker lost it. So every process asks, every two seconds,
which rooms, and which logs of users, changed in the last fifteen. While the broker is unavailable
it asks three times a second: then polling is how events get from one process to another.
"""

import asyncio
import math
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from app.bus.base import Bus
from app.core.publications import to_publication
from app.persistence.uow import ReadSession
from app.realtime.delivery.delivery import Delivery
from app.realtime.delivery.seq_tracker import SeqRange
from app.settings import Realtime
from app.wire.errors import ChatError
from app.wire.events import RoomEvent

log = structlog.get_logger(__name__)

# A change is visible later than its timestamp: at COMMIT, which may have to wait for locks.
WINDOW_S = 15
ROOMS_PER_QUERY = 50


async def run_change_poll(delivery: Delivery, bus: Bus, settings: Realtime) -> None:
    """Runs forever."""
    clock = asyncio.get_running_loop().time
    polled_at = clock()
    while True:
        await asyncio.sleep(settings.change_poll_interval_degraded_ms / 1000)
        if bus.healthy and clock() - polled_at < settings.change_poll_interval_ms / 1000:
            continue
        started_at = clock()
        window_s = WINDOW_S + math.ceil(started_at - polled_at)  # longer after a failed poll
        try:
            await poll_changes(delivery, window_s)
        except ChatError as error:
            log.warning("change_poll.failed", error=error.detail)
        else:
            polled_at = started_at


async def poll_changes(delivery: Delivery, within_s: int) -> None:
    """Note the head of every log that changed within this time, and apply the changes of members
    and lists that were not received."""
    hub, tracker = delivery.hub, delivery.seq_tracker
    changes = await delivery.database.read(_changes, within_s)
    heads = changes.rooms
    for room_id, head in heads.items():
        room = hub.rooms.get(room_id)
        if room:
            delivery.note_head(room, head)
    missed = tracker.missed(heads)
    for seq_range in missed:
        hub.notify_list_changed(seq_range.room)
    for start in range(0, len(missed), ROOMS_PER_QUERY):
        chunk = missed[start : start + ROOMS_PER_QUERY]
        for event in await delivery.database.read(_membership_events, chunk):
            delivery.on_publication(to_publication(event))
    tracker.mark_checked(heads)
    await delivery.user_logs.compare(delivery.database, changes.user_logs)
    delivery.note_checked(changes.at)


class _Changes(NamedTuple):
    """The heads of logs that have changed, and the database's time before they were read."""

    at: datetime
    rooms: dict[UUID, int]
    user_logs: dict[UUID, int]


async def _changes(reads: ReadSession, within_s: int) -> _Changes:
    return _Changes(
        await reads.rooms.database_time(),
        await reads.rooms.changed_since(within_s),
        await reads.user_logs.changed_since(within_s),
    )


async def _membership_events(reads: ReadSession, missed: list[SeqRange]) -> list[RoomEvent]:
    return await reads.events.list_membership_changes(missed)
