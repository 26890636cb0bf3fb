"""Small use cases: they write like those of the program, without its rules."""

from uuid import UUID

from sqlalchemy import func, select

from app.core.clock import now
from app.core.ids import new_id
from app.messages.send.batch import next_message
from app.persistence.database import Database
from app.persistence.repositories.batch_writes import (
    UserMention,
)
from app.persistence.tables import Base, Room, User
from app.persistence.uow import ReadSession, UnitOfWork
from app.wire.content import Content
from app.wire.domain import RoomKind
from app.wire.events import RoomCreated, RoomDetails


def make_user(name: str) -> User:
    return User(
        id=new_id(),
        username=name,
        username_key=name,
        display_name=name,
        display_key=name,
        created_at=now(),
    )


async def add_user(uow: UnitOfWork, name: str) -> UUID:
    user = make_user(name)
    uow.users.add(user)
    await uow.flush()
    return user.id


async def open_room(uow: UnitOfWork, actor: UUID) -> UUID:
    """Create a room with its first event."""
    room = Room(id=new_id(), kind=RoomKind.PUBLIC, topic="", seq=0, created_at=now())
    locked = await uow.rooms.add(room)
    details = RoomDetails(kind=RoomKind.PUBLIC, name=None, topic="")
    uow.append_event(
        locked,
        lambda seq: RoomCreated(
            room=locked.id, seq=seq, actor=actor, at=locked.created_at, details=details
        ),
    )
    return room.id


async def send(
    uow: UnitOfWork, room_id: UUID, sender: UUID, text: str, nonce: str, *mentioned: UUID
) -> int:
    """Append a message and return its seq."""
    room = (await uow.message_batch.lock_rooms([room_id], wait=True))[room_id]
    created = next_message(room_id, room, sender, nonce, Content(text=text), now())
    event = created.event
    mentions = [UserMention(user, room_id, event.seq) for user in mentioned]
    await uow.append_messages([created], mentions)
    return event.seq


async def logged_seqs(reader: ReadSession, room_id: UUID) -> list[int]:
    """The seqs of the log."""
    return sorted(event.seq for event in await reader.events.list_ranges([(room_id, 0, 2**53)]))


async def room_head(reader: ReadSession, room_id: UUID) -> int:
    return (await reader.rooms.latest_seqs([room_id]))[room_id]


async def row_counts(database: Database) -> dict[str, int]:
    """The number of rows of every table."""
    async with database._engines.read.connect() as connection:
        return {
            table.name: await connection.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }
