"""/groups."""

from fastapi import APIRouter, Depends, Response

from app.core.paging import decode_cursor, encode_cursor, split_page
from app.groups import service
from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit20, Limit50, Search
from app.http.problems import problem_responses
from app.http.rates import READ, SEARCH, WRITE
from app.http.strict_json import StrictRoute
from app.persistence.tables import UserGroup
from app.users.views import user_out
from app.wire.audit import AuditAction
from app.wire.errors import ErrorCode
from app.wire.schemas.groups import CreateGroup, GroupOut, UpdateGroup
from app.wire.schemas.pages import Page
from app.wire.schemas.users import UserOut
from app.wire.validation import CanonicalUuid

router = APIRouter(prefix="/groups", tags=["groups"], route_class=StrictRoute)

READ_ERRORS = problem_responses(ErrorCode.NOT_FOUND)
CHANGE_ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)


@router.get(
    "", operation_id="search_groups", summary="Search user groups", dependencies=[Depends(SEARCH)]
)
async def search(
    actor: ActorDep,
    context: ContextDep,
    limit: Limit20,
    query: Search = "",
    cursor: Cursor = None,
) -> Page[GroupOut]:
    """Find user groups whose handle begins with `query`, sorted by handle."""
    rows = await context.database.read(service.search, query, decode_cursor(cursor), limit + 1)
    groups, more = split_page(list(rows), limit)
    return Page(
        items=list(map(_group_out, groups)),
        next=encode_cursor(groups[-1].handle_key) if more else None,
    )


@router.post(
    "",
    status_code=201,
    operation_id="create_group",
    summary="Create a user group",
    responses=problem_responses(ErrorCode.FORBIDDEN, ErrorCode.USERNAME_TAKEN, ErrorCode.TOO_MANY),
    openapi_extra=audited(AuditAction.GROUP_CREATED),
    dependencies=[Depends(WRITE)],
)
async def create(body: CreateGroup, actor: ActorDep, context: ContextDep) -> GroupOut:
    """Make a group without members, for administrators of the server."""
    max_groups = context.settings.limits.user_groups
    return _group_out(await context.database.transact(service.create, actor, body, max_groups))


@router.get(
    "/{group_id}",
    operation_id="get_group",
    summary="Get a user group",
    responses=READ_ERRORS,
    dependencies=[Depends(READ)],
)
async def get(group_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> GroupOut:
    """One group."""
    return _group_out(await context.database.read(service.get, group_id))


@router.patch(
    "/{group_id}",
    operation_id="update_group",
    summary="Update a user group",
    responses=CHANGE_ERRORS | problem_responses(ErrorCode.USERNAME_TAKEN),
    openapi_extra=audited(AuditAction.GROUP_UPDATED),
    dependencies=[Depends(WRITE)],
)
async def update(
    group_id: CanonicalUuid, body: UpdateGroup, actor: ActorDep, context: ContextDep
) -> GroupOut:
    """Change the handle or the display name, for administrators of the server. Messages that
    mention the group by its earlier handle still do."""
    return _group_out(await context.database.transact(service.update, actor, group_id, body))


@router.delete(
    "/{group_id}",
    operation_id="delete_group",
    summary="Delete a user group",
    status_code=204,
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.GROUP_DELETED),
    dependencies=[Depends(WRITE)],
)
async def delete(group_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> Response:
    """Delete the group, for administrators of the server. Messages keep their text, but mention
    nobody by it."""
    await context.database.transact(service.delete, actor, group_id)
    return Response(status_code=204)


@router.get(
    "/{group_id}/members",
    operation_id="list_group_members",
    summary="List members of a user group",
    responses=READ_ERRORS,
    dependencies=[Depends(SEARCH)],
)
async def members(
    group_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
) -> Page[UserOut]:
    """The members by username, as far as the server's directory shows them to the caller: a page
    may have fewer of them than `limit` although there are more."""
    page = await context.database.read(
        service.list_members,
        actor,
        group_id,
        decode_cursor(cursor),
        limit,
        context.settings.users.directory,
    )
    return Page(
        items=list(map(user_out, page.users)),
        next=encode_cursor(page.next) if page.next else None,
    )


@router.put(
    "/{group_id}/members/{user_id}",
    operation_id="add_group_member",
    summary="Add a member to a user group",
    status_code=204,
    responses=CHANGE_ERRORS | problem_responses(ErrorCode.TOO_MANY),
    openapi_extra=audited(AuditAction.GROUP_MEMBER_ADDED),
    dependencies=[Depends(WRITE)],
)
async def add_member(
    group_id: CanonicalUuid, user_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> Response:
    """Add a member, for managers of the group and administrators of the server; again changes
    nothing."""
    settings = context.settings
    await context.database.transact(
        service.add_member,
        actor,
        group_id,
        user_id,
        settings.limits.user_group_members,
        settings.users.directory,
    )
    return Response(status_code=204)


@router.delete(
    "/{group_id}/members/{user_id}",
    operation_id="remove_group_member",
    summary="Remove a member from a user group",
    status_code=204,
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.GROUP_MEMBER_REMOVED),
    dependencies=[Depends(WRITE)],
)
async def remove_member(
    group_id: CanonicalUuid, user_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> Response:
    """Remove a member, for managers of the group and administrators of the server; again changes
    nothing. Managers may remove themselves, but no other manager."""
    await context.database.transact(service.remove_member, actor, group_id, user_id)
    return Response(status_code=204)


@router.get(
    "/{group_id}/managers",
    operation_id="list_group_managers",
    summary="List managers of a user group",
    responses=READ_ERRORS,
    dependencies=[Depends(SEARCH)],
)
async def managers(group_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> list[UserOut]:
    """The managers by username, as far as the server's directory shows them to the caller."""
    users = await context.database.read(
        service.list_managers, actor, group_id, context.settings.users.directory
    )
    return list(map(user_out, users))


@router.put(
    "/{group_id}/managers/{user_id}",
    operation_id="add_group_manager",
    summary="Make a user a manager of a user group",
    status_code=204,
    responses=CHANGE_ERRORS | problem_responses(ErrorCode.TOO_MANY),
    openapi_extra=audited(AuditAction.GROUP_MANAGER_ADDED, AuditAction.GROUP_MEMBER_ADDED),
    dependencies=[Depends(WRITE)],
)
async def add_manager(
    group_id: CanonicalUuid, user_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> Response:
    """Have a user manage the members, for administrators of the server. Who is no member becomes
    one; again changes nothing."""
    max_members = context.settings.limits.user_group_members
    await context.database.transact(service.add_manager, actor, group_id, user_id, max_members)
    return Response(status_code=204)


@router.delete(
    "/{group_id}/managers/{user_id}",
    operation_id="remove_group_manager",
    summary="Take the management of a user group from a user",
    status_code=204,
    responses=CHANGE_ERRORS,
    openapi_extra=audited(AuditAction.GROUP_MANAGER_REMOVED),
    dependencies=[Depends(WRITE)],
)
async def remove_manager(
    group_id: CanonicalUuid, user_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> Response:
    """The user stays a member; for administrators of the server. Again changes nothing."""
    await context.database.transact(service.remove_manager, actor, group_id, user_id)
    return Response(status_code=204)


def _group_out(group: UserGroup) -> GroupOut:
    return GroupOut.model_validate(group, from_attributes=True)
