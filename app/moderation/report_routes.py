"""Reports: of messages and members of a room, their queue, and own ones."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from app.core.paging import decode_key, encode_key, split_page
from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50, Seq
from app.http.problems import problem_responses
from app.http.rates import HEAVY_WRITE, READ, WRITE
from app.http.strict_json import StrictRoute
from app.moderation import reports
from app.moderation.report_views import own_report, report_out
from app.persistence.moderation_tables import ReportRow
from app.wire.audit import AuditAction
from app.wire.errors import ErrorCode
from app.wire.reports import ReportStatus
from app.wire.schemas.pages import Page
from app.wire.schemas.reports import CreateReport, OwnReport, ReportOut, ResolveReport
from app.wire.validation import CanonicalUuid

router = APIRouter(tags=["moderation"], route_class=StrictRoute)

ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)
CREATE_ERRORS = ERRORS | problem_responses(ErrorCode.TOO_MANY)
Status = Annotated[ReportStatus, Query(description="Open ones, or those that are resolved.")]
ReportId = Annotated[CanonicalUuid, Path(description="The report's id.")]


@router.post(
    "/rooms/{room_id}/messages/{seq}/reports",
    status_code=201,
    operation_id="report_message",
    summary="Report a message",
    responses=CREATE_ERRORS,
    dependencies=[Depends(HEAVY_WRITE)],
)
async def report_message(
    room_id: CanonicalUuid,
    seq: Seq,
    body: CreateReport,
    actor: ActorDep,
    context: ContextDep,
    response: Response,
) -> OwnReport:
    """Tell the moderators about a message, and what it says now. While a report of the caller about
    it is open, the answer is that one, with 200."""
    created = await context.database.transact(reports.report_message, actor, room_id, seq, body)
    return _created(created, response)


@router.post(
    "/rooms/{room_id}/members/{user_id}/reports",
    status_code=201,
    operation_id="report_member",
    summary="Report a member",
    responses=CREATE_ERRORS,
    dependencies=[Depends(HEAVY_WRITE)],
)
async def report_member(
    room_id: CanonicalUuid,
    user_id: CanonicalUuid,
    body: CreateReport,
    actor: ActorDep,
    context: ContextDep,
    response: Response,
) -> OwnReport:
    """Tell the moderators about a member. While a report of the caller about them is open, the
    answer is that one, with 200."""
    created = await context.database.transact(reports.report_member, actor, room_id, user_id, body)
    return _created(created, response)


@router.get(
    "/rooms/{room_id}/reports",
    operation_id="list_room_reports",
    summary="List reports in a room",
    responses=ERRORS,
    dependencies=[Depends(READ)],
)
async def list_room_reports(
    room_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
    status: Status = ReportStatus.OPEN,
) -> Page[ReportOut]:
    """The oldest first, for those who may delete messages of others; without those about the
    caller."""
    rows = await context.database.read(
        reports.list_room_reports, actor, room_id, status, _position(cursor), limit + 1
    )
    return _page(rows, limit)


@router.get(
    "/reports",
    operation_id="list_reports",
    summary="List reports in all rooms",
    responses=problem_responses(ErrorCode.FORBIDDEN),
    dependencies=[Depends(READ)],
)
async def list_reports(
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
    status: Status = ReportStatus.OPEN,
) -> Page[ReportOut]:
    """The oldest first, for administrators of the server, who also judge what is reported in direct
    rooms; without those about the caller."""
    rows = await context.database.read(
        reports.list_reports, actor, status, _position(cursor), limit + 1
    )
    return _page(rows, limit)


@router.get(
    "/users/me/reports",
    operation_id="list_my_reports",
    summary="List reports of the caller",
    dependencies=[Depends(READ)],
)
async def list_my_reports(
    actor: ActorDep, context: ContextDep, limit: Limit50, cursor: Cursor = None
) -> Page[OwnReport]:
    """What the caller has reported, the newest first, and what was done about it."""
    rows = await context.database.read(
        reports.list_own_reports, actor, _position(cursor), limit + 1
    )
    page, more = split_page(list(rows), limit)
    return Page(items=list(map(own_report, page)), next=encode_key(page[-1].id) if more else None)


@router.post(
    "/reports/{report_id}/resolution",
    operation_id="resolve_report",
    summary="Resolve a report",
    responses=ERRORS | problem_responses(ErrorCode.NOT_PENDING),
    openapi_extra=audited(AuditAction.REPORT_RESOLVED),
    dependencies=[Depends(WRITE)],
)
async def resolve(
    report_id: ReportId, body: ResolveReport, actor: ActorDep, context: ContextDep
) -> ReportOut:
    """Say what was done, for those who may delete messages of others in its room, and for
    administrators of the server. One that somebody else has resolved is `not_pending`, and the
    `detail` says who, when and how."""
    return report_out(
        await context.database.transact(reports.resolve_report, actor, report_id, body)
    )


def _created(created: reports.Created, response: Response) -> OwnReport:
    if not created.is_new:
        response.status_code = 200
    return own_report(created.report)


def _position(cursor: str | None) -> UUID | None:
    key = decode_key(cursor, UUID)
    return key[0] if key else None


def _page(rows: Sequence[ReportRow], limit: int) -> Page[ReportOut]:
    page, more = split_page(list(rows), limit)
    return Page(items=list(map(report_out, page)), next=encode_key(page[-1].id) if more else None)
