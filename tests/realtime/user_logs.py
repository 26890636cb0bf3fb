"""Looks into users' logs, and writes what a test needs there."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import delete, insert, update

from app.core.clock import now
from app.persistence.database import Database
from app.persistence.tables import UserEventRow, UserLog
from app.persistence.uow import ReadSession
from app.wire.user_events import UserEvent, UserEventType
from testkit.people import Person


async def user_log(database: Database, person: Person) -> list[UserEvent]:
    async def read(reads: ReadSession) -> list[UserEvent]:
        return await reads.user_logs.list_events(UUID(person.id), 0, 1_000_000)

    return await database.read(read)


async def trim(database: Database, person: Person, seq: int) -> None:
    """Delete events up to `seq`."""
    user = UUID(person.id)
    async with database._engines.write.begin() as connection:
        await connection.execute(
            delete(UserEventRow).where(UserEventRow.user_id == user, UserEventRow.seq <= seq)
        )
        await connection.execute(
            update(UserLog).where(UserLog.user_id == user).values(trimmed_seq=seq)
        )


async def append(database: Database, person: Person, rooms: Iterable[str]) -> None:
    """Events that another process has logged, and of which nothing was published."""
    user = UUID(person.id)
    events = await user_log(database, person)
    rows = [
        {
            "user_id": user,
            "seq": seq,
            "type": UserEventType.ROOM_READ,
            "room_id": UUID(room),
            "at": now(),
        }
        for seq, room in enumerate(rooms, len(events) + 1)
    ]
    async with database._engines.write.begin() as connection:
        await connection.execute(insert(UserEventRow), rows)
        await connection.execute(
            update(UserLog).where(UserLog.user_id == user).values(seq=rows[-1]["seq"])
        )


def is_dense(events: list[UserEvent]) -> bool:
    return [event.seq for event in events] == list(range(1, len(events) + 1))
