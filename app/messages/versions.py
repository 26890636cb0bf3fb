"""What a message said before it was edited, and who may read that."""

from uuid import UUID

from app.core.actor import Actor
from app.messages.send.change_rules import DELETED, NO_MESSAGE
from app.persistence.uow import ReadSession
from app.rooms.access import get_member_room
from app.rooms.policy import ADMINS
from app.rooms.settings import room_settings
from app.wire.domain import Role
from app.wire.errors import Forbidden, NotFound
from app.wire.room_settings import VersionAccess
from app.wire.schemas.messages import MessageVersionOut


def may_read_versions(access: VersionAccess, role: Role, *, is_sender: bool) -> bool:
    if is_sender or access == "members":
        return True
    return access == "admins" and role in ADMINS


async def list_versions(
    reader: ReadSession, actor: Actor, room_id: UUID, seq: int
) -> list[MessageVersionOut]:
    """The first one first, the newest included. Raises NotFound, Forbidden."""
    room, member = await get_member_room(reader, actor, room_id)
    message = await reader.messages.get(room_id, seq, actor.user)
    if message is None:
        raise NotFound(NO_MESSAGE)
    if message.deletion:
        raise NotFound(DELETED)
    access = room_settings(room).version_access
    if not may_read_versions(access, member.role, is_sender=message.sender == actor.user):
        raise Forbidden("You may not read what messages of this room said before an edit.")
    replaced = await reader.messages.list_versions(room_id, seq, actor.user)
    newest = message.version, message.text, message.edit.at if message.edit else message.at
    return [
        MessageVersionOut(version=version, text=text, at=at)
        for version, text, at in (*replaced, newest)
        if version <= message.version
    ]
