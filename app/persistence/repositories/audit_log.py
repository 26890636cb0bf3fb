"""The audit log, the newest entries first."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import AuditTarget, Values
from app.core.clock import now
from app.core.ids import first_id, new_id
from app.persistence.moderation_tables import AuditRow
from app.persistence.repositories.member_filter import is_present
from app.persistence.tables import Member, Room, columns
from app.wire.audit import AuditAction
from app.wire.domain import RoomKind


class AuditFilter(NamedTuple):
    """None: any."""

    actor: UUID | None = None
    action: str | None = None
    user: UUID | None = None
    room: UUID | None = None


class AuditPageEntry(NamedTuple):
    row: AuditRow
    # It is of the server as a whole, or of a room that the reader sees, or the deletion of a room.
    is_visible: bool


class AuditReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(
        self, reader: UUID, chosen: AuditFilter, before: UUID | None, limit: int
    ) -> Sequence[AuditRow]:
        query = select(AuditRow).where(*_conditions(reader, chosen, before))
        query = query.order_by(AuditRow.id.desc()).limit(limit)
        return (await self._session.scalars(query)).all()

    async def page_of_all(
        self, reader: UUID, chosen: AuditFilter, before: UUID | None, limit: int
    ) -> list[AuditPageEntry]:
        """Of all rooms and of the server."""
        query = (
            select(AuditRow, Room.kind, Member.user_id)
            .outerjoin(Room, is_present(columns(Room), AuditRow.room_id))
            .outerjoin(Member, (Member.room_id == Room.id) & (Member.user_id == reader))
            .where(*_conditions(reader, chosen, before))
            .order_by(AuditRow.id.desc())
            .limit(limit)
        )
        rows = await self._session.execute(query)
        return [
            AuditPageEntry(
                row,
                row.room_id is None
                or row.action == AuditAction.ROOM_DELETED
                or kind is RoomKind.PUBLIC
                or member is not None,
            )
            for row, kind, member in rows
        ]


class AuditLog(AuditReads):
    def record(
        self,
        actor: UUID | None,
        action: AuditAction,
        target: AuditTarget,
        *,
        reason: str = "",
        before: Values | None = None,
        after: Values | None = None,
    ) -> None:
        """Write an act of a moderator or an administrator (None: of the operator), in the
        transaction that does it. Neither value has a secret, nor what a message says."""
        details = None if before is None and after is None else orjson.dumps([before, after])
        self._session.add(
            AuditRow(
                id=new_id(),
                room_id=target.room,
                actor_id=actor,
                action=action,
                user_id=target.user,
                message_seq=target.message,
                reason=reason,
                details=details.decode() if details else None,
                at=now(),
            )
        )

    async def delete_old(self, old_before: datetime, limit: int) -> bool:
        """Whether there may be more."""
        ids = select(AuditRow.id).where(AuditRow.id < first_id(old_before)).limit(limit)
        old = (await self._session.scalars(ids)).all()
        await self._session.execute(
            delete(AuditRow)
            .where(AuditRow.id.in_(old))
            .execution_options(synchronize_session=False)
        )
        return len(old) == limit


def _conditions(
    reader: UUID, chosen: AuditFilter, before: UUID | None
) -> list[ColumnElement[bool]]:
    """Reports about the reader are left out, as in the queue of reports."""
    values = {
        AuditRow.actor_id: chosen.actor,
        AuditRow.action: chosen.action,
        AuditRow.user_id: chosen.user,
        AuditRow.room_id: chosen.room,
    }
    conditions = [column == value for column, value in values.items() if value is not None]
    is_about_reader = (AuditRow.action == AuditAction.REPORT_RESOLVED) & (
        AuditRow.user_id == reader
    )
    conditions.append(or_(AuditRow.user_id.is_(None), ~is_about_reader))
    return [*conditions, AuditRow.id < before] if before is not None else conditions
