"""/rooms/{id}/permissions."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep
from app.http.problems import problem_responses
from app.http.rates import READ, WRITE
from app.http.strict_json import StrictRoute
from app.rooms import permissions
from app.rooms.overrides import Override
from app.wire.audit import AuditAction
from app.wire.domain import Role
from app.wire.errors import ErrorCode
from app.wire.overrides import OverrideOut, PutOverride, RoomPermissions
from app.wire.validation import CanonicalUuid

router = APIRouter(prefix="/rooms/{room_id}/permissions", tags=["rooms"], route_class=StrictRoute)

RolePath = Annotated[Role, Path(description="The role of the members.")]

ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)
CHANGE_ERRORS = ERRORS | problem_responses(ErrorCode.ROOM_ARCHIVED)
PUT_ERRORS = CHANGE_ERRORS | problem_responses(ErrorCode.TOO_MANY)


@router.get(
    "",
    operation_id="get_room_permissions",
    summary="List overrides of permissions in a room",
    responses=ERRORS,
    dependencies=[Depends(READ)],
)
async def get(room_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> RoomPermissions:
    """What this room allows or denies besides the defaults, which docs/protocol.md lists."""
    overrides = await context.database.read(permissions.list_overrides, actor, room_id)
    return RoomPermissions(overrides=overrides)


@router.put(
    "/roles/{role}",
    operation_id="set_role_permissions",
    summary="Set the permissions of a role in a room",
    responses=PUT_ERRORS,
    openapi_extra=audited(AuditAction.PERMISSIONS_CHANGED),
    dependencies=[Depends(WRITE)],
)
async def put_role(
    room_id: CanonicalUuid, role: RolePath, body: PutOverride, actor: ActorDep, context: ContextDep
) -> OverrideOut:
    """Allow or deny permissions to all members with a role. It replaces an earlier override."""
    override, max_overrides = _to_override(body), context.settings.limits.max_overrides
    return await context.database.transact(
        permissions.set_override, actor, room_id, role, override, max_overrides
    )


@router.delete(
    "/roles/{role}",
    status_code=204,
    operation_id="reset_role_permissions",
    summary="Reset the permissions of a role in a room",
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.PERMISSIONS_CHANGED),
    dependencies=[Depends(WRITE)],
)
async def delete_role(
    room_id: CanonicalUuid, role: RolePath, actor: ActorDep, context: ContextDep
) -> Response:
    """The defaults count again."""
    await context.database.transact(permissions.delete_override, actor, room_id, role)
    return Response(status_code=204)


@router.put(
    "/users/{user_id}",
    operation_id="set_member_permissions",
    summary="Set the permissions of a member in a room",
    responses=PUT_ERRORS,
    openapi_extra=audited(AuditAction.PERMISSIONS_CHANGED),
    dependencies=[Depends(WRITE)],
)
async def put_user(
    room_id: CanonicalUuid,
    user_id: CanonicalUuid,
    body: PutOverride,
    actor: ActorDep,
    context: ContextDep,
) -> OverrideOut:
    """Allow or deny permissions to one member, whatever their role has. It replaces an earlier
    override, and stays when the member leaves."""
    override, max_overrides = _to_override(body), context.settings.limits.max_overrides
    return await context.database.transact(
        permissions.set_override, actor, room_id, user_id, override, max_overrides
    )


@router.delete(
    "/users/{user_id}",
    status_code=204,
    operation_id="reset_member_permissions",
    summary="Reset the permissions of a member in a room",
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.PERMISSIONS_CHANGED),
    dependencies=[Depends(WRITE)],
)
async def delete_user(
    room_id: CanonicalUuid, user_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> Response:
    """The permissions of the member's role count again."""
    await context.database.transact(permissions.delete_override, actor, room_id, user_id)
    return Response(status_code=204)


def _to_override(body: PutOverride) -> Override:
    return Override(frozenset(body.allow), frozenset(body.deny))
