"""The rooms of a user as `hello` is answered: all of them, or what has changed since a snapshot.

Read for many users at once: all come back when a process ends.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.persistence.repositories.rooms import Listed
from app.persistence.uow import ReadSession
from app.rooms.service import RoomView
from app.rooms.views import room_state
from app.wire.errors import ChatError, SessionEnded
from app.wire.frames import RoomEntry, RoomList

# A change becomes visible at its COMMIT, later than it is stamped: whoever listed the rooms in
# between has not seen it. Longer than any transaction may take.
COMMIT_OVERLAP = timedelta(seconds=60)
ROOMS_PER_FRAME = 20  # with the longest names and topics, less than a socket may leave unread
LEFT_ROOMS_PER_FRAME = 500


@dataclass(frozen=True, slots=True)
class HelloState:
    """`at` is when its listing began, by the database's clock: whatever changes later is not in it.
    `rooms` were read after that, and before the listing."""

    user: UUID
    at: datetime
    rooms: frozenset[UUID]
    since: datetime | None = None

    def __len__(self) -> int:
        return 1 + len(self.rooms)


@dataclass(frozen=True, slots=True)
class RoomListResult:
    full: bool
    rooms: list[RoomEntry]
    gone: list[UUID]

    def frames(self, snapshot: str) -> Iterator[RoomList]:
        """The last frame has the snapshot: a client that has it has had them all."""
        count = max(1, -(-len(self.rooms) // ROOMS_PER_FRAME), -(-len(self.gone) // LEFT_ROOMS_PER_FRAME))
        for n in range(count):
            yield RoomList(
                full=self.full and n == 0,
                rooms=self.rooms[n * ROOMS_PER_FRAME : (n + 1) * ROOMS_PER_FRAME],
                gone=self.gone[n * LEFT_ROOMS_PER_FRAME : (n + 1) * LEFT_ROOMS_PER_FRAME],
                snapshot=snapshot if n == count - 1 else None,
            )


async def load_hello_state(reads: ReadSession, actors: Sequence[Actor]) -> list[HelloState | ChatError]:
    """The database's time and the actors' rooms. SessionEnded for those whose session has ended,
    which it may have before the hub knew of the socket."""
    found = await reads.sessions.arriving({actor.session for actor in actors}, now())
    return [
        HelloState(actor.user, found[actor.session][0], frozenset(found[actor.session][1]))
        if actor.session in found
        else SessionEnded("This session was ended. Log in again.")
        for actor in actors
    ]


async def listing(reads: ReadSession, asked: Sequence[HelloState]) -> list[RoomListResult | ChatError]:
    """Of several sockets of one user each gets what has changed since the oldest of their
    snapshots: telling of a room that has not changed does no harm."""
    since: dict[UUID, datetime | None] = {}
    for one in asked:
        at = one.since - COMMIT_OVERLAP if one.since else None
        known = since.setdefault(one.user, at)
        since[one.user] = min(known, at) if known and at else None
    rooms, gone = defaultdict(list), defaultdict(list)
    for listed in await reads.members.rooms_since(since):
        rooms[listed.user].append(_entry(listed))
    left = {user: at for user, at in since.items() if at}
    for user, room in await reads.members.departed(left) if left else ():
        gone[user].append(room)
    return [
        RoomListResult(
            full=one.since is None,
            rooms=rooms[one.user],
            gone=[room for room in gone[one.user] if room not in one.rooms],
        )
        for one in asked
    ]


def _entry(listed: Listed) -> RoomEntry:
    return RoomEntry(room=listed.id, **room_state(RoomView(listed, listed, listed)))
