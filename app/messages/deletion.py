"""Use cases that delete messages. What is left of one is its place in the log, who sent it and
when, and who deleted it and when."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.messages.send.change_rules import NO_MESSAGE
from app.messages.threads import remove_replies
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.uow import UnitOfWork
from app.rooms.access import (
    lock_member_room,
    require_not_archived,
    require_permission,
    visible_after,
)
from app.wire.audit import AuditAction
from app.wire.domain import Permission
from app.wire.errors import NotFound
from app.wire.events import Message, MessagesDeleted
from app.wire.message_parts import Deletion

MAX_PER_EVENT = 100
T = TypeVar("T")


class BulkDeletion(NamedTuple):
    deleted: int
    more: bool  # there are more messages that the request names


async def delete_message(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> Message:
    """An own message, or with the permission that of another one. Deleting it again changes
    nothing."""
    [message] = await delete_messages(uow, actor, room_id, [seq])
    return message


async def delete_messages(
    uow: UnitOfWork, actor: Actor, room_id: UUID, seqs: Sequence[int]
) -> list[Message]:
    """All of these messages or none. Returns what is left of them. Raises NotFound, Forbidden."""
    room, member = await lock_member_room(uow, actor, room_id)
    require_not_archived(room)
    hidden_up_to = visible_after(room, member)
    readable = {seq for seq in seqs if seq > hidden_up_to}
    messages = await uow.messages.list_unchecked(room_id, readable)
    if len(messages) < len(set(seqs)):
        raise NotFound(NO_MESSAGE)
    if any(message.sender != actor.user for message in messages):
        require_permission(Permission.MODERATE, room, member, actor)
    present = [message for message in messages if not message.deletion]
    _record(uow, room, actor, present)
    deleted = await delete_unchecked(uow, room, actor.user, present)
    return [deleted.get(message.seq, message) for message in messages]


async def delete_by_sender(
    uow: UnitOfWork, actor: Actor, room_id: UUID, sender: UUID, since: datetime, limit: int
) -> BulkDeletion:
    """The newest `limit` messages of a sender since a time, also those that the room does not show
    to the actor. Raises NotFound, Forbidden."""
    room, member = await lock_member_room(uow, actor, room_id)
    require_not_archived(room)
    if sender != actor.user:
        require_permission(Permission.MODERATE, room, member, actor)
    seqs = await uow.messages.seqs_by_sender(room_id, sender, since, limit + 1)
    messages = await uow.messages.list_unchecked(room_id, seqs[:limit])
    _record(uow, room, actor, messages)
    await delete_unchecked(uow, room, actor.user, messages)
    return BulkDeletion(len(messages), len(seqs) > limit)


async def delete_unchecked(
    uow: UnitOfWork, room: LockedRoom, by: UUID, messages: Sequence[Message]
) -> dict[int, Message]:
    """What is left of messages that are not deleted yet, by seq. Checks no permission."""
    if not messages:
        return {}
    deletion = Deletion(by=by, at=now())
    tombstones = {message.seq: _tombstone(message, deletion) for message in messages}
    await uow.messages.delete(room.id, messages, list(tombstones.values()))
    for seqs in _chunks(sorted(tombstones), MAX_PER_EVENT):
        _append(uow, room, deletion, seqs)
    if shown := [message.seq for message in messages if message.in_timeline]:
        room.deleted_seq = max(room.deleted_seq or 0, *shown)
        uow.events.set_last_message(room.id, await uow.messages.last_seq(room.id))
    roots = await remove_replies(uow, room, deletion, messages)
    return {seq: roots.get(seq, tombstone) for seq, tombstone in tombstones.items()}


def _record(uow: UnitOfWork, room: LockedRoom, actor: Actor, messages: Sequence[Message]) -> None:
    """Messages of others, in one entry for each sender and event."""
    by_sender: dict[UUID, list[int]] = {}
    for message in messages:
        if message.sender != actor.user:
            by_sender.setdefault(message.sender, []).append(message.seq)
    for sender, seqs in by_sender.items():
        for chunk in _chunks(sorted(seqs), MAX_PER_EVENT):
            target = AuditTarget(room.id, sender, chunk[0] if len(chunk) == 1 else None)
            uow.audit_log.record(
                actor.user, AuditAction.MESSAGES_DELETED, target, before={"seqs": chunk}
            )


def _append(uow: UnitOfWork, room: LockedRoom, deletion: Deletion, seqs: list[int]) -> None:
    uow.append_event(
        room,
        lambda seq: MessagesDeleted(
            room=room.id, seq=seq, actor=deletion.by, at=deletion.at, seqs=seqs
        ),
    )


def _tombstone(message: Message, deletion: Deletion) -> Message:
    return Message(
        text="",
        seq=message.seq,
        sender=message.sender,
        at=message.at,
        nonce=message.nonce,
        deletion=deletion,
        thread=message.thread,
        also_in_room=message.also_in_room,
        thread_summary=message.thread_summary,
    )


def _chunks(items: Sequence[T], size: int) -> Iterator[list[T]]:
    return (list(items[start : start + size]) for start in range(0, len(items), size))
