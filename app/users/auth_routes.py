"""/auth and /ws-tickets."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from app.core.password_policy import check_password
from app.core.rate_limit import address_key
from app.http.dependencies import (
    ActorDep,
    ClaimsDep,
    ContextDep,
    get_client_address,
    watch_disconnect,
)
from app.http.problems import problem_responses
from app.http.rates import LIGHT_WRITE, LOGOUT, READ, REGISTER
from app.http.strict_json import StrictRoute
from app.users import accounts, sessions
from app.users.accounts import NewAccount
from app.users.logins import issue_device_token, log_in, renew, sign_access_token
from app.users.token_form import TokenFormDep, describe_form
from app.users.views import me_out
from app.wire.errors import ErrorCode, Forbidden
from app.wire.schemas.users import Me, Register, SessionOut, TicketOut, TokenForm, TokenOut
from app.wire.validation import CanonicalUuid

router = APIRouter(tags=["auth"], route_class=StrictRoute)


@router.post(
    "/auth/register",
    operation_id="register_account",
    summary="Register an account",
    status_code=201,
    responses=problem_responses(ErrorCode.USERNAME_TAKEN, ErrorCode.FORBIDDEN),
    dependencies=[Depends(REGISTER)],
)
async def register(body: Register, context: ContextDep, request: Request) -> Me:
    """Make an account."""
    if context.settings.auth.registration == "closed":
        raise Forbidden("Registration is closed here. Ask an administrator for an account.")
    display_name = body.display_name or body.username
    await asyncio.to_thread(check_password, body.password, "password", body.username, display_name)
    keys = [address_key(get_client_address(request))]
    async with watch_disconnect(request) as disconnected:
        password_hash = await context.passwords.hash(body.password, keys, disconnected)
    account = NewAccount(body.username, display_name, password_hash)
    user = await context.database.transact(accounts.register, account)
    return me_out(user)


@router.post(
    "/auth/token",
    operation_id="issue_token",
    summary="Log in, or renew a login",
    responses=problem_responses(
        *(ErrorCode.INVALID_REQUEST, ErrorCode.UNSUPPORTED_GRANT_TYPE, ErrorCode.INVALID_GRANT),
        ErrorCode.FORBIDDEN,
    ),
    openapi_extra=describe_form(TokenForm),
)
async def issue_token(
    form: TokenFormDep,
    context: ContextDep,
    request: Request,
    response: Response,
    user_agent: Annotated[str, Header(include_in_schema=False)] = "",
) -> TokenOut:
    """Log in with `grant_type=password`, or renew with `grant_type=refresh_token`.

    A refresh token is used once. A repeat gets the same successor, until one of the tokens that
    came with it is used; a later repeat ends the session. A user who is banned is `forbidden`. Keep
    the `device_token` of a login and send it with the next one: wrong passwords of others then do
    not delay it.
    """
    if form.grant_type == "password":
        login = await log_in(form, context, user_agent, request)
    else:
        login = await renew(form.refresh_token or "", context, request)
    response.headers["Pragma"] = "no-cache"  # RFC 6749, 5.1
    return TokenOut(
        access_token=sign_access_token(context, login),
        expires_in=context.settings.auth.access_token_ttl_s,
        refresh_token=login.refresh_token,
        device_token=issue_device_token(form, context),
    )


@router.post(
    "/auth/logout",
    operation_id="log_out",
    summary="Log out",
    status_code=204,
    dependencies=[Depends(LOGOUT)],
)
async def logout(claims: ClaimsDep, context: ContextDep) -> Response:
    """End the session of the access token, which may have expired; its sockets are closed.

    Again, it changes nothing.
    """
    await context.database.transact(sessions.end_session, claims.session, claims.user)
    return Response(status_code=204)


@router.get(
    "/auth/sessions",
    operation_id="list_sessions",
    summary="List sessions of the caller",
    dependencies=[Depends(READ)],
)
async def list_sessions(actor: ActorDep, context: ContextDep) -> list[SessionOut]:
    """The caller's living sessions, the newest first."""
    rows = await context.database.read(sessions.list_sessions, actor)
    return [
        SessionOut(
            id=s.id,
            client=s.client,
            address=s.address,
            created_at=s.created_at,
            used_at=s.used_at,
            expires_at=s.expires_at,
            current=s.id == actor.session,
        )
        for s in rows
    ]


@router.delete(
    "/auth/sessions/{session_id}",
    status_code=204,
    operation_id="revoke_session",
    summary="End a session of the caller",
    responses=problem_responses(ErrorCode.NOT_FOUND),
    dependencies=[Depends(LIGHT_WRITE)],
)
async def revoke_session(
    session_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> Response:
    """End one session: its tokens stop working and its sockets are closed."""
    await context.database.transact(sessions.revoke_session, actor, session_id)
    return Response(status_code=204)


@router.post(
    "/ws-tickets",
    operation_id="issue_ticket",
    summary="Issue a ticket for a socket",
    status_code=201,
    dependencies=[Depends(LIGHT_WRITE)],
)
async def issue_ticket(actor: ActorDep, context: ContextDep) -> TicketOut:
    """A ticket for one WebSocket, so that no token stands in a URL or in a page."""
    lifetime_s = context.settings.auth.ticket_ttl_s
    secret = await context.database.transact(
        sessions.issue_ticket, actor, lifetime_s, context.settings.limits.tickets_per_session
    )
    return TicketOut(ticket=secret, expires_in=lifetime_s)
