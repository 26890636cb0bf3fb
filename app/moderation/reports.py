"""Use cases of reports: a member tells the moderators of a room about a message or a user.

Reports of a room are made and resolved under its lock, so that of two moderators who resolve one at
the same time the second learns what the first has done.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.core.ids import new_id
from app.messages.send.change_rules import DELETED, NO_MESSAGE
from app.messages.send.filtering import take_snapshot
from app.persistence.moderation_tables import ReportRow
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import get_visible_room, lock_member_room, require_permission
from app.wire.audit import AuditAction
from app.wire.domain import Permission
from app.wire.errors import Forbidden, NotFound, NotPending, QuotaExceeded
from app.wire.events import Message
from app.wire.reports import ReportStatus
from app.wire.schemas.reports import CreateReport, ResolveReport

MAX_OPEN_REPORTS = 20  # of one reporter in one room
NO_REPORT = "There is no such report, or you may not see it."


class Created(NamedTuple):
    report: ReportRow
    is_new: bool


async def report_message(
    uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int, spec: CreateReport
) -> Created:
    """With what the message says now. Raises NotFound, Forbidden, QuotaExceeded."""
    await lock_member_room(uow, actor, room_id)
    message = await uow.messages.get(room_id, seq, actor.user)
    if message is None:
        raise NotFound(NO_MESSAGE)
    if message.deletion:
        raise NotFound(DELETED)
    return await _report(uow, actor, room_id, message.sender, spec, message)


async def report_member(
    uow: UnitOfWork, actor: Actor, room_id: UUID, user: UUID, spec: CreateReport
) -> Created:
    """Raises NotFound, Forbidden, QuotaExceeded."""
    await lock_member_room(uow, actor, room_id)
    if await uow.members.get(room_id, user) is None:
        raise NotFound("This user is not a member of the room.")
    return await _report(uow, actor, room_id, user, spec, None)


async def list_room_reports(
    reader: ReadSession,
    actor: Actor,
    room_id: UUID,
    status: ReportStatus,
    after: UUID | None,
    limit: int,
) -> Sequence[ReportRow]:
    """Not those about the actor. Raises NotFound, Forbidden."""
    room, member = await get_visible_room(reader, actor, room_id)
    require_permission(Permission.MODERATE, room, member, actor)
    return await reader.reports.page(room_id, status, actor.user, after, limit)


async def list_reports(
    reader: ReadSession, actor: Actor, status: ReportStatus, after: UUID | None, limit: int
) -> Sequence[ReportRow]:
    """Of all rooms, but not those about the actor. Raises Forbidden."""
    if not actor.is_admin:
        raise Forbidden("Only administrators of the server may read the reports of all rooms.")
    return await reader.reports.page(None, status, actor.user, after, limit)


async def list_own_reports(
    reader: ReadSession, actor: Actor, before: UUID | None, limit: int
) -> Sequence[ReportRow]:
    return await reader.reports.page_of_reporter(actor.user, before, limit)


async def resolve_report(
    uow: UnitOfWork, actor: Actor, id_: UUID, spec: ResolveReport
) -> ReportRow:
    """The same again of the same moderator changes nothing. Raises NotFound, NotPending."""
    await uow.rooms.lock((await _require_judge(uow, actor, id_)).room_id)
    report = await _require_judge(uow, actor, id_)
    if report.status != ReportStatus.OPEN:
        return _require_same(report, actor, spec)
    report.status, report.outcome = ReportStatus.RESOLVED, spec.outcome
    report.resolved_by, report.resolved_at = actor.user, now()
    report.resolution_note = spec.note
    uow.audit_log.record(
        actor.user,
        AuditAction.REPORT_RESOLVED,
        AuditTarget(report.room_id, report.user_id, report.message_seq),
        reason=spec.note,
        after={"report": report.id, "outcome": spec.outcome},
    )
    return report


async def _report(
    uow: UnitOfWork,
    actor: Actor,
    room_id: UUID,
    user: UUID,
    spec: CreateReport,
    message: Message | None,
) -> Created:
    if user == actor.user:
        raise Forbidden("You cannot report yourself.")
    seq = message.seq if message else None
    if first := await uow.reports.find_open(room_id, actor.user, user, seq):
        return Created(first, is_new=False)
    if await uow.reports.count_open(room_id, actor.user) >= MAX_OPEN_REPORTS:
        raise QuotaExceeded(
            f"{MAX_OPEN_REPORTS} reports of yours are open in this room. Wait until the moderators "
            "have seen them."
        )
    report = ReportRow(
        id=new_id(),
        room_id=room_id,
        reporter_id=actor.user,
        user_id=user,
        message_seq=seq,
        reason=spec.reason,
        note=spec.note,
        snapshot=take_snapshot(message).model_dump_json() if message else None,
        at=now(),
        status=ReportStatus.OPEN,
    )
    uow.reports.add(report)
    return Created(report, is_new=True)


async def _require_judge(uow: UnitOfWork, actor: Actor, id_: UUID) -> ReportRow:
    """A report, for the moderators of its room and administrators of the server, unless it is about
    themselves. Raises NotFound, after the same statements for all others."""
    rows = await uow.reports.with_room(id_, actor.user)
    if rows is None or rows[0].user_id == actor.user:
        raise NotFound(NO_REPORT)
    report, room, member = rows
    if not actor.is_admin:
        try:
            require_permission(Permission.MODERATE, room, member, actor)
        except Forbidden:
            raise NotFound(NO_REPORT) from None
    return report


def _require_same(report: ReportRow, actor: Actor, spec: ResolveReport) -> ReportRow:
    """Raises NotPending, with the first resolution."""
    resolved = report.resolved_by, report.outcome, report.resolution_note
    if resolved == (actor.user, spec.outcome, spec.note):
        return report
    assert report.resolved_at is not None
    note = f" ({report.resolution_note})" if report.resolution_note else ""
    raise NotPending(
        f"User {report.resolved_by} has resolved this report at {report.resolved_at.isoformat()}: "
        f"{report.outcome}{note}."
    )
