"""/rooms/{id}/bans and /rooms/{id}/time-outs."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.core.paging import decode_key
from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50
from app.http.problems import problem_responses
from app.http.rates import READ, WRITE
from app.http.strict_json import StrictRoute
from app.rooms import sanctions
from app.rooms.sanction_views import sanction_out, sanction_page
from app.wire.audit import AuditAction
from app.wire.domain import SanctionKind
from app.wire.errors import ErrorCode
from app.wire.schemas.pages import Page
from app.wire.schemas.sanctions import PutBan, PutTimeOut, SanctionOut
from app.wire.validation import CanonicalUuid

router = APIRouter(prefix="/rooms/{room_id}", tags=["rooms"], route_class=StrictRoute)

ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)
CHANGE_ERRORS = ERRORS | problem_responses(ErrorCode.ROOM_ARCHIVED)


@router.get(
    "/bans",
    operation_id="list_bans",
    summary="List bans from a room",
    responses=ERRORS,
    dependencies=[Depends(READ)],
)
async def list_bans(
    room_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
) -> Page[SanctionOut]:
    """Also those that have ended, by the ids of the users."""
    after = decode_key(cursor, UUID)
    kind = SanctionKind.BAN
    rows = await context.database.read(
        sanctions.list_sanctions, actor, room_id, kind, after[0] if after else None, limit + 1
    )
    return sanction_page(rows, limit)


@router.get(
    "/time-outs",
    operation_id="list_time_outs",
    summary="List time-outs in a room",
    responses=ERRORS,
    dependencies=[Depends(READ)],
)
async def list_time_outs(
    room_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
) -> Page[SanctionOut]:
    """Also those that have ended, by the ids of the users."""
    after = decode_key(cursor, UUID)
    kind = SanctionKind.TIME_OUT
    rows = await context.database.read(
        sanctions.list_sanctions, actor, room_id, kind, after[0] if after else None, limit + 1
    )
    return sanction_page(rows, limit)


@router.put(
    "/bans/{user_id}",
    operation_id="ban_from_room",
    summary="Ban a user from a room",
    responses=CHANGE_ERRORS | problem_responses(ErrorCode.LAST_OWNER),
    openapi_extra=audited(AuditAction.MEMBER_BANNED),
    dependencies=[Depends(WRITE)],
)
async def ban(
    room_id: CanonicalUuid,
    user_id: CanonicalUuid,
    body: PutBan,
    actor: ActorDep,
    context: ContextDep,
) -> SanctionOut:
    """Remove a member, who cannot return by any way until the ban ends. Also of users who are no
    members; it replaces an earlier ban."""
    return await _set(context, actor, room_id, SanctionKind.BAN, user_id, body.until, body.reason)


@router.delete(
    "/bans/{user_id}",
    status_code=204,
    operation_id="unban_from_room",
    summary="Lift a ban from a room",
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.MEMBER_UNBANNED),
    dependencies=[Depends(WRITE)],
)
async def unban(
    room_id: CanonicalUuid, user_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> Response:
    """The user may join again, but is no member."""
    return await _lift(context, actor, room_id, SanctionKind.BAN, user_id)


@router.put(
    "/time-outs/{user_id}",
    operation_id="time_out_member",
    summary="Time a member out",
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.MEMBER_TIMED_OUT),
    dependencies=[Depends(WRITE)],
)
async def time_out(
    room_id: CanonicalUuid,
    user_id: CanonicalUuid,
    body: PutTimeOut,
    actor: ActorDep,
    context: ContextDep,
) -> SanctionOut:
    """The member may read, but not write until then, also after leaving and returning. It replaces
    an earlier time-out."""
    return await _set(
        context, actor, room_id, SanctionKind.TIME_OUT, user_id, body.until, body.reason
    )


@router.delete(
    "/time-outs/{user_id}",
    status_code=204,
    operation_id="lift_time_out",
    summary="Lift a time-out",
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.TIME_OUT_LIFTED),
    dependencies=[Depends(WRITE)],
)
async def lift_time_out(
    room_id: CanonicalUuid, user_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> Response:
    """The member may write again."""
    return await _lift(context, actor, room_id, SanctionKind.TIME_OUT, user_id)


async def _set(
    context: ContextDep,
    actor: ActorDep,
    room_id: UUID,
    kind: SanctionKind,
    user_id: UUID,
    until: datetime | None,
    reason: str,
) -> SanctionOut:
    sanction = await context.database.transact(
        sanctions.set_sanction, actor, room_id, kind, user_id, until, reason
    )
    return sanction_out(sanction)


async def _lift(
    context: ContextDep, actor: ActorDep, room_id: UUID, kind: SanctionKind, user_id: UUID
) -> Response:
    await context.database.transact(sanctions.lift_sanction, actor, room_id, kind, user_id)
    return Response(status_code=204)
