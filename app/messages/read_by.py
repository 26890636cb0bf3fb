"""Who has read a message: the members whose read markers say so, in rooms that are not large."""

from uuid import UUID

from app.core.actor import Actor
from app.messages.send.change_rules import NO_MESSAGE
from app.persistence.uow import ReadSession
from app.rooms.access import get_member_room
from app.wire.errors import Forbidden, NotFound
from app.wire.room_settings import parse_settings


async def list_readers(
    reader: ReadSession, actor: Actor, room_id: UUID, seq: int, max_members: int
) -> list[UUID]:
    """Besides its sender, those who let others see it. Raises NotFound, Forbidden."""
    markers = await reader.read_by.find(room_id, seq, actor.user, max_members + 1)
    if markers is None:
        await get_member_room(reader, actor, room_id)
        raise NotFound(NO_MESSAGE)
    if not parse_settings(markers.settings).read_by:
        raise Forbidden("In this room nobody sees how far others have read.")
    if len(markers.rows) > max_members:
        raise Forbidden(f"Who has read a message is shown in rooms of up to {max_members} members.")
    return sorted(
        user
        for user, read_seq, is_shared in markers.rows
        if is_shared and read_seq >= seq and user != markers.sender
    )
