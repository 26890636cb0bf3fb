"""Use cases of moderation: a banned user has no session, and gets none.

A ban ends the user's sessions in its own transaction, under the user's row lock, which every login
takes, too (`users/sessions.py`). Memberships and messages stay as they are.
"""

from datetime import datetime
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.persistence.tables import User
from app.persistence.uow import UnitOfWork
from app.users.sessions import end_sessions
from app.wire.audit import AuditAction
from app.wire.errors import Forbidden, NotFound
from app.wire.user_and_room_names import normalized_name

NO_USER = "There is no such user."


async def ban(uow: UnitOfWork, actor: Actor, user_id: UUID) -> datetime:
    """Since when the user is banned: again changes nothing. Raises Forbidden, NotFound."""
    user = await _lock_target(uow, actor, user_id)
    await _ban(uow, actor.user, user)
    assert user.banned_at is not None
    return user.banned_at


async def unban(uow: UnitOfWork, actor: Actor, user_id: UUID) -> None:
    """Let the user log in again; the sessions stay ended. Raises Forbidden, NotFound."""
    _unban(uow, actor.user, await _lock_target(uow, actor, user_id))


async def ban_by_name(uow: UnitOfWork, username: str) -> bool:
    """For operators, who need no account. False if the user was banned already. Raises NotFound."""
    return await _ban(uow, None, await _lock_by_name(uow, username))


async def unban_by_name(uow: UnitOfWork, username: str) -> bool:
    """False if the user was not banned. Raises NotFound."""
    return _unban(uow, None, await _lock_by_name(uow, username))


async def _ban(uow: UnitOfWork, actor: UUID | None, user: User) -> bool:
    if user.banned_at is not None:
        return False
    uow.audit_log.record(actor, AuditAction.USER_BANNED, AuditTarget(user=user.id))
    user.banned_at = now()
    await end_sessions(uow, user.id, user.banned_at)
    return True


def _unban(uow: UnitOfWork, actor: UUID | None, user: User) -> bool:
    if user.banned_at is None:
        return False
    uow.audit_log.record(
        actor,
        AuditAction.USER_UNBANNED,
        AuditTarget(user=user.id),
        before={"at": user.banned_at},
    )
    user.banned_at = None
    return True


async def _lock_target(uow: UnitOfWork, actor: Actor, user_id: UUID) -> User:
    """Both accounts are locked, in the order of their ids: of two administrators who ban each
    other at the same time, one does."""
    accounts = {each: await uow.users.lock(each) for each in sorted({actor.user, user_id})}
    administrator, user = accounts[actor.user], accounts[user_id]
    if administrator is None or not administrator.is_admin or administrator.banned_at is not None:
        raise Forbidden("Only administrators of the server may ban users.")
    if user is None:
        raise NotFound(NO_USER)
    if user_id == actor.user:
        raise Forbidden("You may not ban yourself.")
    return user


async def _lock_by_name(uow: UnitOfWork, username: str) -> User:
    account = await uow.users.by_key(normalized_name(username))
    user = await uow.users.lock(account.id) if account else None
    if user is None:
        raise NotFound(NO_USER)
    return user
