"""/rooms/{id}/audit-log and /audit-log."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.core.paging import decode_key, encode_key, split_page
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50
from app.http.problems import problem_responses
from app.http.rates import SEARCH
from app.http.strict_json import StrictRoute
from app.moderation import audit_log
from app.moderation.audit_views import audit_entry
from app.persistence.repositories.audit_log import AuditFilter
from app.wire.audit import AuditAction
from app.wire.errors import ErrorCode
from app.wire.schemas.audit import AuditEntry
from app.wire.schemas.pages import Page
from app.wire.validation import CanonicalUuid

router = APIRouter(tags=["moderation"], route_class=StrictRoute)

ActorId = Annotated[CanonicalUuid | None, Query(description="Only what this user has done.")]
UserId = Annotated[CanonicalUuid | None, Query(description="Only what was done to this user.")]
Action = Annotated[AuditAction | None, Query(description="Only acts of this kind.")]
RoomId = Annotated[CanonicalUuid | None, Query(description="Only what was done in this room.")]


@router.get(
    "/rooms/{room_id}/audit-log",
    operation_id="list_room_acts",
    summary="List what moderators did in a room",
    responses=problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN),
    dependencies=[Depends(SEARCH)],
)
async def list_room_acts(
    room_id: CanonicalUuid,
    caller: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
    actor: ActorId = None,
    action: Action = None,
    user: UserId = None,
) -> Page[AuditEntry]:
    """The audit log of a room, the newest entries first, for those with the permission
    `view_audit_log`."""
    chosen = AuditFilter(actor, action, user, room_id)
    rows = await context.database.read(
        audit_log.list_room_acts, caller, chosen, _before(cursor), limit + 1
    )
    page, more = split_page(list(rows), limit)
    return Page(items=list(map(audit_entry, page)), next=encode_key(page[-1].id) if more else None)


@router.get(
    "/audit-log",
    operation_id="list_acts",
    summary="List what administrators and moderators did",
    responses=problem_responses(ErrorCode.FORBIDDEN),
    dependencies=[Depends(SEARCH)],
)
async def list_acts(
    caller: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
    actor: ActorId = None,
    action: Action = None,
    user: UserId = None,
    room: RoomId = None,
) -> Page[AuditEntry]:
    """The audit log of the server and of all rooms, the newest entries first, for administrators of
    the server. Entries of rooms that the caller may not see have neither a reason nor details."""
    chosen = AuditFilter(actor, action, user, room)
    rows = await context.database.read(
        audit_log.list_acts, caller, chosen, _before(cursor), limit + 1
    )
    page, more = split_page(rows, limit)
    return Page(
        items=[audit_entry(row, is_visible=is_visible) for row, is_visible in page],
        next=encode_key(page[-1].row.id) if more else None,
    )


def _before(cursor: str | None) -> UUID | None:
    key = decode_key(cursor, UUID)
    return key[0] if key else None
