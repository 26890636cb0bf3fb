"""Use cases of messages, besides sending: read, mark as read, and the log.

Every statement sees what is committed when it runs, so a removal may come between two. What
somebody reads of a room is therefore read together with the membership, in one statement.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from app.core.actor import Actor
from app.core.publications import Publication
from app.persistence.repositories.rooms import Badge
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import get_member_room
from app.rooms.policy import NO_ROOM
from app.wire import events
from app.wire.errors import NotFound
from app.wire.events import PublicationKind, ReadMarker, RoomEvent, encode
from app.wire.seq import MAX_SEQ

Shown = TypeVar("Shown", bound=tuple[Any, ...])


class Slice(NamedTuple):
    """Messages, and whether there are more on either side."""

    messages: list[events.Message]
    more_before: bool
    more_after: bool


async def get(reads: ReadSession, actor: Actor, room_id: UUID, seq: int) -> events.Message:
    message = await reads.messages.one(room_id, actor.user, seq)
    if message is None:
        await get_member_room(reads, actor, room_id)
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
        await get_member_room(reads, actor, room_id)
        found = await read()
    return found


async def mark_read(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> Badge:
    """Move the actor's read marker forward, at most to the newest event, never back.

    The signal says at which head this was, so that it is not for those who were removed before.
    """
    room, _ = await get_member_room(uow, actor, room_id)
    seq = min(seq, room.seq)
    if await uow.members.mark_read(room_id, actor.user, seq):
        frame = encode(ReadMarker(room=room_id, user=actor.user, seq=seq))
        uow.signal(Publication(PublicationKind.READ, room_id, room.seq, actor.user, frame))
    badges = await uow.members.badges([(room_id, actor.user)])
    if not badges:  # removed between the two statements
        raise NotFound(NO_ROOM)
    return badges[0]
