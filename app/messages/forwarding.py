"""Forwarding: a message of one room is sent into another one as a copy."""

from uuid import UUID

from app.core.actor import Actor
from app.core.forward_content import ForwardContent
from app.core.send_request import SendRequest, SendResult
from app.messages.send.change_rules import DELETED, NO_MESSAGE
from app.messages.send.rules import duplicate_result
from app.persistence.uow import ReadSession
from app.rooms.access import get_member_room
from app.wire.content import Forwarded
from app.wire.errors import Forbidden, NotFound


async def copy_source(reader: ReadSession, actor: Actor, room_id: UUID, seq: int) -> Forwarded:
    """Of a message that says nothing itself but forwards another one, the copy that it has.
    Raises NotFound, Forbidden."""
    await get_member_room(reader, actor, room_id)
    message = await reader.messages.get(room_id, seq, actor.user)
    if message is None:
        raise NotFound(NO_MESSAGE)
    if message.deletion:
        raise NotFound(DELETED)
    if message.forwarded and not message.text:
        return message.forwarded
    return Forwarded(room=room_id, seq=seq, sender=message.sender, at=message.at, text=message.text)


async def prepare_forward(
    reader: ReadSession, send: SendRequest, content: ForwardContent
) -> SendRequest | SendResult:
    """The send with a copy of its source; or the result of an earlier one with the same nonce, if
    the source cannot be read any more. Raises NotFound, Forbidden."""
    try:
        source = await copy_source(reader, send.actor, content.source_room, content.source_seq)
    except (NotFound, Forbidden):
        first = await reader.messages.find_sent(*send.key)
        if first is None:
            raise
        return duplicate_result(send, first)
    return send._replace(content=content.model_copy(update={"forwarded": source}))
