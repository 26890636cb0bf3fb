"""Logins and renewals as requests: their limits, passwords and tokens. Both transports of a refresh
token, the form and the cookie, use these functions."""

from contextlib import suppress
from uuid import UUID

from fastapi import Request

from app.application.app_context import AppContext
from app.core.clock import now
from app.core.rate_limit import PolicyName, address_key
from app.http.dependencies import get_client_address
from app.http.rates import WRITE, spend
from app.users import sessions
from app.users.login_attempts import Attempt, create_login_attempt, find_session, verify_password
from app.users.sessions import VerifiedPassword
from app.wire.errors import InvalidGrant
from app.wire.schemas.users import TokenForm
from app.wire.user_and_room_names import normalized_name

REUSED = (
    "This refresh token was used before, so somebody has a copy of it. The session was ended; "
    "log in again."
)


def sign_access_token(context: AppContext, login: sessions.Login) -> str:
    issued = now()
    return context.tokens.sign(login.claims, issued, issued + context.access_lifetime)


def issue_device_token(form: TokenForm, context: AppContext) -> str | None:
    """After a right password, the device's own token if it is valid, or a new one."""
    if form.grant_type != "password":
        return None
    key, own_token = normalized_name(form.username or ""), form.device_token
    if own_token and context.device_tokens.identify(key, own_token):
        return own_token
    return context.device_tokens.issue(key)


async def log_in(
    form: TokenForm, context: AppContext, user_agent: str, request: Request
) -> sessions.Login:
    """Opens a session. Raises InvalidGrant, Forbidden, LimitExceeded, Busy."""
    username, password = form.username or "", form.password or ""
    address = get_client_address(request)
    attempt = create_login_attempt(context, username, address, form.device_token)
    await attempt.check(context)
    for _ in range(sessions.MAX_VERIFY_ATTEMPTS):
        user_id, stored = await context.database.read(
            sessions.get_password_hash, normalized_name(username)
        )
        is_right = await verify_password(context, request, attempt, stored, password)
        if user_id is None or stored is None or not is_right:
            break
        verified_password = VerifiedPassword(
            stored, await _rehash(context, stored, password, attempt)
        )
        await spend(request, context.limiter, PolicyName.WRITES, user_id, WRITE.cost)
        with suppress(sessions.HashReplaced):
            return await _open_session(context, user_id, verified_password, user_agent, address)
    raise InvalidGrant(sessions.WRONG_PASSWORD)


async def _rehash(context: AppContext, stored: str, password: str, attempt: Attempt) -> str | None:
    if not context.passwords.needs_rehash(stored):
        return None
    return await context.passwords.hash(password, attempt.keys)


async def _open_session(
    context: AppContext,
    user_id: UUID,
    verified_password: VerifiedPassword,
    user_agent: str,
    address: str,
) -> sessions.Login:
    return await context.database.transact(
        sessions.open_session,
        user_id,
        verified_password,
        user_agent,
        address,
        context.settings.auth,
        context.settings.limits.sessions_per_user,
    )


async def renew(refresh_token: str, context: AppContext, request: Request) -> sessions.Login:
    """Raises InvalidGrant, Forbidden, LimitExceeded."""
    await spend_on_session(refresh_token, context, request)
    login = await context.database.transact(
        sessions.refresh, refresh_token, context.tokens, context.settings.auth
    )
    if login is None:
        raise InvalidGrant(REUSED)
    return login


async def spend_on_session(
    refresh_token: str, context: AppContext, request: Request
) -> UUID | None:
    """Charges the session of a refresh token and returns it; an unknown token is charged to the
    address. Raises LimitExceeded."""
    session = await context.database.read(find_session, refresh_token)
    if session:
        await spend(request, context.limiter, PolicyName.WRITES, session, WRITE.cost)
    else:
        address = address_key(get_client_address(request))
        await spend(request, context.limiter, PolicyName.RENEWALS, address)
    return session
