"""Use cases of messages: send, read, mark as read, and the log.

Every statement sees what is committed when it runs, so a removal may come between two of a page.
Pages therefore end at the head that `enter` read before the membership: who was a member after that
head was read may see everything up to it, whatever has happened since.
"""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from app.core import events
from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import Invalid, NonceConflict, NotFound
from app.core.events import Announcement, Event, Kind, MessageCreated, ReadMarker, encode
from app.core.sends import Sent
from app.messages.mentions import mentioned_keys
from app.messages.schemas import Draft
from app.persistence.repositories.events import to_wire
from app.persistence.repositories.rooms import Badge, LockedRoom
from app.persistence.tables import Message
from app.persistence.uow import Reader, UnitOfWork
from app.rooms.access import NO_ROOM, enter, refuse_archived


class Slice(NamedTuple):
    """Messages, and whether there are more on either side."""

    messages: list[events.Message]
    more_before: bool
    more_after: bool


def check_length(text: str, most: int) -> None:
    """The limit is a setting, so that it cannot stand in the schema."""
    if len(text) > most:
        raise Invalid(
            f"The text has {len(text)} characters; {most} are allowed. Split it.",
            [{"path": "text", "message": f"String should have at most {most} characters"}],
        )


async def send(uow: UnitOfWork, actor: Actor, room_id: UUID, draft: Draft) -> Sent:
    """Record a message, once: the same sender and nonce get the first message, and no new seq.

    The room's row is locked from the first statement on, so of any number of equal sends one
    records and the others find it: also after its sender had to go, because a send that is repeated
    for want of an answer must not be told that it failed. Raises NonceConflict for another message
    under the same nonce.
    """
    room = await uow.rooms.lock(room_id)
    if room is None:
        raise NotFound(NO_ROOM)
    first = await uow.messages.by_nonce(room_id, actor.user, draft.nonce)
    if first:
        return repeated(to_wire(first), draft.text, draft.reply_to)
    await enter(uow, actor, room_id)  # under the lock: who is a member now is one at the next seq
    refuse_archived(room)
    if draft.reply_to is not None and not await uow.messages.get(room_id, draft.reply_to):
        raise no_such_message(draft.reply_to)
    return await _append(uow, actor, room, draft)


def repeated(first: events.Message, text: str, reply_to: int | None) -> Sent:
    """The answer to another send of the nonce of `first`. Raises NonceConflict."""
    if (first.text, first.reply_to) != (text, reply_to):
        raise NonceConflict(
            f"You used this nonce in this room for message {first.seq}, which is a different "
            "one. Make a new nonce for each message."
        )
    return Sent(first, duplicate=True)


def no_such_message(reply_to: int) -> Invalid:
    return Invalid(
        f"`reply_to` is {reply_to}, but this room has no message with that seq.",
        [{"path": "reply_to", "message": "no such message in this room"}],
    )


async def _append(uow: UnitOfWork, actor: Actor, room: LockedRoom, draft: Draft) -> Sent:
    message = Message(
        sender_id=actor.user,
        nonce=draft.nonce,
        text=draft.text,
        reply_to=draft.reply_to,
        at=now(),
    )
    mentioned = await mentioned_members(uow, room.id, draft.text)
    return Sent(put_message(uow, room, message, mentioned), duplicate=False)


def put_message(
    uow: UnitOfWork, room: LockedRoom, message: Message, mentioned: Iterable[UUID]
) -> events.Message:
    """Record a message, all of it but its place, at the room's next seq."""
    message.room_id, message.seq = room.id, room.seq + 1
    uow.messages.add(message, mentioned)
    wire = to_wire(message)
    uow.record(
        room,
        lambda seq: MessageCreated(
            room=room.id, seq=seq, actor=message.sender_id, at=message.at, message=wire
        ),
    )
    return wire


async def mentioned_members(reads: Reader, room_id: UUID, text: str) -> set[UUID]:
    """The members whom the text names."""
    keys = mentioned_keys(text)
    if not keys:
        return set()
    users = await reads.users.ids_by_keys(keys)
    return await reads.members.among(room_id, users.values()) if users else set()


async def get(reads: Reader, actor: Actor, room_id: UUID, seq: int) -> events.Message:
    room, _ = await enter(reads, actor, room_id)
    message = await reads.messages.get(room_id, seq) if seq <= room.seq else None
    if message is None:
        raise NotFound("There is no message with this seq in the room.")
    return to_wire(message)


async def page_before(
    reads: Reader, actor: Actor, room_id: UUID, seq: int | None, limit: int
) -> Slice:
    """The newest messages before `seq`; None: the newest of all."""
    room, _ = await enter(reads, actor, room_id)
    end = room.seq + 1 if seq is None else min(seq, room.seq + 1)
    found = await reads.messages.before(room_id, end, limit + 1)
    newer = end <= room.seq and bool(await reads.messages.after(room_id, end - 1, room.seq, 1))
    return Slice(found[-limit:], len(found) > limit, newer)


async def page_after(reads: Reader, actor: Actor, room_id: UUID, seq: int, limit: int) -> Slice:
    """The oldest messages after `seq`."""
    room, _ = await enter(reads, actor, room_id)
    found = await reads.messages.after(room_id, seq, room.seq, limit + 1)
    older = bool(await reads.messages.before(room_id, min(seq, room.seq) + 1, 1))
    return Slice(found[:limit], older, len(found) > limit)


async def page_around(reads: Reader, actor: Actor, room_id: UUID, seq: int, limit: int) -> Slice:
    """Messages on both sides of `seq`, with it where it is a message itself."""
    room, _ = await enter(reads, actor, room_id)
    half = limit // 2
    older = await reads.messages.before(room_id, min(seq, room.seq + 1), half + 1)
    newer = await reads.messages.after(room_id, seq - 1, room.seq, limit - half + 1)
    messages = [*older[-half:], *newer[: limit - half]] if half else newer[:limit]
    return Slice(messages, len(older) > half, len(newer) > limit - half)


async def log(
    reads: Reader, actor: Actor, room_id: UUID, after: int, until: int, limit: int
) -> tuple[list[Event], bool]:
    """Events of the room's log after `after` and up to `until`, and whether there are more."""
    room, _ = await enter(reads, actor, room_id)
    found = await reads.events.between(room_id, after, min(until, room.seq), limit + 1)
    return found[:limit], len(found) > limit


async def mark_read(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> Badge:
    """Move the actor's read marker forward, at most to the newest event, never back.

    The signal says at which head this was, so that it is not for those who were removed before.
    """
    room, _ = await enter(uow, actor, room_id)
    seq = min(seq, room.seq)
    if await uow.members.mark_read(room_id, actor.user, seq):
        frame = encode(ReadMarker(room=room_id, user=actor.user, seq=seq))
        uow.signal(Announcement(Kind.READ, room_id, room.seq, actor.user, frame))
    badges = await uow.members.badges([(room_id, actor.user)])
    if not badges:  # removed between the two statements
        raise NotFound(NO_ROOM)
    return badges[0]
