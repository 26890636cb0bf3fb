"""/rooms/{id}/invites and /invites/{code}."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response

from app.core.paging import decode_key, encode_key, split_page
from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50
from app.http.problems import problem_responses
from app.http.rates import READ, SEARCH, WRITE
from app.http.strict_json import StrictRoute
from app.rooms import invites
from app.rooms.invite_views import invite_out, preview_out
from app.rooms.views import room_out
from app.wire.audit import AuditAction
from app.wire.errors import ErrorCode
from app.wire.schemas.invites import CreateInvite, InviteOut, InvitePreview, InviteUse
from app.wire.schemas.pages import Page
from app.wire.schemas.rooms import RoomOut
from app.wire.validation import CanonicalUuid

router = APIRouter(tags=["rooms"], route_class=StrictRoute)

ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)
InviteId = Annotated[CanonicalUuid, Path(description="The id of the invite link.")]
Code = Annotated[str, Path(max_length=64, description="The code of the invite link.")]


@router.post(
    "/rooms/{room_id}/invites",
    status_code=201,
    operation_id="create_invite",
    summary="Create an invite link",
    responses=ERRORS | problem_responses(ErrorCode.TOO_MANY, ErrorCode.ROOM_ARCHIVED),
    openapi_extra=audited(AuditAction.INVITE_CREATED),
    dependencies=[Depends(WRITE)],
)
async def create(
    room_id: CanonicalUuid, body: CreateInvite, actor: ActorDep, context: ContextDep
) -> InviteOut:
    """Make a link by which users become members, for those who may add members."""
    max_open = context.settings.limits.max_invites
    return invite_out(
        await context.database.transact(invites.create_invite, actor, room_id, body, max_open)
    )


@router.get(
    "/rooms/{room_id}/invites",
    operation_id="list_invites",
    summary="List invite links of a room",
    responses=ERRORS,
    dependencies=[Depends(READ)],
)
async def list_invites(
    room_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
) -> Page[InviteOut]:
    """All that were made, also those that do not work any more, the oldest first."""
    after = decode_key(cursor, UUID)
    rows = await context.database.read(
        invites.list_invites, actor, room_id, after[0] if after else None, limit + 1
    )
    page, more = split_page(list(rows), limit)
    return Page(items=list(map(invite_out, page)), next=encode_key(page[-1].id) if more else None)


@router.delete(
    "/rooms/{room_id}/invites/{invite_id}",
    status_code=204,
    operation_id="revoke_invite",
    summary="Revoke an invite link",
    responses=ERRORS,
    openapi_extra=audited(AuditAction.INVITE_REVOKED),
    dependencies=[Depends(WRITE)],
)
async def revoke(
    room_id: CanonicalUuid, invite_id: InviteId, actor: ActorDep, context: ContextDep
) -> Response:
    """Of the caller, or of others with the permission to remove members. The link stops working."""
    await context.database.transact(invites.revoke_invite, actor, room_id, invite_id)
    return Response(status_code=204)


@router.get(
    "/rooms/{room_id}/invites/{invite_id}/uses",
    operation_id="list_invite_uses",
    summary="List who came by an invite link",
    responses=ERRORS,
    dependencies=[Depends(READ)],
)
async def list_uses(
    room_id: CanonicalUuid,
    invite_id: InviteId,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
) -> Page[InviteUse]:
    """Also those who have left since, by their ids."""
    after = decode_key(cursor, UUID)
    rows = await context.database.read(
        invites.list_uses, actor, room_id, invite_id, after[0] if after else None, limit + 1
    )
    page, more = split_page(list(rows), limit)
    return Page(
        items=[InviteUse(user=use.user_id, at=use.at) for use in page],
        next=encode_key(page[-1].user_id) if more else None,
    )


@router.get(
    "/invites/{code}",
    operation_id="preview_invite",
    summary="Preview the room of an invite link",
    responses=ERRORS,
    dependencies=[Depends(SEARCH)],
)
async def preview(code: Code, actor: ActorDep, context: ContextDep) -> InvitePreview:
    """What the link leads to, before one joins."""
    return preview_out(await context.database.read(invites.preview_invite, actor, code))


@router.post(
    "/invites/{code}/join",
    operation_id="join_by_invite",
    summary="Join a room by an invite link",
    responses=ERRORS | problem_responses(ErrorCode.TOO_MANY),
    dependencies=[Depends(WRITE)],
)
async def join(code: Code, actor: ActorDep, context: ContextDep) -> RoomOut:
    """Become a member; who is one already stays as they are and uses nothing up."""
    max_rooms = context.settings.limits.rooms_per_user
    view = await context.database.transact(invites.join_by_invite, actor, code, max_rooms)
    return room_out(view, actor)
