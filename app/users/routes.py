"""/users."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from app.core.paging import decode_cursor, encode_cursor, split_page
from app.core.password_policy import check_password
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit20, Limit100, Search, Seq
from app.http.problems import problem_responses
from app.http.rates import HEAVY_WRITE, READ, SEARCH, WRITE
from app.http.strict_json import StrictRoute
from app.users import accounts, directory, sessions
from app.users.login_attempts import create_session_attempt, verify_password
from app.users.sessions import VerifiedPassword
from app.users.views import me_out, user_out
from app.wire.errors import ErrorCode, Forbidden
from app.wire.schemas.pages import Page
from app.wire.schemas.users import ChangePassword, Me, UpdateProfile, UserEventPage, UserOut
from app.wire.validation import CanonicalUuid

MAX_IDS = 100  # as many parameters as a query may have
UserIds = Annotated[
    Sequence[CanonicalUuid],
    Query(max_length=MAX_IDS, description="Ids of users. Those that are not found are left out."),
]

router = APIRouter(prefix="/users", tags=["users"], route_class=StrictRoute)


@router.get("", operation_id="search_users", summary="Search users", dependencies=[Depends(SEARCH)])
async def search(
    actor: ActorDep,
    context: ContextDep,
    limit: Limit20,
    query: Search = "",
    cursor: Cursor = None,
    ids: UserIds = (),
) -> Page[UserOut]:
    """Find users by a part of their username or display name, sorted by username. A setting of the
    server says which users are found: all, those of shared rooms, these and the user who has
    exactly this username, or none.

    With `ids`, get these users instead: those that `GET /users/{user_id}` would return, on one
    page. The other parameters have no effect then."""
    setting = context.settings.users.directory
    if ids:
        users = await context.database.read(directory.list_visible, actor, ids, setting)
        return Page(items=list(map(user_out, users)), next=None)
    rows = await context.database.read(
        directory.search_users, actor, query, decode_cursor(cursor), limit + 1, setting
    )
    users, more = split_page(list(rows), limit)
    return Page(
        items=list(map(user_out, users)),
        next=encode_cursor(users[-1].username_key) if more else None,
    )


@router.get(
    "/me", operation_id="get_me", summary="Get the caller's account", dependencies=[Depends(READ)]
)
async def me(actor: ActorDep, context: ContextDep) -> Me:
    """The caller."""
    user = await context.database.read(accounts.get_user, actor.user)
    return me_out(user)


@router.get(
    "/me/events",
    operation_id="list_my_events",
    summary="List events of the caller's log",
    dependencies=[Depends(READ)],
)
async def list_my_events(
    actor: ActorDep,
    context: ContextDep,
    limit: Limit100,
    after: Annotated[Seq, Query(description="The last `seq` that the caller has.")] = 0,
) -> UserEventPage:
    """The caller's log: rooms that come and go, and read markers that move, in order, without a
    hole. It goes back 30 days or 10,000 events: a caller whose `after` is below `trimmed` has
    missed events that are deleted, and lists all rooms instead."""
    window = await context.database.read(accounts.list_events, actor.user, after, limit + 1)
    items, more = split_page(window.events, limit)
    return UserEventPage(
        epoch=context.server_state.last.epoch,
        items=items,
        next=items[-1].seq if more else None,
        trimmed=window.trimmed_seq,
    )


@router.patch(
    "/me",
    operation_id="update_me",
    summary="Update the caller's account",
    responses=problem_responses(ErrorCode.USERNAME_TAKEN),
    dependencies=[Depends(WRITE)],
)
async def update_me(body: UpdateProfile, actor: ActorDep, context: ContextDep) -> Me:
    """Change the caller's profile."""
    user = await context.database.transact(accounts.update_profile, actor, body)
    return me_out(user)


@router.put(
    "/me/password",
    operation_id="change_password",
    summary="Change the caller's password",
    status_code=204,
    responses=problem_responses(ErrorCode.FORBIDDEN),
    dependencies=[Depends(HEAVY_WRITE)],
)
async def change_password(
    body: ChangePassword, actor: ActorDep, context: ContextDep, request: Request
) -> Response:
    """Change the caller's password. All other sessions end with it, and their sockets are closed.

    A wrong `old_password` is `forbidden`.
    """
    attempt = create_session_attempt(actor.session)
    await attempt.check(context)
    for _ in range(sessions.MAX_VERIFY_ATTEMPTS):
        user = await context.database.read(accounts.get_user, actor.user)
        names = (user.username, user.display_name)
        await asyncio.to_thread(check_password, body.new_password, "new_password", *names)
        stored = user.password_hash
        is_right = await verify_password(context, request, attempt, stored, body.old_password)
        if stored is None or not is_right:
            break
        new = await context.passwords.hash(body.new_password, attempt.keys)
        with suppress(sessions.HashReplaced):
            await context.database.transact(
                sessions.change_password, actor, VerifiedPassword(stored), new
            )
            return Response(status_code=204)
    raise Forbidden("`old_password` is not your password. Nothing was changed.")


@router.get(
    "/{user_id}",
    operation_id="get_user",
    summary="Get a user",
    responses=problem_responses(ErrorCode.NOT_FOUND),
    dependencies=[Depends(READ)],
)
async def get(user_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> UserOut:
    """One user, if the server's directory shows them to the caller."""
    setting = context.settings.users.directory
    return user_out(await context.database.read(directory.get_visible, actor, user_id, setting))
