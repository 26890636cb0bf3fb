"""The list of rooms that answers `hello`: all of a user's, or what has changed since a snapshot,
with the items that have changed since then.

Loaded for many users at once: when a process ends, all its clients come back.

A snapshot is a position in the user's log, for what concerns the user alone, and a time of the
database's clock, for what has changed in rooms. The clock may step back (a failover, a correction).
What changes after such a step is stamped as if it was older than the snapshot. So a step is counted
(`repositories/server_state.py`), and snapshots from before it are void: their lists are full. Until
it is counted the time of a hello is before that of the snapshot, and its list is full as well.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.sync_tokens import ListPosition
from app.persistence.data_loader import DataLoader
from app.persistence.database import Database
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.room_lists import ListChanges
from app.realtime.transport.ws_protocol import text_frame
from app.rooms.views import encode_entry
from app.wire.errors import ChatError, SessionEnded
from app.wire.frames import encode_item, encode_room_list

# A change is visible at its COMMIT, later than its timestamp: a list that was read in between lacks
# it. Longer than any transaction may take, than a change may wait in `realtime/room_list/` until it
# is sent, and than a step back of the clock that is too small to be counted.
COMMIT_OVERLAP = timedelta(seconds=60)
ROOMS_PER_FRAME = 20  # with the longest names and topics, less than a connection may leave unread
LEFT_ROOMS_PER_FRAME = 500
ITEMS_PER_WRITE = 20  # with the longest texts, likewise
CLIENTS_PER_QUERY, ROOMS_PER_QUERY = 200, 1000


@dataclass(frozen=True, slots=True)
class HelloState:
    """`position` is that of the user before `rooms` were read, which were read before the list:
    what changes after it may be missing from the list. The user's log begins after
    `trimmed_seq`."""

    user: UUID
    position: ListPosition
    trimmed_seq: int
    rooms: Sequence[UUID]

    def includes(self, since: ListPosition) -> bool:
        """Whether what has changed since then can be told: the log has it, and the clock has not
        stepped back."""
        seq, at = self.position
        return self.trimmed_seq <= since.seq <= seq and since.at <= at


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list to load; `since` is None for all rooms."""

    user: UUID
    since: ListPosition | None
    room_count: int
    is_server_admin: bool

    def cost(self) -> int:
        """A query has at most CLIENTS_PER_QUERY users and about ROOMS_PER_QUERY rooms."""
        return max(self.room_count, ROOMS_PER_QUERY // CLIENTS_PER_QUERY)


@dataclass(frozen=True, slots=True)
class RoomListResult:
    full: bool
    entries: Sequence[bytes]
    gone: Sequence[UUID]
    items: Sequence[bytes]  # frames; none if the list is full

    def frames(self, snapshot: str) -> Iterator[bytes]:
        """Only the last frame has the snapshot: a client that has it has received all frames. So
        after items there is one more, without rooms."""
        yield from self._room_frames(None if self.items else snapshot)
        for n in range(0, len(self.items), ITEMS_PER_WRITE):
            yield b"".join(self.items[n : n + ITEMS_PER_WRITE])
        if self.items:
            yield text_frame(encode_room_list([], full=False, gone=[], snapshot=snapshot))

    def _room_frames(self, snapshot: str | None) -> Iterator[bytes]:
        count = max(
            1,
            -(-len(self.entries) // ROOMS_PER_FRAME),
            -(-len(self.gone) // LEFT_ROOMS_PER_FRAME),
        )
        for n in range(count):
            yield text_frame(
                encode_room_list(
                    self.entries[n * ROOMS_PER_FRAME : (n + 1) * ROOMS_PER_FRAME],
                    full=self.full and n == 0,
                    gone=self.gone[n * LEFT_ROOMS_PER_FRAME : (n + 1) * LEFT_ROOMS_PER_FRAME],
                    snapshot=snapshot if n == count - 1 else None,
                )
            )


class RoomListLoader:
    """Batches the queries of connections that say hello at the same time."""

    def __init__(self, database: Database) -> None:
        self.hello_states: DataLoader[Actor, HelloState] = DataLoader(
            lambda actors: database.read_directly(load_hello_state, actors), CLIENTS_PER_QUERY
        )
        self.room_lists: DataLoader[ListRequest, RoomListResult] = DataLoader(
            lambda requests: database.read_directly(load_room_list, requests),
            ROOMS_PER_QUERY,
            cost=ListRequest.cost,
        )


async def load_hello_state(
    reads: DirectReads, actors: Sequence[Actor]
) -> list[HelloState | ChatError]:
    """The actors' positions and rooms; SessionEnded for a session that has ended, which it may
    have before the hub knew of the connection."""
    sessions = {actor.session: actor.user for actor in actors}
    positions, rooms = await reads.session_states.list_rooms(sessions, now())
    return [
        HelloState(actor.user, *positions[actor.session], rooms.get(actor.user, ()))
        if actor.session in positions
        else SessionEnded("This session was ended. Log in again.")
        for actor in actors
    ]


async def load_room_list(
    reads: DirectReads, requests: Sequence[ListRequest]
) -> list[RoomListResult | ChatError]:
    """Several connections of one user all get what has changed since the oldest of their
    snapshots, or all rooms: a room that has not changed does no harm."""
    full = {request.user for request in requests if request.since is None}
    since: dict[UUID, ListPosition] = {}
    for request in requests:
        if request.since is not None and request.user not in full:
            seq, at = request.since.seq, request.since.at - COMMIT_OVERLAP
            oldest = since.get(request.user, ListPosition(seq, at))
            since[request.user] = ListPosition(min(oldest.seq, seq), min(oldest.at, at))
    changes = await reads.room_lists.changes(since) if since else ListChanges([], [], [])
    values = await reads.items.read(changes.items) if changes.items else {}
    rows = [*changes.rooms, *(await reads.room_lists.all_rooms(full) if full else ())]
    entries: dict[UUID, list[bytes]] = defaultdict(list)
    gone: dict[UUID, list[UUID]] = defaultdict(list)
    admins = {request.user for request in requests if request.is_server_admin}
    for row in rows:
        entry = encode_entry(row, is_server_admin=row.user in admins)
        entries[row.user].append(entry)
    for user, room in changes.gone:
        gone[user].append(room)
    items: dict[UUID, list[bytes]] = defaultdict(list)
    for (user, item), value in values.items():
        items[user].append(text_frame(encode_item(item, value)))
    return [
        RoomListResult(user in full, entries[user], gone[user], items[user])
        for user in (request.user for request in requests)
    ]
