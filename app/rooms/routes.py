"""/rooms, except messages."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.core.ids import parse_id
from app.core.paging import decode_cursor, encode_cursor, split_page
from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit20, Limit50, Search
from app.http.problems import problem_responses
from app.http.rates import HEAVY_WRITE, READ, SEARCH, WRITE
from app.http.strict_json import StrictRoute
from app.rooms import deletion, membership, roles, service
from app.rooms.views import member_out, room_out
from app.wire.audit import AuditAction
from app.wire.errors import ErrorCode, Invalid
from app.wire.schemas.pages import Page
from app.wire.schemas.rooms import (
    AddMembers,
    CreateRoom,
    DeleteRoom,
    MemberOut,
    PublicRoom,
    RoomOut,
    TransferRoom,
    UpdateMember,
    UpdateRoom,
)
from app.wire.validation import CanonicalUuid, invalid_from_pydantic

router = APIRouter(prefix="/rooms", tags=["rooms"], route_class=StrictRoute)

READ_ERRORS = problem_responses(ErrorCode.NOT_FOUND)
DUPLICATE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The direct room of this pair exists.", "model": RoomOut}
}
CHANGE_ERRORS = problem_responses(
    ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.ROOM_ARCHIVED, ErrorCode.LAST_OWNER
)


@router.get(
    "", operation_id="list_rooms", summary="List rooms of the caller", dependencies=[Depends(READ)]
)
async def list_my_rooms(
    actor: ActorDep, context: ContextDep, limit: Limit50, cursor: Cursor = None
) -> Page[RoomOut]:
    """The caller's rooms with unread counts, by id."""
    after = _room_cursor(decode_cursor(cursor))
    loaded = await context.database.read(service.list_rooms, actor.user, after, limit + 1)
    views, more = split_page(list(loaded), limit)
    return Page(
        items=[room_out(view, actor) for view in views],
        next=encode_cursor(str(views[-1].id)) if more else None,
    )


@router.post(
    "",
    status_code=201,
    operation_id="create_room",
    summary="Create a room",
    responses=DUPLICATE_RESPONSE | problem_responses(ErrorCode.TOO_MANY),
    dependencies=[Depends(HEAVY_WRITE)],
)
async def create(
    body: CreateRoom, actor: ActorDep, context: ContextDep, response: Response
) -> RoomOut:
    """Make a room with its members. A direct room is found or made: a pair has one."""
    _check_count(context, "members", body.members)
    settings = context.settings
    created = await context.database.transact(
        service.create_room, actor, body, settings.limits.rooms_per_user, settings.users.directory
    )
    if not created.is_new:
        response.status_code = 200
    return room_out(created.view, actor)


@router.get(
    "/public",
    operation_id="search_public_rooms",
    summary="Search public rooms",
    dependencies=[Depends(SEARCH)],
)
async def public(
    actor: ActorDep,
    context: ContextDep,
    limit: Limit20,
    query: Search = "",
    cursor: Cursor = None,
) -> Page[PublicRoom]:
    """Find public rooms by a part of their name; archived ones are left out."""
    loaded = await context.database.read(
        service.public_rooms, query, _name_cursor(decode_cursor(cursor)), limit + 1
    )
    rooms, more = split_page(list(loaded), limit)
    last = rooms[-1] if more else None
    return Page(
        items=[PublicRoom.model_validate(room, from_attributes=True) for room in rooms],
        next=encode_cursor(f"{last.id}{last.name_key}") if last else None,
    )


@router.get(
    "/{room_id}",
    operation_id="get_room",
    summary="Get a room",
    responses=READ_ERRORS,
    dependencies=[Depends(READ)],
)
async def get(room_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> RoomOut:
    """One room: the caller's, or a public one."""
    return room_out(await context.database.read(service.view, actor, room_id), actor)


@router.patch(
    "/{room_id}",
    operation_id="update_room",
    summary="Update a room",
    responses=CHANGE_ERRORS,
    openapi_extra=audited(
        AuditAction.ROOM_UPDATED, AuditAction.ROOM_ARCHIVED, AuditAction.ROOM_RESTORED
    ),
    dependencies=[Depends(WRITE)],
)
async def update(
    room_id: CanonicalUuid, body: UpdateRoom, actor: ActorDep, context: ContextDep
) -> RoomOut:
    """Rename, set the topic, archive or restore."""
    view = await context.database.transact(service.update_room, actor, room_id, body)
    return room_out(view, actor)


@router.delete(
    "/{room_id}",
    operation_id="archive_room",
    summary="Archive a room",
    status_code=204,
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.ROOM_ARCHIVED),
    dependencies=[Depends(WRITE)],
)
async def archive(room_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> Response:
    """Archive the room: it can be read, but not changed, until it is restored with PATCH."""
    await context.database.transact(service.archive_room, actor, room_id)
    return Response(status_code=204)


@router.post(
    "/{room_id}/delete",
    operation_id="delete_room",
    summary="Delete a room",
    status_code=204,
    responses=problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN),
    openapi_extra=audited(AuditAction.ROOM_DELETED),
    dependencies=[Depends(WRITE)],
)
async def delete(
    room_id: CanonicalUuid, body: DeleteRoom, actor: ActorDep, context: ContextDep
) -> Response:
    """Delete the room with all that is in it, for good; also one that is archived. From then on
    there is no such room, and its name can be used again. A direct room cannot be deleted. A
    repetition is answered with `not_found`."""
    await context.database.transact(deletion.delete_room, actor, room_id, body)
    return Response(status_code=204)


