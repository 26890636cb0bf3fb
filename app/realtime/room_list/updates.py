"""Updates of lists of rooms: what has changed is read in one query and sent as one frame to each
connection, in the shape in which `hello` lists it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from app.core.sync_tokens import ListPosition
from app.persistence.database import Database
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.room_lists import RoomListRow
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.realtime.room_list.state import RoomListState, StaleEntry
from app.realtime.transport.ws_protocol import text_frame
from app.rooms.views import encode_entry
from app.settings import Realtime
from app.wire.errors import ChatError
from app.wire.frames import encode_room_list

log = structlog.get_logger(__name__)

ENTRIES_PER_QUERY = 500
# Of one connection in one update: with the longest names and topics, less than it may leave unread.
MAX_ENTRIES = 100

# The position that a user's connections have reached, None if that is not known.
FindPosition = Callable[[UUID], ListPosition | None]
IssueSnapshot = Callable[[UUID, ListPosition], str]
# Sends changed items. Returns the connections that lack some.
SendItems = Callable[[], Awaitable[Collection[Connection]]]


@dataclass(slots=True)
class RoomListUpdates:
    """Sends to each connection what has changed in its list, and before that its changed items: a
    snapshot says that it has both."""

    hub: Hub
    state: RoomListState
    database: Database
    find_position: FindPosition
    issue_snapshot: IssueSnapshot
    send_items: SendItems

    async def run(self, settings: Realtime) -> None:
        """Runs forever: every half second, for large rooms every five."""
        interval_s = settings.badge_interval_ms / 1000
        large_every = max(1, round(settings.badge_interval_large_ms / settings.badge_interval_ms))
        rounds = 0
        while True:
            await asyncio.sleep(interval_s)
            rounds += 1
            entries = self.state.take_due(with_large=rounds % large_every == 0)
            try:
                await (self._send(entries) if entries else self.send_items())
            except Exception as error:
                self.state.put_back(entries)
                if not isinstance(error, ChatError):
                    raise
                log.warning("room_list.update_failed", error=error.detail)

    async def _send(self, entries: Collection[StaleEntry]) -> None:
        due, deferred = self._split(entries)
        self.state.put_back(deferred)
        waiting = {connection for connection, _ in deferred}
        due += self._open_rooms({connection: None for connection, _ in due})
        members = {entry for entry in due if self.hub.is_member(*entry)}
        # Before items and rooms are read: what changes later is noted again.
        positions = {c.user: self.find_position(c.user) for c, _ in due}
        waiting.update(await self.send_items())
        rows = await _read(self.database, {(room, connection.user) for connection, room in due})
        updates = self._apply(due, rows, members)
        admins = {connection.user for connection, _ in due if connection.actor.is_admin}
        encoded = {
            key: encode_entry(row, is_server_admin=row.user in admins) for key, row in rows.items()
        }
        for connection, update in updates.items():
            user = connection.user
            position = None if connection in waiting else positions[user]
            frame = encode_room_list(
                [encoded[room, user] for room in update.rooms],
                full=False,
                gone=update.gone,
                snapshot=self.issue_snapshot(user, position) if position else None,
            )
            connection.send_raw(text_frame(frame))

    def _split(self, entries: Collection[StaleEntry]) -> tuple[list[StaleEntry], list[StaleEntry]]:
        """Those that can be sent now, and those that wait until their connection reads."""
        due: list[StaleEntry] = []
        deferred: list[StaleEntry] = []
        counts: Counter[Connection] = Counter()
        for entry in entries:
            connection = entry[0]
            if connection not in self.hub.connections:
                continue
            counts[connection] += 1
            waits = not connection.room_list_sent or connection.write_paused
            (deferred if waits or counts[connection] > MAX_ENTRIES else due).append(entry)
        return due, deferred

    def _open_rooms(self, connections: Iterable[Connection]) -> list[StaleEntry]:
        """Rooms that are open, and went on since their last entry. A client cannot tell from events
        whether it was mentioned, and the snapshot of the update says that it has all."""
        return [
            (connection, subscription.room.id)
            for connection in connections
            for subscription in connection.subscriptions.values()
            if subscription.room.stream.head > subscription.listed_seq
        ]

    def _apply(
        self,
        due: Sequence[StaleEntry],
        rows: dict[tuple[UUID, UUID], RoomListRow],
        members: Collection[StaleEntry],
    ) -> "dict[Connection, _Update]":
        """Note in the hub who is a member, in whatever order the publications came. Where a room is
        open, the event of its log closes it first."""
        hub = self.hub
        updates: dict[Connection, _Update] = defaultdict(_Update)
        for connection, room in due:
            is_member = hub.is_member(connection, room)
            if (room, connection.user) not in rows:
                if room not in connection.subscriptions:
                    hub.remove_member(connection, room)
                    updates[connection].gone.append(room)
            elif is_member or (connection, room) not in members:  # else evicted since it was read
                hub.add_member(connection, room)
                updates[connection].rooms[room] = None
                if subscription := connection.subscriptions.get(room):
                    subscription.listed_seq = rows[room, connection.user].seq
        return updates


@dataclass(slots=True)
class _Update:
    """The rooms of one frame."""

    rooms: dict[UUID, None] = field(default_factory=dict)  # in their order, each once
    gone: list[UUID] = field(default_factory=list)


async def _read(
    database: Database, pairs: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], RoomListRow]:
    rows: dict[tuple[UUID, UUID], RoomListRow] = {}
    ordered = list(pairs)
    for start in range(0, len(ordered), ENTRIES_PER_QUERY):
        chunk = ordered[start : start + ENTRIES_PER_QUERY]
        for row in await database.read_directly(_entries, chunk):
            rows[row.id, row.user] = row
    return rows


async def _entries(reads: DirectReads, pairs: list[tuple[UUID, UUID]]) -> list[RoomListRow]:
    return await reads.room_lists.entries(pairs)
