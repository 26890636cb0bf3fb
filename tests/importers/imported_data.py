"""The content of a database without the ids that differ between imports."""

from collections import defaultdict
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import aliased

from app.persistence.database import Database
from app.persistence.message_tables import Mention
from app.persistence.tables import Member, MessageRow, Room, RoomEventRow, User
from app.persistence.uow import ReadSession
from testkit.servers.backend import delete_all_rows

Place = tuple[str, int]  # a room's origin, and a seq


class Contents(NamedTuple):
    """By origin. Events: type, actor, time. Messages: sender, nonce, text, time."""

    users: list[Any]
    rooms: list[Any]
    members: list[Any]
    events: dict[Place, Any]
    messages: dict[Place, Any]
    mentions: dict[Place, set[str]]

    def names(self) -> dict[str, str]:
        return {origin: username for origin, username, *_ in self.users}

    def log(self, room: str) -> list[str]:
        """The types of the events of a log; checks that they are numbered 1, 2, 3, …"""
        types = [event[0] for (origin, _), event in self.events.items() if origin == room]
        assert [seq for origin, seq in self.events if origin == room] == list(
            range(1, len(types) + 1)
        )
        return types


async def read_contents(database: Database) -> Contents:
    sender = aliased(User)
    events = await _rows(
        database,
        select(Room.origin, RoomEventRow.seq, RoomEventRow.type, sender.origin, RoomEventRow.at)
        .join(Room, Room.id == RoomEventRow.room_id)
        .join(sender, sender.id == RoomEventRow.actor_id)
        .order_by(Room.origin, RoomEventRow.seq),
    )
    messages = await _rows(
        database,
        select(
            Room.origin,
            MessageRow.seq,
            sender.origin,
            MessageRow.nonce,
            MessageRow.text,
            MessageRow.at,
        )
        .join(Room, Room.id == MessageRow.room_id)
        .join(sender, sender.id == MessageRow.sender_id)
        .order_by(Room.origin, MessageRow.seq),
    )
    mentions = defaultdict(set)
    for room, seq, user in await _rows(
        database,
        select(Room.origin, Mention.seq, User.origin)
        .join(Room, Room.id == Mention.room_id)
        .join(User, User.id == Mention.user_id),
    ):
        mentions[room, seq].add(user)
    users = select(
        User.origin, User.username, User.display_name, User.password_hash, User.created_at
    )
    rooms = select(Room.origin, Room.kind, Room.name, Room.seq, Room.created_at)
    members = (
        select(Room.origin, User.origin, Member.role, Member.joined_at, Member.read_seq)
        .join(Room, Room.id == Member.room_id)
        .join(User, User.id == Member.user_id)
    )
    return Contents(
        sorted(await _rows(database, users), key=str),
        sorted(await _rows(database, rooms), key=str),
        sorted(await _rows(database, members), key=str),
        {(room, seq): tuple(event) for room, seq, *event in events},
        {(room, seq): tuple(message) for room, seq, *message in messages},
        dict(mentions),
    )


async def _rows(database: Database, query: Any) -> list[Any]:
    async with database._engines.read.connect() as connection:
        return [tuple(row) for row in await connection.execute(query)]


async def check_logs(database: Database) -> None:
    """Every room's log is 1, 2, 3, …, and every message is in it."""
    _, broken = await database.read(_density)
    assert broken == []
    found = await read_contents(database)
    said = [index for index, event in found.events.items() if event[0] == "message.created"]
    assert list(found.messages) == said


async def _density(reader: ReadSession) -> tuple[int, list[Any]]:
    return await reader.events.find_broken_logs()


async def delete_everything(database: Database) -> None:
    """Delete every row."""
    async with database._engines.write.begin() as connection:
        await delete_all_rows(connection)