@router.post(
    "/{room_id}/join",
    operation_id="join_room",
    summary="Join a public room",
    responses=CHANGE_ERRORS | problem_responses(ErrorCode.TOO_MANY, ErrorCode.ROOM_ARCHIVED),
    dependencies=[Depends(WRITE)],
)
async def join(room_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> RoomOut:
    """Join a public room; again changes nothing."""
    max_rooms = context.settings.limits.rooms_per_user
    view = await context.database.transact(membership.join, actor, room_id, max_rooms)
    return room_out(view, actor)


@router.post(
    "/{room_id}/leave",
    operation_id="leave_room",
    summary="Leave a room",
    status_code=204,
    responses=CHANGE_ERRORS,
    dependencies=[Depends(WRITE)],
)
async def leave(room_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> Response:
    """Leave a room; its only owner cannot."""
    await context.database.transact(membership.leave, actor, room_id)
    return Response(status_code=204)


@router.post(
    "/{room_id}/transfer",
    operation_id="transfer_room",
    summary="Transfer the ownership of a room",
    responses=problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.ROOM_ARCHIVED),
    openapi_extra=audited(AuditAction.ROOM_TRANSFERRED),
    dependencies=[Depends(WRITE)],
)
async def transfer(
    room_id: CanonicalUuid, body: TransferRoom, actor: ActorDep, context: ContextDep
) -> MemberOut:
    """Make a member an owner, and the caller, who is one, an admin."""
    view = await context.database.transact(roles.transfer, actor, room_id, body.user)
    return member_out(view)


@router.get(
    "/{room_id}/members",
    operation_id="list_members",
    summary="List members of a room",
    responses=problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN),
    dependencies=[Depends(SEARCH)],
)
async def members(
    room_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
) -> Page[MemberOut]:
    """The room's members, by username."""
    loaded = await context.database.read(
        membership.list_members, actor, room_id, decode_cursor(cursor), limit + 1
    )
    loaded, more = split_page(list(loaded), limit)
    return Page(
        items=list(map(member_out, loaded)),
        next=encode_cursor(loaded[-1].user.username_key) if more else None,
    )


@router.post(
    "/{room_id}/members",
    operation_id="add_members",
    summary="Add members to a room",
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.MEMBER_ADDED),
    dependencies=[Depends(HEAVY_WRITE)],
)
async def add(
    room_id: CanonicalUuid, body: AddMembers, actor: ActorDep, context: ContextDep
) -> list[MemberOut]:
    """Add members, all or none; who is one already stays as they are."""
    _check_count(context, "users", body.users)
    loaded = await context.database.transact(membership.add_members, actor, room_id, body.users)
    return list(map(member_out, loaded))


@router.patch(
    "/{room_id}/members/{user_id}",
    operation_id="set_member_role",
    summary="Set the role of a member",
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.ROLE_CHANGED),
    dependencies=[Depends(WRITE)],
)
async def set_role(
    room_id: CanonicalUuid,
    user_id: CanonicalUuid,
    body: UpdateMember,
    actor: ActorDep,
    context: ContextDep,
) -> MemberOut:
    """Change a member's role."""
    view = await context.database.transact(roles.set_role, actor, room_id, user_id, body.role)
    return member_out(view)


@router.delete(
    "/{room_id}/members/{user_id}",
    status_code=204,
    operation_id="remove_member",
    summary="Remove a member from a room",
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.MEMBER_REMOVED),
    dependencies=[Depends(WRITE)],
)
async def remove(
    room_id: CanonicalUuid, user_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> Response:
    """Remove a member, who sees nothing of the room after that event."""
    await context.database.transact(membership.remove_member, actor, room_id, user_id)
    return Response(status_code=204)


def _check_count(context: ContextDep, field: str, users: list[UUID]) -> None:
    max_rooms = context.settings.limits.max_members_per_request
    if len(users) > max_rooms:
        message = f"List should have at most {max_rooms} items, not {len(users)}"
        raise invalid_from_pydantic([{"loc": (field,), "msg": message}])


def _room_cursor(key: str | None) -> UUID | None:
    if key is None:
        return None
    room = parse_id(key)
    if room is None:
        raise Invalid("`cursor` is not one that this server gave. Start without it.")
    return room


def _name_cursor(key: str | None) -> tuple[str, UUID] | None:
    """The id, which has 36 characters, then the name's key."""
    if key is None:
        return None
    room = _room_cursor(key[:36])
    assert room is not None
    return key[36:], room
