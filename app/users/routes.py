"""/users."""

from contextlib import suppress

from fastapi import APIRouter, Depends, Response

from app.core.errors import Code, Forbidden
from app.core.fields import Uuid
from app.core.paging import Page, cut, decode_cursor, encode_cursor
from app.users import accounts, logins
from app.users.logins import Proof
from app.users.schemas import ChangePassword, Me, UpdateProfile, UserOut
from app.web.bodies import StrictRoute
from app.web.deps import ActorDep, ContextDep, Cursor, Limit, Search, throttled
from app.web.problems import problems

router = APIRouter(prefix="/users", tags=["users"], route_class=StrictRoute)


@router.get("", operation_id="search_users", summary="Search users")
async def search(
    actor: ActorDep,
    context: ContextDep,
    query: Search = "",
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[UserOut]:
    """Find users by a part of their username or display name, by username."""
    found = await context.database.read(
        accounts.search_users, query, decode_cursor(cursor), limit + 1
    )
    users, more = cut(list(found), limit)
    return Page(
        items=[UserOut.model_validate(user, from_attributes=True) for user in users],
        next=encode_cursor(users[-1].username_key) if more else None,
    )


@router.get("/me", operation_id="get_me", summary="Get the caller's account")
async def me(actor: ActorDep, context: ContextDep) -> Me:
    """The caller."""
    user = await context.database.read(accounts.get_user, actor.user)
    return Me.model_validate(user, from_attributes=True)


@router.patch("/me", operation_id="update_me", summary="Update the caller's account")
async def update_me(body: UpdateProfile, actor: ActorDep, context: ContextDep) -> Me:
    """Change the caller's profile."""
    user = await context.database.transact(accounts.update_profile, actor, body.display_name)
    return Me.model_validate(user, from_attributes=True)


@router.put(
    "/me/password",
    operation_id="change_password",
    summary="Change the caller's password",
    status_code=204,
    responses=problems(Code.FORBIDDEN, Code.RATE_LIMITED),
    dependencies=[Depends(throttled)],
)
async def change_password(body: ChangePassword, actor: ActorDep, context: ContextDep) -> Response:
    """Change the caller's password. All other sessions end with it, and their sockets are closed.

    A wrong `old_password` is `forbidden`.
    """
    for _ in range(logins.LOOKS):
        user = await context.database.read(accounts.get_user, actor.user)
        stored = user.password_hash
        right = await context.passwords.verify(stored, body.old_password)
        if stored is None or not right:
            break
        new = await context.passwords.hash(body.new_password)
        with suppress(logins.HashReplaced):
            await context.database.transact(logins.change_password, actor, Proof(stored), new)
            return Response(status_code=204)
    raise Forbidden("`old_password` is not your password. Nothing was changed.")


@router.get(
    "/{user_id}", operation_id="get_user", summary="Get a user", responses=problems(Code.NOT_FOUND)
)
async def get(user_id: Uuid, actor: ActorDep, context: ContextDep) -> UserOut:
    """One user."""
    user = await context.database.read(accounts.get_user, user_id)
    return UserOut.model_validate(user, from_attributes=True)
