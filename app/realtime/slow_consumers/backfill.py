"""What a slow socket has missed comes from the log, as fast as it reads: one reader per room, whose
pages are shared by all sockets that need them."""

import asyncio

import structlog

from app.core.publications import to_publication
from app.realtime.delivery.gap_repair import EVENTS_PER_PAGE, RETRY_S, read_log
from app.realtime.hub.connection import Subscription, RoomChannel
from app.realtime.hub.hub import Hub
from app.realtime.transport.ws_protocol import text_frame
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

MAX_READERS = 4


async def run_backfill(hub: Hub) -> None:
    """Runs for ever. A room that needs more goes to the end of the queue."""
    async with asyncio.TaskGroup() as readers:
        for _ in range(MAX_READERS):
            readers.create_task(_reader(hub))


async def _reader(hub: Hub) -> None:
    while True:
        await backfill(hub, await hub.slow.backfill_queue.get())


async def backfill(hub: Hub, room: RoomChannel) -> None:
    """A page for everybody who waits in a room that was taken out of `backfill_queue`. The room is there
    again if that failed, or was not enough."""
    try:
        await _send_page(hub, room)
    except ChatError as error:
        log.warning("recovery.failed", room=str(room.id), error=error.detail)
        await asyncio.sleep(RETRY_S)
    except Exception:  # a defect that concerns this room: the others go on
        log.exception("recovery.failed", room=str(room.id))
        await asyncio.sleep(RETRY_S)
    room.backfilling = False
    hub.slow.request_backfill(room)


async def _send_page(hub: Hub, room: RoomChannel) -> None:
    """Who is within the same page shares it; nobody waits for those who are farther behind."""
    waiting = hub.slow.ready(room)
    while waiting:
        after, until = waiting[0].seq, room.stream.head
        found = await hub.database.read(read_log, room.id, after, until)
        frames = [(event.seq, text_frame(to_publication(event).frame)) for event in found]
        # Less than a page: the log has no more up to there.
        end = found[-1].seq if len(found) == EVENTS_PER_PAGE else until
        for follower in waiting:
            is_dirty = room.dirty.get(follower.connection) is follower
            if after <= follower.seq <= end and is_dirty and not follower.connection.write_paused:
                _send_up_to_limit(hub, follower, frames, end)
        hub.turn.end()  # a socket that does not take it is pressed now
        waiting = [follower for follower in waiting if follower.seq > end]


def _send_up_to_limit(hub: Hub, follower: Subscription, frames: list[tuple[int, bytes]], end: int) -> None:
    """So much of these frames, which reach up to `end`, as a socket takes at once; and the room's
    end where the user has gone, although the log goes on."""
    gone, left = follower.gone, hub.much_bytes
    until = min(end, gone.seq or 0) if gone else end
    for seq, frame in frames:
        if follower.seq < seq <= until:
            if left <= 0:
                return
            follower.connection.push(frame)
            follower.seq, left = seq, left - len(frame)
    follower.seq = max(follower.seq, until)
    if gone and follower.seq == gone.seq:
        hub.put_out(follower, gone)
    elif follower.seq == follower.room.stream.head:
        hub.slow.try_resume(follower)
