"""What a slow socket has missed comes from the log, as fast as it reads: one reader per room, whose
pages are shared by all sockets that need them."""

import asyncio

import structlog

from app.core.publications import to_publication
from app.realtime.delivery.gap_repair import PAGE, TRY_AGAIN_S, read_log
from app.realtime.hub.connection import Follower, OpenRoom
from app.realtime.hub.hub import Hub
from app.realtime.transport.ws_protocol import text_frame
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

READERS = 4


async def recover_rooms(hub: Hub) -> None:
    """Runs for ever. A room that needs more goes to the end of the queue."""
    async with asyncio.TaskGroup() as readers:
        for _ in range(READERS):
            readers.create_task(_reader(hub))


async def _reader(hub: Hub) -> None:
    while True:
        await recover(hub, await hub.slow.behind.get())


async def recover(hub: Hub, room: OpenRoom) -> None:
    """A page for everybody who waits in a room that was taken out of `behind`. The room is there
    again if that failed, or was not enough."""
    try:
        await _serve(hub, room)
    except ChatError as error:
        log.warning("recovery.failed", room=str(room.id), error=error.detail)
        await asyncio.sleep(TRY_AGAIN_S)
    except Exception:  # a defect that concerns this room: the others go on
        log.exception("recovery.failed", room=str(room.id))
        await asyncio.sleep(TRY_AGAIN_S)
    room.recovering = False
    hub.slow.ask_for(room)


async def _serve(hub: Hub, room: OpenRoom) -> None:
    """Who is within the same page shares it; nobody waits for those who are farther behind."""
    waiting = hub.slow.ready(room)
    while waiting:
        after, until = waiting[0].seq, room.stream.head
        found = await hub.database.read(read_log, room.id, after, until)
        frames = [(event.seq, text_frame(to_publication(event).payload)) for event in found]
        # Less than a page: the log has no more up to there.
        end = found[-1].seq if len(found) == PAGE else until
        for follower in waiting:
            is_dirty = room.dirty.get(follower.socket) is follower
            if after <= follower.seq <= end and is_dirty and not follower.socket.pressed:
                _give(hub, follower, frames, end)
        hub.turn.end()  # a socket that does not take it is pressed now
        waiting = [follower for follower in waiting if follower.seq > end]


def _give(hub: Hub, follower: Follower, frames: list[tuple[int, bytes]], end: int) -> None:
    """So much of these frames, which reach up to `end`, as a socket takes at once; and the room's
    end where the user has gone, although the log goes on."""
    gone, left = follower.gone, hub.much_bytes
    until = min(end, gone.seq or 0) if gone else end
    for seq, frame in frames:
        if follower.seq < seq <= until:
            if left <= 0:
                return
            follower.socket.push(frame)
            follower.seq, left = seq, left - len(frame)
    follower.seq = max(follower.seq, until)
    if gone and follower.seq == gone.seq:
        hub.put_out(follower, gone)
    elif follower.seq == follower.room.stream.head:
        hub.slow.move_on(follower)
