"""Use cases of an installation as a whole: its first administrator, and its name."""

from typing import NamedTuple

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.persistence.tables import ServerSettings, User
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.service import RoomView, create_room
from app.users import accounts
from app.users.accounts import NewAccount
from app.wire.audit import AuditAction
from app.wire.domain import RoomKind
from app.wire.errors import Forbidden
from app.wire.schemas.rooms import CreateRoom

DEFAULT_NAME = "Chat"


class Installation(NamedTuple):
    """What anybody may know of the server."""

    name: str
    needs_setup: bool


class FirstAccount(NamedTuple):
    user: User
    actor: Actor
    room: RoomView


async def get_installation(reads: ReadSession) -> Installation:
    settings = await reads.server_settings.get()
    if settings is None:
        return Installation(DEFAULT_NAME, needs_setup=True)
    return _describe(settings)


async def set_up(
    uow: UnitOfWork, account: NewAccount, server_name: str, room_name: str, max_rooms: int
) -> FirstAccount:
    """The first administrator, the name of the server and its first room, all or nothing.

    Raises Forbidden if the server is set up already; of several at once, one succeeds.
    """
    settings = await uow.server_settings.lock()
    require_pending(_describe(settings))
    settings.name = server_name
    user = await accounts.register(uow, account)
    await uow.flush()
    actor = Actor(user.id, user.id, is_admin=True, expires_at=now())
    room = CreateRoom(kind=RoomKind.PUBLIC, name=room_name)
    created = await create_room(uow, actor, room, max_rooms, "everybody")
    return FirstAccount(user, actor, created.view)


def require_pending(installation: Installation) -> None:
    """Raises Forbidden."""
    if not installation.needs_setup:
        raise Forbidden(
            "This server is set up already: sign in. Another administrator is made with "
            "`python -m app create-admin`, by the operator."
        )


async def rename(uow: UnitOfWork, actor: Actor, name: str | None) -> Installation:
    """None leaves the name as it is."""
    if not actor.is_admin:
        raise Forbidden("Only administrators of the server may change its name.")
    settings = await uow.server_settings.lock()
    if name is not None and name != settings.name:
        uow.audit_log.record(
            actor.user,
            AuditAction.SERVER_UPDATED,
            AuditTarget(),
            before={"name": settings.name},
            after={"name": name},
        )
        settings.name = name
    return _describe(settings)


def _describe(settings: ServerSettings) -> Installation:
    return Installation(settings.name or DEFAULT_NAME, needs_setup=settings.set_up_at is None)
