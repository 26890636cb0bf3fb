"""The rooms of a user as `hello` is answered: all of them, or what has changed since a snapshot."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import Unauthenticated
from app.persistence.uow import Reader
from app.realtime.protocol import RoomEntry, RoomList
from app.rooms.service import my_rooms
from app.rooms.views import room_state

# A change becomes visible at its COMMIT, later than it is stamped: whoever listed the rooms in
# between has not seen it. Longer than any transaction may take.
OVERLAP = timedelta(seconds=60)
ROOMS_A_FRAME = 20  # with the longest names and topics, less than a socket may leave unread
GONE_A_FRAME = 500


@dataclass(frozen=True, slots=True)
class Listing:
    """`at` is when it began, by the database's clock: whatever changes later is not in it."""

    at: datetime
    full: bool
    rooms: list[RoomEntry]
    gone: list[UUID]

    def frames(self, snapshot: str) -> Iterator[RoomList]:
        """The last frame has the snapshot: a client that has it has had them all."""
        count = max(1, -(-len(self.rooms) // ROOMS_A_FRAME), -(-len(self.gone) // GONE_A_FRAME))
        for n in range(count):
            yield RoomList(
                full=self.full and n == 0,
                rooms=self.rooms[n * ROOMS_A_FRAME : (n + 1) * ROOMS_A_FRAME],
                gone=self.gone[n * GONE_A_FRAME : (n + 1) * GONE_A_FRAME],
                snapshot=snapshot if n == count - 1 else None,
            )


async def room_ids(reads: Reader, actor: Actor) -> tuple[datetime, set[UUID]]:
    """The database's time, then the actor's rooms. Raises Unauthenticated if the session has ended,
    which it may have before the hub knew of the socket."""
    at = await reads.rooms.clock()
    if not await reads.sessions.live_among([actor.session], now()):
        raise Unauthenticated("This session was ended.")
    return at, set(await reads.members.room_ids(actor.user))


async def listing(
    reads: Reader, user: UUID, at: datetime, since: datetime | None, mine: set[UUID], most: int
) -> Listing:
    """`mine` was read at or after `at`, and before this."""
    if since is not None:
        since -= OVERLAP
    views = await my_rooms(reads, user, None, most, since)
    gone = await reads.members.departed(user, since) if since else []
    return Listing(
        at=at,
        full=since is None,
        rooms=[RoomEntry(room=view.room.id, **room_state(view)) for view in views],
        gone=[room for room in gone if room not in mine],
    )
