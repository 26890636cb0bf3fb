"""What is left of rooms that were deleted, and is deleted later, a few rows at a time."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import Table, delete, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.consumer_tables import ConsumerPosition, MessageCount
from app.persistence.item_tables import Draft, Reminder, SavedMessage, ScheduledMessage
from app.persistence.message_tables import (
    DeletedMessage,
    ExpiringMessage,
    Mention,
    MessageVersion,
    PinRow,
    PollVote,
    ReactionRow,
    RoomMentionRow,
    RoomRetention,
    ThreadFollower,
    ThreadMessage,
    ThreadRow,
)
from app.persistence.moderation_tables import AuditRow, ReportRow
from app.persistence.room_tables import (
    JoinRequest,
    RoomInvite,
    RoomInviteUse,
    RoomPurge,
    RoomSanction,
    SlowModeSend,
)
from app.persistence.search_tables import SearchDocument
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.tables import (
    Base,
    Departure,
    Member,
    MessageRow,
    RoomEventRow,
    RoomNotificationSettings,
    UserEventRow,
    columns,
)

# What users have of a room: their logs have an event for each row that is deleted.
OF_USERS: tuple[type[Base], ...] = (Member, Draft, SavedMessage, ScheduledMessage, Reminder)
# Messages before their documents, so that none is indexed again. Last those tables that a database
# may have to read as a whole to find the rows of a room.
OF_ROOM: tuple[type[Base], ...] = (
    *(MessageRow, RoomEventRow, SearchDocument, MessageVersion, DeletedMessage, ReactionRow),
    *(PinRow, PollVote, RoomMentionRow, ThreadRow, ThreadMessage, ThreadFollower, RoomRetention),
    *(RoomSanction, SlowModeSend, JoinRequest, RoomInviteUse, RoomInvite, ReportRow),
    *(Mention, ExpiringMessage, Departure, RoomNotificationSettings),
    *(ConsumerPosition, MessageCount),
)
# What is found without the room, and of which there is little.
AT_ONCE: tuple[type[Base], ...] = (ReportRow, JoinRequest, RoomRetention)
# The audit log tells what was done. The log of a user is dense, and its beginning is deleted.
KEPT: tuple[type[Base], ...] = (AuditRow, UserEventRow)

# What reads the log without a membership, and transactions that began before the deletion, have
# ended by then.
GRACE_S = 60

_purge = columns(RoomPurge)
_TABLE = cast(Table, RoomPurge.__table__)
# `due_at` is so far ahead only if the clock was set back.
_IS_DUE = or_(_purge.due_at <= DatabaseNow(), _purge.due_at > DatabaseNow(-2 * GRACE_S))


class Purge(NamedTuple):
    room: UUID
    memberships_ended: bool


class RoomPurgeReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_due(self) -> Purge | None:
        """A deleted room of which something is to be deleted now."""
        rows = await self._session.execute(
            select(_purge.room_id, _purge.memberships_ended)
            .where(_IS_DUE)
            .order_by(_purge.due_at, _purge.room_id)
            .limit(1)
        )
        row = rows.one_or_none()
        return Purge(*row) if row else None

    async def list_keys(self, model: type[Base], room_id: UUID, limit: int) -> list[Any]:
        """The primary keys of rows that belong to a room, as rows of their columns."""
        table = cast(Table, model.__table__)
        query = select(*table.primary_key.columns).where(_in_room(table, room_id)).limit(limit)
        return list(await self._session.execute(query))


class RoomPurges(RoomPurgeReads):
    async def add(self, room_id: UUID) -> None:
        """Of a room that is deleted now."""
        for model in AT_ONCE:
            table = cast(Table, model.__table__)
            await self._session.execute(delete(table).where(table.c.room_id == room_id))
        values = {"room_id": room_id, "memberships_ended": False}
        await self._session.execute(insert(_TABLE).values(**values, due_at=DatabaseNow()))

    async def delete_rows(self, model: type[Base], keys: Sequence[Any]) -> None:
        table = cast(Table, model.__table__)
        await self._session.execute(
            delete(table).where(tuple_(*table.primary_key.columns).in_([*map(tuple, keys)]))
        )

    async def note_memberships_ended(self, room_id: UUID) -> None:
        """The rest is due after the grace period."""
        await self._session.execute(
            update(_TABLE)
            .where(_purge.room_id == room_id)
            .values(memberships_ended=True, due_at=DatabaseNow(-GRACE_S))
        )

    async def finish(self, room_id: UUID) -> None:
        await self._session.execute(delete(_TABLE).where(_purge.room_id == room_id))


def _in_room(table: Table, room_id: UUID) -> Any:
    if "room_id" in table.c:
        return table.c.room_id == room_id
    invites = columns(RoomInvite)
    return table.c.invite_id.in_(select(invites.id).where(invites.room_id == room_id))
