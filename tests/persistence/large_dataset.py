"""Tables with so many rows that a full scan is a bad plan."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.actor import Actor
from app.core.clock import now
from app.core.ids import new_id
from app.core.sync_tokens import ListPosition
from app.persistence.database import Database
from app.persistence.message_tables import Mention, ThreadFollower, ThreadMessage, ThreadRow
from app.persistence.tables import (
    Base,
    Departure,
    Member,
    MessageRow,
    Room,
    RoomEventRow,
    Session,
    Ticket,
    User,
    UserEventRow,
    UserLog,
)
from app.persistence.uow import UnitOfWork
from app.realtime.connection.room_list import ListRequest
from app.wire.domain import Role, RoomKind
from app.wire.user_events import UserEventType
from tests.persistence.large_items import block_table, item_tables, mention_tables
from tests.persistence.large_moderation import moderation_tables

USER_COUNT, ROOM_COUNT = 8000, 1000
LONG_ROOM_MESSAGES, SHORT_ROOM_MESSAGES = 6000, 5  # messages of the first room, and of every other
LARGE_ROOM_MEMBERS = 1000  # members of the first room; every other has ten
ACTOR_ROOMS = 40  # rooms of the actor
THREADS, THREADS_FOLLOWED = 2000, 40  # of the first room; those that the actor follows
LONG_THREAD, LONG_THREAD_REPLIES = 1, 2000  # root and replies of a thread of the first room
ACTOR_LOG, SHORT_LOG = 6000, 2  # events of the actor's log, and of that of every other user
ROWS_PER_INSERT = 2000

Rows = list[dict[str, Any]]


class LargeDataset(NamedTuple):
    database: Database
    actor: Actor
    users: list[UUID]
    rooms: list[UUID]

    @property
    def room(self) -> UUID:
        """The room with a long log and many members, including the actor."""
        return self.rooms[0]

    @property
    def uncounted_room(self) -> UUID:
        """A room to which a program of the step before has written."""
        return self.rooms[1]

    def list_request(self, *, since: bool) -> ListRequest:
        position = ListPosition(ACTOR_LOG - 20, now()) if since else None
        return ListRequest(self.actor.user, position, ACTOR_ROOMS, is_server_admin=False)


async def create_large_dataset(database: Database) -> LargeDataset:
    """All rows are a day old, so queries for the last seconds find few."""
    users = [new_id() for _ in range(USER_COUNT)]
    rooms = [new_id() for _ in range(ROOM_COUNT)]
    session = new_id()
    ended = now() + timedelta(days=30)
    async with database._engines.write.begin() as connection:
        for table, rows in _tables(users, rooms, session):
            await _insert(connection, table, rows)
    for room in rooms:
        await database.transact(_index_messages, room)
    return LargeDataset(database, Actor(users[0], session, False, ended), users, rooms)


async def _index_messages(uow: UnitOfWork, room: UUID) -> None:
    messages = await uow.indexed_messages.list_after(room, 0, LONG_ROOM_MESSAGES)
    await uow.search.index(messages)


def _tables(
    users: list[UUID], rooms: list[UUID], session: UUID
) -> Iterator[tuple[type[Base], Rows]]:
    at, later = now() - timedelta(days=1), now() + timedelta(days=30)
    yield (
        User,
        [
            {
                "id": user,
                "username": f"user-{n}",
                "username_key": f"user-{n}",
                "display_name": f"User {n}",
                "display_key": f"user {n}",
                "is_admin": False,
                "created_at": at,
            }
            for n, user in enumerate(users)
        ],
    )
    sessions = {user: session if n == 0 else new_id() for n, user in enumerate(users)}
    yield (
        Session,
        [
            {
                "id": found,
                "user_id": user,
                "client": "",
                "address": "",
                "created_at": at,
                "used_at": at,
                "expires_at": later,
            }
            for user, found in sessions.items()
        ],
    )
    yield (
        Ticket,
        [
            {"digest": b"t" * 28 + n.to_bytes(4), "session_id": found, "expires_at": later}
            for n, found in enumerate(sessions.values())
        ],
    )
    yield (
        Room,
        [
            {
                "id": room,
                "kind": RoomKind.PUBLIC,
                "name": f"room {n}",
                "name_key": f"room {n}",
                "topic": "",
                "seq": SHORT_ROOM_MESSAGES if n else LONG_ROOM_MESSAGES,
                "created_at": at,
                "changed_at": at,
                # There are mentions of many, and none that entries of the list would count.
                "room_mention_seq": 0,
            }
            for n, room in enumerate(rooms)
        ],
    )
    backlogged = users[LARGE_ROOM_MEMBERS - 1]
    members = [
        (room, user)
        for n, room in enumerate(rooms)
        for user in dict.fromkeys(
            users[:LARGE_ROOM_MEMBERS]
            if n == 0
            else [*users[: n <= ACTOR_ROOMS], *(users[(n * 7 + k) % USER_COUNT] for k in range(10))]
        )
    ]
    yield (
        Member,
        [
            {
                "room_id": room,
                "user_id": user,
                "role": Role.MEMBER,
                "joined_at": at,
                "read_seq": 2
                if room != rooms[0] or user == backlogged
                else LONG_ROOM_MESSAGES - 10,
                # Not known: what the room has to be read for.
                "sent_seq": None if user == backlogged else 2,
                "mentioned_seq": None if user == backlogged else 2,
                "follows_threads": True if room == rooms[0] else None,
                "changed_at": at,
            }
            for room, user in members
        ],
    )
    yield (
        Departure,
        [
            {"user_id": user, "room_id": rooms[n % ROOM_COUNT], "at": at}
            for n, user in enumerate(users)
        ],
    )
    said = [
        (room, seq)
        for n, room in enumerate(rooms)
        for seq in range(1, (SHORT_ROOM_MESSAGES if n else LONG_ROOM_MESSAGES) + 1)
    ]
    yield (
        MessageRow,
        [
            {
                "room_id": room,
                "seq": seq,
                "sender_id": users[seq % 10],
                "nonce": f"n-{seq}",
                "text": f"text {seq}",
                "at": at,
                # In no such order that a page would end where replies begin.
                "in_timeline": room != rooms[0] or seq % 7 > 0,
            }
            for room, seq in said
        ],
    )
    yield (
        RoomEventRow,
        [
            {
                "room_id": room,
                "seq": seq,
                "type": "message.created",
                "actor_id": users[seq % 10],
                "at": at,
                "message_seq": seq,
                "message_count": (counted := None if room == rooms[1] else seq),
                "last_message_seq": counted,
            }
            for room, seq in said
        ],
    )
    yield (
        Mention,
        [
            {
                "user_id": users[seq % 50],
                "room_id": room,
                "seq": seq,
                "at": at + timedelta(seconds=seq),
            }
            for room, seq in said
        ]
        # Half of them by a sender whom all have blocked.
        + [
            {"user_id": backlogged, "room_id": rooms[0], "seq": seq, "at": at}
            for seq in range(101, LONG_ROOM_MESSAGES, 95)
        ],
    )
    yield block_table(users, at)
    yield from _threads(rooms[0], users, at)
    yield from mention_tables(users, rooms, at)
    yield from item_tables(users, rooms, at)
    yield from moderation_tables(users, rooms, at)
    logs = {user: SHORT_LOG if n else ACTOR_LOG for n, user in enumerate(users)}
    yield (
        UserLog,
        [{"user_id": user, "seq": length, "changed_at": at} for user, length in logs.items()],
    )
    yield (
        UserEventRow,
        [
            {
                "user_id": user,
                "seq": seq,
                "type": UserEventType.ROOM_READ,
                "room_id": rooms[seq % ROOM_COUNT],
                "at": at,
            }
            for user, length in logs.items()
            for seq in range(1, length + 1)
        ],
    )


def _threads(room: UUID, users: list[UUID], at: datetime) -> Iterator[tuple[type[Base], Rows]]:
    """The threads of the first room. Each has a reply, and one of them has many."""
    roots = range(1, THREADS + 1)
    yield (
        ThreadRow,
        [
            {
                "room_id": room,
                "root_seq": root,
                "last_seq": LONG_ROOM_MESSAGES - root,
                "last_at": at - timedelta(seconds=root),
            }
            for root in roots
        ],
    )
    replies = [(root, LONG_ROOM_MESSAGES - root) for root in roots if root != LONG_THREAD]
    replies += [(LONG_THREAD, LONG_ROOM_MESSAGES - n) for n in range(LONG_THREAD_REPLIES)]
    yield (
        ThreadMessage,
        [{"room_id": room, "root_seq": root, "seq": seq} for root, seq in replies],
    )
    yield (
        ThreadFollower,
        [
            {
                "room_id": room,
                "root_seq": root,
                "user_id": user,
                "read_seq": root,
                "is_following": True,
            }
            for n, user in enumerate(users[:LARGE_ROOM_MEMBERS])
            for root in (range(1, THREADS_FOLLOWED + 1) if n == 0 else (1, 2, 3, 4 + n % 100))
        ],
    )


async def _insert(connection: AsyncConnection, table: type[Base], rows: Rows) -> None:
    for start in range(0, len(rows), ROWS_PER_INSERT):
        await connection.execute(insert(table), rows[start : start + ROWS_PER_INSERT])
