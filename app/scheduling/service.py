"""Use cases of scheduled messages."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from pydantic_core import to_jsonable_python

from app.core.actor import Actor
from app.core.clock import now
from app.core.ids import new_id
from app.core.send_request import SendRequest, SendResult, fingerprint
from app.messages.send.batch import commit_batch
from app.messages.send.change_rules import MessageLimits
from app.messages.send.rules import send_permissions
from app.persistence.direct_reads import DirectReads
from app.persistence.item_tables import ScheduledMessage
from app.persistence.repositories.item_query import ItemValue
from app.persistence.uow import UnitOfWork
from app.rooms.access import get_member_room, require_not_archived, require_permission
from app.rooms.policy import NO_ROOM
from app.wire.content import NewContent
from app.wire.errors import (
    ChatError,
    Forbidden,
    NonceConflict,
    NotFound,
    NotPending,
    QuotaExceeded,
)
from app.wire.items import ItemKey, ItemKind, ScheduledState
from app.wire.schemas.items import UpdateScheduled

NO_SCHEDULED = "You have no scheduled message with this id."
BANNED = "The account was banned when the message was due."


class Created(NamedTuple):
    scheduled: ScheduledMessage
    is_new: bool


async def list_scheduled(
    reads: DirectReads, user: UUID, after: UUID | None, limit: int
) -> list[ItemValue]:
    return await reads.scheduled_messages.page(user, after, limit)


async def schedule_message(
    uow: UnitOfWork,
    actor: Actor,
    room_id: UUID,
    nonce: str,
    content: NewContent,
    due_at: datetime,
    max_scheduled: int,
) -> Created:
    """The same nonce again finds the first one, also once it was sent. Raises NotFound, Forbidden,
    RoomArchived, NonceConflict, QuotaExceeded."""
    room, member = await get_member_room(uow, actor, room_id)
    first = await uow.scheduled_messages.find(actor.user, room_id, nonce)
    if first is None:
        for permission in send_permissions(content):
            require_permission(permission, room, member, actor)
        require_not_archived(room)
        await uow.user_logs.lock(actor.user)
        first = await uow.scheduled_messages.find(actor.user, room_id, nonce)
    if first is not None:
        if first.fingerprint != fingerprint(content):
            raise NonceConflict("You used this nonce in this room for another scheduled message.")
        return Created(first, is_new=False)
    if await uow.scheduled_messages.count(actor.user) >= max_scheduled:
        raise QuotaExceeded(f"You have {max_scheduled} scheduled messages. Delete some of them.")
    scheduled = ScheduledMessage(
        user_id=actor.user,
        id=new_id(),
        room_id=room_id,
        nonce=nonce,
        fingerprint=fingerprint(content),
        content=_encode(content),
        due_at=due_at,
        state=ScheduledState.PENDING,
    )
    uow.scheduled_messages.add(scheduled)
    await uow.flush()  # an equal nonce must show before the event is logged
    _log_change(uow, scheduled)
    return Created(scheduled, is_new=True)


async def update_scheduled(
    uow: UnitOfWork, actor: Actor, id_: UUID, change: UpdateScheduled
) -> ScheduledMessage:
    """Raises NotFound, NotPending."""
    scheduled = await uow.scheduled_messages.lock(actor.user, id_)
    if scheduled is None:
        raise NotFound(NO_SCHEDULED)
    if scheduled.state != ScheduledState.PENDING:
        raise NotPending(f"The message is {scheduled.state}: it can no longer be changed.")
    fields = {name: getattr(change, name) for name in change.model_fields_set - {"due_at"}}
    if change.text is None:
        fields.pop("text", None)
    content = _encode(decode_content(scheduled).model_copy(update=fields))
    due_at = change.due_at or scheduled.due_at
    if (content, due_at) != (scheduled.content, scheduled.due_at):
        scheduled.content, scheduled.due_at = content, due_at
        _log_change(uow, scheduled)
    return scheduled


async def delete_scheduled(uow: UnitOfWork, actor: Actor, id_: UUID) -> None:
    """Raises NotFound, and NotPending once the message was sent."""
    scheduled = await uow.scheduled_messages.lock(actor.user, id_)
    if scheduled is None:
        raise NotFound(NO_SCHEDULED)
    if scheduled.state == ScheduledState.SENT:
        raise NotPending("The message was sent.")
    await uow.scheduled_messages.delete(scheduled)
    _log_change(uow, scheduled)


async def send_scheduled(uow: UnitOfWork, user: UUID, id_: UUID, limits: MessageLimits) -> bool:
    """Send a message that is due, or note why it is refused; False: somebody else does, or has.

    The message and the mark are one transaction, so that a process may be killed at any moment. Its
    nonce is made from the id: no defect of this could send it twice, either.
    """
    scheduled = await uow.scheduled_messages.lock_due(user, id_)
    if scheduled is None:
        return False
    try:
        result = await _send(uow, scheduled, limits)
    except ChatError as error:
        scheduled.state, scheduled.error = ScheduledState.FAILED, error.code
    else:
        scheduled.state, scheduled.message_seq = ScheduledState.SENT, result.message.seq
    _log_change(uow, scheduled)
    return True


async def _send(uow: UnitOfWork, scheduled: ScheduledMessage, limits: MessageLimits) -> SendResult:
    """Raises what a send raises now."""
    user = await uow.users.get(scheduled.user_id)
    if user is None or user.banned_at is not None:
        raise Forbidden(BANNED)
    actor = Actor(user.id, user.id, is_admin=user.is_admin, expires_at=now())
    nonce = f"scheduled:{scheduled.id}"
    send = SendRequest(actor, scheduled.room_id, nonce, decode_content(scheduled))
    [outcome] = await commit_batch(uow, [send], limits, wait=True)
    if outcome is None:
        raise NotFound(NO_ROOM)
    if isinstance(outcome, ChatError):
        raise outcome
    assert isinstance(outcome, SendResult)
    return outcome


def decode_content(scheduled: ScheduledMessage) -> NewContent:
    return NewContent.model_validate_json(scheduled.content)


def _encode(content: NewContent) -> str:
    return orjson.dumps(content.sent_fields(), default=to_jsonable_python).decode()


def _log_change(uow: UnitOfWork, scheduled: ScheduledMessage) -> None:
    key = ItemKey(ItemKind.SCHEDULED_MESSAGE, scheduled.room_id, id=scheduled.id)
    uow.user_logs.add_item(scheduled.user_id, key)
