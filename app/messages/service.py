"""Use cases of messages: send, read, mark as read, and the log.

Every statement sees what is committed when it runs, so a removal may come between two. What
somebody reads of a room is therefore read together with the membership, in one statement.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.publications import Publication
from app.core.send_request import First, Sent, fingerprint
from app.messages.mentions import mentioned_keys
from app.persistence.repositories.events import to_wire
from app.persistence.repositories.rooms import Badge, LockedRoom
from app.persistence.tables import Message
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import NO_ROOM, enter, refuse_archived
from app.wire import events
from app.wire.errors import Invalid, NonceConflict, NotFound
from app.wire.events import MAX_SEQ, MessageCreated, PublicationKind, ReadMarker, RoomEvent, encode
from app.wire.schemas.messages import Draft

Shown = TypeVar("Shown", bound=tuple[Any, ...])


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

    The nonce is looked up under the room's lock, so of any number of equal sends one records and
    the others find it: also after its sender had to go, because a send that is repeated for want of
    an answer must not be told that it failed. Raises NonceConflict for another message under the
    same nonce.
    """
    room = None
    if await uow.rooms.is_visible(room_id, actor.user):
        room = await uow.rooms.lock(room_id)
    first = await uow.messages.by_nonce(room_id, actor.user, draft.nonce)
    if first:
        return repeated(First(to_wire(first), first.fingerprint), draft.text, draft.reply_to)
    if room is None:
        raise NotFound(NO_ROOM)
    await enter(uow, actor, room_id)  # under the lock: who is a member now is one at the next seq
    refuse_archived(room)
    if draft.reply_to is not None and not await uow.messages.get(room_id, draft.reply_to):
        raise no_such_message(draft.reply_to)
    return await _append(uow, actor, room, draft)


def repeated(first: First, text: str, reply_to: int | None) -> Sent:
    """The answer to another send of the nonce of `first`. Raises NonceConflict."""
    if not first.was(text, reply_to):
        raise NonceConflict(
            f"You used this nonce in this room for message {first.message.seq}, which is a "
            "different one. Make a new nonce for each message."
        )
    return Sent(first.message, duplicate=True)


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
    message.fingerprint = fingerprint(message.text, message.reply_to)
    uow.messages.add(message, mentioned)
    wire = to_wire(message)
    uow.record(
        room,
        lambda seq: MessageCreated(
            room=room.id, seq=seq, actor=message.sender_id, at=message.at, message=wire
        ),
    )
    return wire


async def mentioned_members(reads: ReadSession, room_id: UUID, text: str) -> set[UUID]:
    """The members whom the text names."""
    keys = mentioned_keys(text)
    if not keys:
        return set()
    users = await reads.users.ids_by_keys(keys)
    return await reads.members.among(room_id, users.values()) if users else set()


async def get(reads: ReadSession, actor: Actor, room_id: UUID, seq: int) -> events.Message:
    message = await reads.messages.one(room_id, actor.user, seq)
    if message is None:
        await enter(reads, actor, room_id)
        raise NotFound("There is no message with this seq in the room.")
    return message


async def page_before(
    reads: ReadSession, actor: Actor, room_id: UUID, seq: int | None, limit: int
) -> Slice:
    """The newest messages before `seq`; None: the newest of all."""

    async def read() -> Slice:
        end = MAX_SEQ + 1 if seq is None else seq
        found, newer = await reads.messages.page_before(room_id, actor.user, end, limit + 1)
        return Slice(found[-limit:], len(found) > limit, newer)

    return await _shown(reads, actor, room_id, read)


async def page_after(
    reads: ReadSession, actor: Actor, room_id: UUID, seq: int, limit: int
) -> Slice:
    """The oldest messages after `seq`."""

    async def read() -> Slice:
        found, older = await reads.messages.page_after(room_id, actor.user, seq, limit + 1)
        return Slice(found[:limit], older, len(found) > limit)

    return await _shown(reads, actor, room_id, read)


async def page_around(
    reads: ReadSession, actor: Actor, room_id: UUID, seq: int, limit: int
) -> Slice:
    """Messages on both sides of `seq`, with it where it is a message itself. Near an end of the
    room the other side fills the page."""

    async def read() -> Slice:
        older, _ = await reads.messages.page_before(room_id, actor.user, seq, limit + 1)
        newer, _ = await reads.messages.page_after(room_id, actor.user, seq - 1, limit + 1)
        before = min(len(older), max(limit // 2, limit - len(newer)))
        start = len(older) - before
        after = limit - before
        return Slice([*older[start:], *newer[:after]], start > 0, len(newer) > after)

    return await _shown(reads, actor, room_id, read)


async def log(
    reads: ReadSession, actor: Actor, room_id: UUID, after: int, until: int, limit: int
) -> tuple[list[RoomEvent], bool]:
    """Events of the room's log after `after` and up to `until`, and whether there are more."""

    async def read() -> tuple[list[RoomEvent], bool]:
        found = await reads.events.page(room_id, actor.user, after, until, limit + 1)
        return found[:limit], len(found) > limit

    return await _shown(reads, actor, room_id, read)


async def _shown(
    reads: ReadSession, actor: Actor, room_id: UUID, read: Callable[[], Awaitable[Shown]]
) -> Shown:
    """What `read` finds, as a list and what belongs to it. Strangers find nothing, and are told
    why; who has just joined reads again. Raises NotFound, Forbidden."""
    found = await read()
    if not found[0]:
        await enter(reads, actor, room_id)
        found = await read()
    return found


async def mark_read(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> Badge:
    """Move the actor's read marker forward, at most to the newest event, never back.

    The signal says at which head this was, so that it is not for those who were removed before.
    """
    room, _ = await enter(uow, actor, room_id)
    seq = min(seq, room.seq)
    if await uow.members.mark_read(room_id, actor.user, seq):
        frame = encode(ReadMarker(room=room_id, user=actor.user, seq=seq))
        uow.signal(Publication(PublicationKind.READ, room_id, room.seq, actor.user, frame))
    badges = await uow.members.badges([(room_id, actor.user)])
    if not badges:  # removed between the two statements
        raise NotFound(NO_ROOM)
    return badges[0]
