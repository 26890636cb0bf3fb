"""The sweep: what the database says has changed lately, and this process was not told.

A poke may be lost with nothing behind it that would show the hole: the process that committed was
killed before it could announce, or the broker lost it. So every process asks, every two seconds,
which rooms changed in the last fifteen. While the broker is gone it asks three times a second: then
the sweep is the delivery between processes.
"""

import asyncio
import math
from uuid import UUID

import structlog

from app.bus.base import Bus
from app.core.publications import to_publication
from app.persistence.uow import ReadSession
from app.realtime.delivery.seq_tracker import SeqRange
from app.realtime.hub.hub import Hub
from app.settings import Realtime
from app.wire.errors import ChatError
from app.wire.events import RoomEvent

log = structlog.get_logger(__name__)

# A change becomes visible later than it is stamped: at COMMIT, which may have to wait for locks.
WINDOW_S = 15
ROOMS_PER_QUERY = 50  # whose memberships are read at once
USERS_PER_QUERY = 500
# While the broker is gone: polls between two looks at the markers of the connected users.
POLLS_PER_MEMBERSHIP_POLL = 10


async def run_change_poll(hub: Hub, bus: Bus, settings: Realtime) -> None:
    """Runs for ever."""
    clock = asyncio.get_running_loop().time
    polled_at, polls = clock(), 0
    while True:
        await asyncio.sleep(settings.poll_every_ms / 1000)
        if bus.healthy and clock() - polled_at < settings.sweep_every_ms / 1000:
            continue
        started = clock()
        window_s = WINDOW_S + math.ceil(started - polled_at)  # longer after one that failed
        try:
            await poll_changed_rooms(hub, window_s)
            polls = 0 if bus.healthy else polls + 1
            if polls % POLLS_PER_MEMBERSHIP_POLL == 1:
                await poll_changed_memberships(hub, window_s)
        except ChatError as error:
            log.warning("sweep.failed", error=error.detail)
        else:
            polled_at = started


async def poll_changed_rooms(hub: Hub, within_s: int) -> None:
    """Let the hub know of every room that reached further within this time than it has heard."""
    heads = await hub.database.read(_changed_rooms, within_s)
    for room_id, head in heads.items():
        room = hub.rooms.get(room_id)
        if room:
            hub.suspect(room, head)
    missed = hub.heard.missed(heads)
    for one in missed:
        hub.count_again(one.room)
    for start in range(0, len(missed), ROOMS_PER_QUERY):
        for event in await hub.database.read(_membership_events, missed[start : start + ROOMS_PER_QUERY]):
            hub.note(to_publication(event))
    hub.heard.mark_checked(heads)


async def poll_changed_memberships(hub: Hub, within_s: int) -> None:
    """Count again what connected users have read, joined or left: markers are in no log."""
    users = list(hub.by_user)
    for start in range(0, len(users), USERS_PER_QUERY):
        found = await hub.database.read(_changed_memberships, users[start : start + USERS_PER_QUERY], within_s)
        for user, room in found:
            hub.count_again(room, user)


async def _changed_rooms(reads: ReadSession, within_s: int) -> dict[UUID, int]:
    return await reads.rooms.changed(within_s)


async def _membership_events(reads: ReadSession, missed: list[SeqRange]) -> list[RoomEvent]:
    return await reads.events.memberships(missed)


async def _changed_memberships(
    reads: ReadSession, users: list[UUID], within_s: int
) -> list[tuple[UUID, UUID]]:
    return await reads.members.changed(users, within_s)
