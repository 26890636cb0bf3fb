"""Seed data: users with valid access tokens, rooms and messages, inserted directly into the tables.

The users have no passwords, because hashing them would take longer than everything else.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.clock import now
from app.core.ids import new_id
from app.core.tokens import Claims, Tokens
from app.persistence.engine import create_engines
from app.persistence.search.writes import IndexedMessage
from app.persistence.tables import (
    Base,
    Member,
    MessageRow,
    Room,
    RoomEventRow,
    Session,
    User,
)
from app.settings import Settings
from app.wire.domain import Role, RoomKind

LIFETIME = timedelta(days=1)
ROWS_PER_INSERT = 2000


@dataclass(frozen=True)
class SeededUser:
    id: UUID
    token: str
    rooms: list[UUID]

    def hello(self, rooms: Iterable[UUID] = (), **fields: Any) -> bytes:
        """The `hello` frame that subscribes to `rooms`. `positions` in `fields` replaces these."""
        positions = fields.pop("positions", None) or [{"room": str(room)} for room in rooms]
        return orjson.dumps({"type": "hello", "token": self.token, "rooms": positions} | fields)


async def seed_database(
    settings: Settings,
    user_count: int,
    room_count: int,
    joined_rooms: Callable[[int], Iterable[int]],
) -> tuple[list[SeededUser], list[UUID]]:
    """`joined_rooms` maps the number of a user to the numbers of their rooms."""
    rooms = [new_id() for _ in range(room_count)]
    users = [(new_id(), new_id(), [rooms[r] for r in joined_rooms(u)]) for u in range(user_count)]
    at = now()
    async with open_connection(settings) as connection:
        await _insert(connection, User, (_user(user, at) for user, _, _ in users))
        await _insert(connection, Session, (_session(s, user, at) for user, s, _ in users))
        await _insert(connection, Room, (_room(room, n, at) for n, room in enumerate(rooms)))
        await _insert(
            connection,
            Member,
            (_member(room, user, at) for user, _, joined in users for room in joined),
        )
    tokens = Tokens(settings.auth.keys, settings.auth.issuer)
    return [
        SeededUser(user, tokens.sign(Claims(user, session), at, at + LIFETIME), joined)
        for user, session, joined in users
    ], rooms


async def fill_room(
    settings: Settings, room: UUID, sender: UUID, count: int, texts: list[str]
) -> None:
    """Insert `count` messages with their events; read markers and counts stay as they are."""
    at = now()
    async with open_connection(settings) as connection:
        for start in range(1, count + 1, 10 * ROWS_PER_INSERT):
            seqs = range(start, min(start + 10 * ROWS_PER_INSERT, count + 1))
            await _insert(
                connection,
                MessageRow,
                (
                    {
                        "room_id": room,
                        "seq": seq,
                        "sender_id": sender,
                        "nonce": f"n{seq}",
                        "text": texts[seq % len(texts)],
                        "at": at,
                    }
                    for seq in seqs
                ),
            )
            await _insert(
                connection,
                RoomEventRow,
                (
                    {
                        "room_id": room,
                        "seq": seq,
                        "type": "message.created",
                        "actor_id": sender,
                        "at": at,
                        "message_seq": seq,
                        "message_count": seq,
                        "last_message_seq": seq,
                    }
                    for seq in seqs
                ),
            )
        await connection.execute(update(Room).where(Room.id == room).values(seq=count))


async def insert_messages(settings: Settings, messages: Iterable[IndexedMessage]) -> None:
    """Insert messages without their events."""
    async with open_connection(settings) as connection:
        await _insert(
            connection,
            MessageRow,
            (
                {
                    "room_id": message.room,
                    "seq": message.seq,
                    "sender_id": message.sender,
                    "nonce": f"n{message.seq}",
                    "text": message.text,
                    "at": message.at,
                }
                for message in messages
            ),
        )


@asynccontextmanager
async def open_connection(settings: Settings) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction that commits at the end."""
    engines = create_engines(settings.database)
    try:
        async with engines.write.begin() as connection:
            yield connection
    finally:
        await engines.dispose()


async def _insert(
    connection: AsyncConnection, table: type[Base], rows: Iterable[dict[str, Any]]
) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == ROWS_PER_INSERT:
            await connection.execute(insert(table), batch)
            batch.clear()
    if batch:
        await connection.execute(insert(table), batch)


def _user(user: UUID, at: datetime) -> dict[str, Any]:
    name = user.hex  # as long as a username may be
    return {
        "id": user,
        "username": name,
        "username_key": name,
        "display_name": name,
        "display_key": name,
        "is_admin": False,
        "created_at": at,
    }


def _session(session: UUID, user: UUID, at: datetime) -> dict[str, Any]:
    return {
        "id": session,
        "user_id": user,
        "client": "bench",
        "address": "127.0.0.1",
        "created_at": at,
        "used_at": at,
        "expires_at": at + LIFETIME,
    }


def _room(room: UUID, number: int, at: datetime) -> dict[str, Any]:
    return {
        "id": room,
        "kind": RoomKind.PUBLIC,
        "name": f"Room {number}",
        "name_key": f"room {number}",
        "topic": "",
        "seq": 0,
        "created_at": at,
        "changed_at": at - LIFETIME,
    }


def _member(room: UUID, user: UUID, at: datetime) -> dict[str, Any]:
    return {
        "room_id": room,
        "user_id": user,
        "role": Role.MEMBER,
        "joined_at": at,
        "read_seq": 0,
        "changed_at": at - LIFETIME,
    }
