"""Rooms with messages, and the stored state of a consumer."""

from datetime import date
from uuid import UUID

from sqlalchemy import Date, func, select

from app.persistence.database import Database
from app.persistence.repositories.consumers import Lease, Standing
from app.persistence.repositories.statistics import DayCount
from app.persistence.tables import RoomEventRow
from app.persistence.uow import ReadSession, UnitOfWork
from tests.persistence.factories import open_room, send


async def open_rooms(database: Database, sender: UUID, rooms: int, messages: int) -> list[UUID]:
    """Each room has one event more than messages: its creation."""
    ids = [await database.transact(open_room, sender) for _ in range(rooms)]
    for room in ids:
        for n in range(messages):
            await database.transact(send, room, sender, "hello", f"n{n}")
    return ids


async def standings(reads: ReadSession) -> list[Standing]:
    return await reads.consumers.standings()


async def acquire(uow: UnitOfWork, lease: Lease) -> bool:
    return await uow.consumers.acquire(lease)


async def renew(uow: UnitOfWork, lease: Lease) -> bool:
    return await uow.consumers.renew(lease)


async def release(uow: UnitOfWork, lease: Lease) -> None:
    await uow.consumers.release(lease)


async def counted(reads: ReadSession) -> list[DayCount]:
    return await reads.statistics.page(date.min, date.max, None, 10_000)


async def stored_counts(database: Database) -> set[tuple[date, UUID, int]]:
    return set(await database.read(counted))


async def logged_counts(database: Database) -> set[tuple[date, UUID, int]]:
    """The message statistics according to the logs."""
    day = func.date(RoomEventRow.at, type_=Date)
    query = (
        select(day, RoomEventRow.room_id, func.count())
        .where(RoomEventRow.type == "message.created")
        .group_by(day, RoomEventRow.room_id)
    )
    async with database._engines.read.connect() as connection:
        return {(day, room, number) for day, room, number in await connection.execute(query)}
