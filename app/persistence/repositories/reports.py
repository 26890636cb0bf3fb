"""Reports of messages and users."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import first_id, new_id
from app.persistence.moderation_tables import ReportRow
from app.persistence.repositories.member_filter import is_present
from app.persistence.sql.executor import Executor
from app.persistence.sql.statement import Statement
from app.persistence.tables import Member, Room, columns
from app.wire.filters import FILTER_REASON
from app.wire.reports import ReportStatus


class FilterReport(NamedTuple):
    """What a filter reports."""

    room: UUID
    user: UUID
    message_seq: int
    note: str
    snapshot: str
    at: datetime


MAX_OPEN_FILTER_REPORTS = 20  # of one sender in one room; more matches are not reported

_report = columns(ReportRow)
_INSERT = Statement(insert(_report.id.table))
_DELETE = Statement(
    delete(_report.id.table).where(_report.id.in_(bindparam("ids", expanding=True)))
)
_OPEN = Statement(
    select(_report.id, _report.room_id, _report.user_id, _report.message_seq).where(
        _report.room_id == bindparam("room"),
        _report.user_id == bindparam("user"),
        _report.status == ReportStatus.OPEN.value,
        _report.reporter_id.is_(None),
    )
)


async def write_filter_reports(executor: Executor, reports: Sequence[FilterReport]) -> None:
    """In rooms that are locked. A message has at most one open report by filters: a later one takes
    its place in the queue. Those of a sender with as many as there may be are left out."""
    senders = {(report.room, report.user) for report in reports}
    [rows] = await executor.read(_OPEN.bind_union([{"room": r, "user": u} for r, u in senders]))
    stored = {(room, user, seq): id_ for id_, room, user, seq in rows}
    counts = Counter((room, user) for room, user, _ in stored)
    written: dict[tuple[UUID, UUID, int], dict[str, Any]] = {}
    for report in reports:
        sender, key = (report.room, report.user), (report.room, report.user, report.message_seq)
        if key not in stored and key not in written:
            if counts[sender] >= MAX_OPEN_FILTER_REPORTS:
                continue
            counts[sender] += 1
        written[key] = _to_values(report) | {"id": stored.get(key) or new_id()}
    if replaced := [stored[key] for key in written if key in stored]:
        await executor.write(_DELETE.bind(ids=replaced))
    if written:
        await executor.write(_INSERT.bind_rows([*written.values()]))


def _to_values(report: FilterReport) -> dict[str, Any]:
    empty = dict.fromkeys(column.name for column in columns(ReportRow))
    return empty | {
        "room_id": report.room,
        "user_id": report.user,
        "message_seq": report.message_seq,
        "reason": FILTER_REASON,
        "note": report.note,
        "snapshot": report.snapshot,
        "at": report.at,
        "status": ReportStatus.OPEN.value,
    }


class ReportReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def with_room(
        self, id_: UUID, user: UUID
    ) -> tuple[ReportRow, Room, Member | None] | None:
        """A report, its room, and this user's membership there, as they are now: a lock of the room
        may have been waited for since they were read."""
        query = (
            select(ReportRow, Room, Member)
            .join(Room, is_present(columns(Room), ReportRow.room_id))
            .outerjoin(Member, and_(Member.room_id == Room.id, Member.user_id == user))
            .where(ReportRow.id == id_)
        )
        rows = await self._session.execute(query.execution_options(populate_existing=True))
        row = rows.one_or_none()
        return (row[0], row[1], row[2]) if row else None

    async def page(
        self,
        room_id: UUID | None,
        status: ReportStatus,
        judge: UUID,
        after: UUID | None,
        limit: int,
    ) -> Sequence[ReportRow]:
        """Of a room or (None) of all, the oldest first; not those about the judge."""
        query = (
            select(ReportRow)
            .where(ReportRow.status == status, ReportRow.user_id != judge)
            .order_by(ReportRow.id)
            .limit(limit)
        )
        if room_id is not None:
            query = query.where(ReportRow.room_id == room_id)
        if after is not None:
            query = query.where(ReportRow.id > after)
        return (await self._session.scalars(query)).all()

    async def page_of_reporter(
        self, reporter: UUID, before: UUID | None, limit: int
    ) -> Sequence[ReportRow]:
        """The newest first."""
        query = (
            select(ReportRow)
            .where(ReportRow.reporter_id == reporter)
            .order_by(ReportRow.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(ReportRow.id < before)
        return (await self._session.scalars(query)).all()

    async def find_open(
        self, room_id: UUID, reporter: UUID, user: UUID, message_seq: int | None
    ) -> ReportRow | None:
        query = select(ReportRow).where(
            *_open_reports(room_id, reporter),
            ReportRow.user_id == user,
            ReportRow.message_seq.is_not_distinct_from(message_seq),
        )
        return (await self._session.scalars(query)).one_or_none()

    async def count_open(self, room_id: UUID, reporter: UUID) -> int:
        query = select(func.count()).where(*_open_reports(room_id, reporter))
        return await self._session.scalar(query) or 0


class Reports(ReportReads):
    def add(self, report: ReportRow) -> None:
        self._session.add(report)

    async def delete_old(self, made_before: datetime, limit: int) -> bool:
        """Those that are resolved. Whether there may be more."""
        ids = select(ReportRow.id).where(
            ReportRow.status == ReportStatus.RESOLVED, ReportRow.id < first_id(made_before)
        )
        old = (await self._session.scalars(ids.limit(limit))).all()
        await self._session.execute(
            delete(ReportRow)
            .where(ReportRow.id.in_(old))
            .execution_options(synchronize_session=False)
        )
        return len(old) == limit


def _open_reports(room_id: UUID, reporter: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        ReportRow.room_id == room_id,
        ReportRow.status == ReportStatus.OPEN,
        ReportRow.reporter_id == reporter,
    )
