"""Consumers of the logs: which process runs each, and how far it has handled every room's log."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Table,
    Update,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.consumer_tables import ConsumerLease, ConsumerPosition
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.upsert import upsert
from app.persistence.tables import Room, columns

# How the name of a lease begins that belongs to a job, which runs once in a cluster.
JOB_PREFIX = "job:"
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)

_lease, _position, _room = columns(ConsumerLease), columns(ConsumerPosition), columns(Room)
_LEASE_TABLE, _POSITION_TABLE, _ROOM_TABLE = (
    cast(Table, model.__table__) for model in (ConsumerLease, ConsumerPosition, Room)
)
_IS_VALID = _lease.expires_at > DatabaseNow()
_HANDLED = func.coalesce(_position.seq, 0)


def _unread(consumer: Any, *shown: Any) -> Any:
    """Of rooms whose log goes on after the position of a consumer, and that are not deleted."""
    at = and_(_position.consumer == consumer, _position.room_id == _room.id)
    return (
        select(*shown)
        .select_from(_ROOM_TABLE.outerjoin(_POSITION_TABLE, at))
        .where(_room.seq > _HANDLED, _room.deleted_at.is_(None))
    )


_UNREAD_RANGES = _unread(bindparam("consumer"), _room.id, _HANDLED, _room.seq)
_OF_ROOMS = _UNREAD_RANGES.where(_room.id.in_(bindparam("rooms", expanding=True)))
_OF_PAGE = _UNREAD_RANGES.where(_room.id > bindparam("after"), _room.id <= bindparam("last"))
_PAGE_END = (
    select(_room.id)
    .where(_room.id > bindparam("after"))
    .order_by(_room.id)
    .offset(bindparam("skip"))
    .limit(1)
)
# Takes no lock of a room (READ COMMITTED). An event that commits later is after the position.
_START_AT_HEADS = insert(_POSITION_TABLE).from_select(
    [_position.consumer, _position.room_id, _position.seq],
    select(bindparam("consumer", type_=_position.consumer.type), _room.id, _room.seq).where(
        _room.deleted_at.is_(None)
    ),
)
_LAG = _unread(_lease.consumer, func.coalesce(func.sum(_room.seq - _HANDLED), 0)).correlate(
    _LEASE_TABLE
)


class LogRange(NamedTuple):
    """The events of a room with `after` < seq <= `until`."""

    room: UUID
    after: int
    until: int


class Lease(NamedTuple):
    """The claim of a process to be the only one that runs a consumer, for `ttl_s` seconds."""

    consumer: str
    holder: UUID
    ttl_s: int


def _blocks(lease: Lease) -> ColumnElement[bool]:
    """Whether the lease that is there is valid. One that ends far later than it could was taken
    before the clock was set back: its holder may have ended long ago."""
    return and_(_IS_VALID, _lease.expires_at <= DatabaseNow(-2 * lease.ttl_s))


class Standing(NamedTuple):
    """Whether a process runs the consumer, and how many events it has not handled."""

    consumer: str
    is_running: bool
    lag: int


class ConsumerReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def is_leased_elsewhere(self, lease: Lease) -> bool:
        """Another holder has a valid lease. Waits for no lock."""
        query = select(_lease.consumer).where(
            _lease.consumer == lease.consumer, _lease.holder != lease.holder, _blocks(lease)
        )
        return await self._session.scalar(query) is not None

    async def page_end(self, after: UUID, rooms: int) -> UUID:
        """The last of the next `rooms` rooms by id; LAST_ID if there are fewer."""
        parameters = {"after": after, "skip": rooms - 1}
        return await self._session.scalar(_PAGE_END, parameters) or LAST_ID

    async def unread_between(self, consumer: str, after: UUID, last: UUID) -> list[LogRange]:
        """Of the rooms with `after` < id <= `last`."""
        return await self._ranges(_OF_PAGE, {"consumer": consumer, "after": after, "last": last})

    async def total_events(self, consumer: str) -> tuple[int, int]:
        """The events of all logs, and those that the consumer has not handled. Slow: it looks at
        all rooms."""
        total = await self._session.scalar(select(func.coalesce(func.sum(_room.seq), 0)))
        unread = await self._session.scalar(
            _unread(bindparam("consumer"), func.coalesce(func.sum(_room.seq - _HANDLED), 0)),
            {"consumer": consumer},
        )
        return int(total or 0), int(unread or 0)

    async def unread_in(self, consumer: str, rooms: Collection[UUID]) -> list[LogRange]:
        return await self._ranges(_OF_ROOMS, {"consumer": consumer, "rooms": list(rooms)})

    async def standings(self) -> list[Standing]:
        """Of every consumer that has ever run. Slow: it looks at all rooms."""
        query = (
            select(_lease.consumer, _IS_VALID, _LAG.scalar_subquery())
            .where(_lease.consumer.not_like(f"{JOB_PREFIX}%"))
            .order_by(_lease.consumer)
        )
        rows = await self._session.execute(query)
        return [Standing(name, bool(valid), int(lag)) for name, valid, lag in rows]

    async def _ranges(self, query: Any, parameters: Mapping[str, Any]) -> list[LogRange]:
        return [LogRange(*row) for row in await self._session.execute(query, parameters)]


class Consumers(ConsumerReads):
    async def acquire(self, lease: Lease, *, start_at_heads: bool = False) -> bool:
        """False while another process holds a valid lease. `start_at_heads`: the first lease of a
        consumer also moves its positions to the heads of all logs."""
        if await self._extend(lease, or_(_lease.holder == lease.holder, ~_blocks(lease))):
            return True
        if await self._session.scalar(
            select(_lease.consumer).where(_lease.consumer == lease.consumer)
        ):
            return False
        values = {"consumer": lease.consumer, "holder": lease.holder}
        await self._session.execute(
            insert(_LEASE_TABLE).values(**values, expires_at=DatabaseNow(-lease.ttl_s))
        )
        if start_at_heads:
            await self._session.execute(_START_AT_HEADS, {"consumer": lease.consumer})
        return True

    async def renew(self, lease: Lease) -> bool:
        """False if the lease has expired. If not, its row is locked: no other process acquires it
        before this unit of work ends."""
        return await self._extend(lease, and_(_lease.holder == lease.holder, _IS_VALID))

    async def release(self, lease: Lease) -> None:
        """Expire the lease now, if it is still this holder's."""
        await self._session.execute(
            update(_LEASE_TABLE)
            .where(_lease.consumer == lease.consumer, _lease.holder == lease.holder)
            .values(expires_at=DatabaseNow())
        )

    async def advance(self, consumer: str, handled: Sequence[LogRange]) -> None:
        """Move the positions of the consumer to the ends of these ranges."""
        await self._session.execute(
            upsert(self._session, _POSITION_TABLE, replace=["seq"]),
            [{"consumer": consumer, "room_id": span.room, "seq": span.until} for span in handled],
        )

    async def forget_positions(self, consumer: str) -> None:
        """It begins anew."""
        await self._session.execute(delete(_POSITION_TABLE).where(_position.consumer == consumer))

    async def _extend(self, lease: Lease, condition: Any) -> bool:
        statement: Update = (
            update(_LEASE_TABLE)
            .where(_lease.consumer == lease.consumer, condition)
            .values(holder=lease.holder, expires_at=DatabaseNow(-lease.ttl_s))
        )
        result = cast("CursorResult[Any]", await self._session.execute(statement))
        return result.rowcount == 1
