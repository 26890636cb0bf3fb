"""The list of rooms that answers `hello`: all of a user's, or what has changed since a snapshot.

Loaded for many users at once: when a process ends, all its clients come back.

A snapshot is a time of the database's clock, which may step back (a failover, a correction). What
changes after such a step is stamped as if it was older than the snapshot. So a step is counted
(`repositories/server_state.py`), and snapshots from before it are void: their lists are full. Until
it is counted the time of a hello is before that of the snapshot, and its list is full as well.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.persistence.data_loader import DataLoader
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.room_lists import RoomListRow
from app.persistence.uow import Database
from app.rooms.service import RoomView
from app.rooms.views import room_state
from app.wire.errors import ChatError, SessionEnded
from app.wire.frames import RoomEntry, RoomList

# A change is visible at its COMMIT, later than its timestamp: a list that was read in between lacks
# it. Longer than any transaction may take, together with a step back of the clock that is too small
# to be counted.
COMMIT_OVERLAP = timedelta(seconds=60)
ROOMS_PER_FRAME = 20  # with the longest names and topics, less than a connection may leave unread
LEFT_ROOMS_PER_FRAME = 500
CLIENTS_PER_QUERY, ROOMS_PER_QUERY = 200, 1000


@dataclass(frozen=True, slots=True)
class HelloState:
    """`at` is the database's time before `rooms` were read, which were read before the list:
    changes after `at` may be missing from the list."""

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
    left_rooms: list[UUID]

    def frames(self, snapshot: str) -> Iterator[RoomList]:
        """Only the last frame has the snapshot: a client that has it has received all frames."""
        count = max(
            1,
            -(-len(self.rooms) // ROOMS_PER_FRAME),
            -(-len(self.left_rooms) // LEFT_ROOMS_PER_FRAME),
        )
        for n in range(count):
            yield RoomList(
                full=self.full and n == 0,
                rooms=self.rooms[n * ROOMS_PER_FRAME : (n + 1) * ROOMS_PER_FRAME],
                gone=self.left_rooms[n * LEFT_ROOMS_PER_FRAME : (n + 1) * LEFT_ROOMS_PER_FRAME],
                snapshot=snapshot if n == count - 1 else None,
            )


class RoomListLoader:
    """Batches the queries of connections that say hello at the same time."""

    def __init__(self, database: Database) -> None:
        self.hello_states: DataLoader[Actor, HelloState] = DataLoader(
            lambda actors: database.read_directly(load_hello_state, actors), CLIENTS_PER_QUERY
        )
        self.room_lists: DataLoader[HelloState, RoomListResult] = DataLoader(
            lambda states: database.read_directly(load_room_list, states),
            ROOMS_PER_QUERY,
            cost=len,
        )


async def load_hello_state(
    reads: DirectReads, actors: Sequence[Actor]
) -> list[HelloState | ChatError]:
    """The database's time and the actors' rooms; SessionEnded for a session that has ended, which
    it may have before the hub knew of the connection."""
    states = await reads.session_states.list_rooms({actor.session for actor in actors}, now())
    return [
        HelloState(actor.user, states[actor.session][0], frozenset(states[actor.session][1]))
        if actor.session in states
        else SessionEnded("This session was ended. Log in again.")
        for actor in actors
    ]


async def load_room_list(
    reads: DirectReads, requests: Sequence[HelloState]
) -> list[RoomListResult | ChatError]:
    """Several connections of one user all get what has changed since the oldest of their
    snapshots: a room that has not changed does no harm."""
    since: dict[UUID, datetime | None] = {}
    for request in requests:
        at = request.since - COMMIT_OVERLAP if request.since else None
        oldest = since.setdefault(request.user, at)
        since[request.user] = min(oldest, at) if oldest and at else None
    rooms, left_rooms = defaultdict(list), defaultdict(list)
    changed, departures = await reads.room_lists.since(since)
    for row in changed:
        rooms[row.user].append(_entry(row))
    for user, room in departures:
        left_rooms[user].append(room)
    return [
        RoomListResult(
            full=request.since is None,
            rooms=rooms[request.user],
            left_rooms=[room for room in left_rooms[request.user] if room not in request.rooms],
        )
        for request in requests
    ]


def _entry(row: RoomListRow) -> RoomEntry:
    return RoomEntry(room=row.id, **room_state(RoomView(row, row, row)))
