"""/auth and /ws-tickets."""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Header, Request, Response

from app.core.clock import now
from app.core.errors import Code, Forbidden, Invalid, InvalidGrant
from app.core.fields import Uuid
from app.core.names import name_key
from app.users import accounts, logins
from app.users.accounts import NewAccount
from app.users.logins import Proof
from app.users.schemas import Me, Register, SessionOut, TicketOut, TokenForm, TokenOut
from app.web.bodies import StrictRoute
from app.web.context import Context
from app.web.deps import ActorDep, ContextDep, client_address, throttled
from app.web.problems import problems

router = APIRouter(tags=["auth"], route_class=StrictRoute)

REUSED = (
    "This refresh token was used before, so somebody has a copy of it. The session was ended; "
    "log in again."
)


@router.post(
    "/auth/register",
    operation_id="register_account",
    summary="Register an account",
    status_code=201,
    responses=problems(Code.USERNAME_TAKEN, Code.FORBIDDEN, Code.RATE_LIMITED),
    dependencies=[Depends(throttled)],
)
async def register(body: Register, context: ContextDep) -> Me:
    """Make an account."""
    if context.settings.auth.registration == "closed":
        raise Forbidden("Registration is closed here. Ask an administrator for an account.")
    account = NewAccount(
        body.username,
        body.display_name or body.username,
        await context.passwords.hash(body.password),
    )
    user = await context.database.transact(accounts.register, account)
    return Me.model_validate(user, from_attributes=True)


@router.post(
    "/auth/token",
    operation_id="issue_token",
    summary="Log in, or renew a login",
    responses=problems(Code.INVALID_GRANT, Code.FORBIDDEN, Code.RATE_LIMITED),
    dependencies=[Depends(throttled)],
)
async def token(
    form: Annotated[TokenForm, Form()],
    context: ContextDep,
    request: Request,
    user_agent: Annotated[str, Header(include_in_schema=False)] = "",
) -> TokenOut:
    """Log in with `grant_type=password`, or renew with `grant_type=refresh_token`.

    A refresh token is used once; a repeat within a few seconds gets the same answer, a later one
    ends the session. Who is banned is refused with `forbidden`.
    """
    if form.grant_type == "password":
        login = await _log_in(form, context, user_agent, client_address(request))
    else:
        login = await _renew(form, context)
    issued = now()
    expires = issued + context.access_lifetime
    return TokenOut(
        access_token=context.tokens.sign(login.claims, issued, expires),
        expires_in=context.settings.auth.access_token_s,
        refresh_token=login.refresh_token,
    )


async def _log_in(form: TokenForm, context: Context, user_agent: str, address: str) -> logins.Login:
    if form.username is None or form.password is None:
        raise Invalid("grant_type=password needs `username` and `password`.")
    for _ in range(logins.LOOKS):
        with suppress(logins.HashReplaced):
            return await _check_password(form.username, form.password, context, user_agent, address)
    raise InvalidGrant(logins.WRONG_PASSWORD)


async def _check_password(
    username: str, password: str, context: Context, user_agent: str, address: str
) -> logins.Login:
    database, passwords = context.database, context.passwords
    user_id, stored = await database.read(logins.password_of, name_key(username))
    right = await passwords.verify(stored, password)
    if user_id is None or stored is None or not right:
        raise InvalidGrant(logins.WRONG_PASSWORD)
    renewed = await passwords.hash(password) if passwords.outdated(stored) else None
    return await database.transact(
        logins.open_session,
        user_id,
        Proof(stored, renewed),
        user_agent,
        address,
        context.settings.auth,
        context.settings.limits.sessions_per_user,
    )


async def _renew(form: TokenForm, context: Context) -> logins.Login:
    if not form.refresh_token:
        raise Invalid("grant_type=refresh_token needs `refresh_token`.")
    login = await context.database.transact(
        logins.refresh, form.refresh_token, context.tokens, context.settings.auth
    )
    if login is None:
        raise InvalidGrant(REUSED)
    return login


@router.post("/auth/logout", status_code=204, operation_id="log_out", summary="Log out")
async def logout(actor: ActorDep, context: ContextDep) -> Response:
    """End the session that asks; its sockets are closed."""
    await context.database.transact(logins.log_out, actor)
    return Response(status_code=204)


@router.get("/auth/sessions", operation_id="list_sessions", summary="List sessions of the caller")
async def sessions(actor: ActorDep, context: ContextDep) -> list[SessionOut]:
    """The caller's living sessions, the newest first."""
    found = await context.database.read(logins.list_sessions, actor)
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
        for s in found
    ]


@router.delete(
    "/auth/sessions/{session_id}",
    status_code=204,
    operation_id="revoke_session",
    summary="End a session of the caller",
    responses=problems(Code.NOT_FOUND),
)
async def revoke(session_id: Uuid, actor: ActorDep, context: ContextDep) -> Response:
    """End one session: its tokens stop working and its sockets are closed."""
    await context.database.transact(logins.revoke_session, actor, session_id)
    return Response(status_code=204)


@router.post(
    "/ws-tickets",
    status_code=201,
    operation_id="issue_ticket",
    summary="Issue a ticket for a socket",
)
async def ticket(actor: ActorDep, context: ContextDep) -> TicketOut:
    """A ticket for one WebSocket, so that no token stands in a URL or in a page."""
    secret = await context.database.transact(logins.issue_ticket, actor, context.settings.auth)
    return TicketOut(ticket=secret, expires_in=context.settings.auth.ticket_s)
