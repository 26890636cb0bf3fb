"""The settings of a room: what they are, and what changes them."""

from uuid import UUID

from app.core.actor import Actor
from app.persistence.tables import Room, User
from app.persistence.uow import UnitOfWork
from app.wire.domain import Permission
from app.wire.room_settings import (
    SETTINGS_OF_MANAGERS,
    RoomSettings,
    UpdateRoomSettings,
    parse_settings,
)
from app.wire.schemas.rooms import UpdateRoom


def room_settings(room: Room) -> RoomSettings:
    return parse_settings(room.settings)


def shows_marker(settings: RoomSettings, user: User, viewer: UUID) -> bool:
    """Whether the viewer sees how far a member has read."""
    return user.id == viewer or (settings.read_by and user.share_read_markers is not False)


def needed_permissions(change: UpdateRoom) -> set[Permission]:
    """Besides that to archive. Settings that say what others may do are permissions."""
    settings = change.settings.changes().keys() if change.settings else set()
    edits = change.name is not None or change.topic is not None or settings - SETTINGS_OF_MANAGERS
    needed = {Permission.MANAGE_PERMISSIONS} if settings & SETTINGS_OF_MANAGERS else set()
    return needed | ({Permission.EDIT} if edits else set())


async def change_settings(
    uow: UnitOfWork, room: Room, actor: Actor, change: UpdateRoomSettings
) -> None:
    before = room_settings(room)
    settings = before.model_copy(update=change.changes())
    if settings.retention_days != before.retention_days:
        await uow.retentions.set_days(room.id, settings.retention_days, actor.user)
    if (before.history, settings.history) == ("since_joining", "all"):
        room.opened_seq = room.seq
    document = settings.model_dump_json(exclude_defaults=True)
    room.settings = None if document == "{}" else document
