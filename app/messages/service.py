"""Use cases of messages, besides sending: read, mark as read, and the log.

Every statement sees what is committed when it runs, so a removal may happen between two. A room is
therefore read with the membership, in one statement.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from app.core.actor import Actor
from app.core.publications import Publication
from app.persistence.repositories.members import Badge
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import get_member_room
from app.rooms.policy import NO_ROOM
from app.wire import events
from app.wire.errors import NotFound
from app.wire.events import PublicationKind, ReadMarker, RoomEvent, encode
from app.wire.seq import MAX_SEQ

PageT = TypeVar("PageT", bound=tuple[Any, ...])


class MessageWindow(NamedTuple):
    """Messages, and whether there are more on either side."""

    messages: list[events.Message]
    more_before: bool
    more_after: bool


async def get(reader: ReadSession, actor: Actor, room_id: UUID, seq: int) -> events.Message:
    message = await reader.messages.get(room_id, actor.user, seq)
    if message is None:
        await get_member_room(reader, actor, room_id)
        raise NotFound("There is no message with this seq in the room.")
    return message


async def page_before(
    reader: ReadSession, actor: Actor, room_id: UUID, seq: int | None, limit: int
) -> MessageWindow:
    """The newest messages before `seq`; None: the newest of all."""

    async def read() -> MessageWindow:
        end = MAX_SEQ + 1 if seq is None else seq
        page, newer = await reader.messages.page_before(room_id, actor.user, end, limit + 1)
        return MessageWindow(page[-limit:], len(page) > limit, newer)

    return await _read_or_explain(reader, actor, room_id, read)


async def page_after(
    reader: ReadSession, actor: Actor, room_id: UUID, seq: int, limit: int
) -> MessageWindow:
    """The oldest messages after `seq`."""

    async def read() -> MessageWindow:
        page, older = await reader.messages.page_after(room_id, actor.user, seq, limit + 1)
        return MessageWindow(page[:limit], older, len(page) > limit)

    return await _read_or_explain(reader, actor, room_id, read)


async def page_around(
    reader: ReadSession, actor: Actor, room_id: UUID, seq: int, limit: int
) -> MessageWindow:
    """Messages on both sides of `seq`, with it where it is a message itself. Near an end of the
    room the other side fills the page."""

    async def read() -> MessageWindow:
        older, _ = await reader.messages.page_before(room_id, actor.user, seq, limit + 1)
        newer, _ = await reader.messages.page_after(room_id, actor.user, seq - 1, limit + 1)
        before = min(len(older), max(limit // 2, limit - len(newer)))
        start = len(older) - before
        after = limit - before
        return MessageWindow([*older[start:], *newer[:after]], start > 0, len(newer) > after)

    return await _read_or_explain(reader, actor, room_id, read)


async def list_events(
    reader: ReadSession, actor: Actor, room_id: UUID, after: int, until: int, limit: int
) -> tuple[list[RoomEvent], bool]:
    """Events of the room's log after `after` and up to `until`, and whether there are more."""

    async def read() -> tuple[list[RoomEvent], bool]:
        page = await reader.events.list_range_for_member(
            room_id, actor.user, after, until, limit + 1
        )
        return page[:limit], len(page) > limit

    return await _read_or_explain(reader, actor, room_id, read)


async def _read_or_explain(
    reader: ReadSession, actor: Actor, room_id: UUID, read: Callable[[], Awaitable[PageT]]
) -> PageT:
    """Run `read`. If it finds nothing, check access (raises NotFound or Forbidden) and read once
    more, in case the caller has just joined."""
    page = await read()
    if not page[0]:
        await get_member_room(reader, actor, room_id)
        page = await read()
    return page


async def mark_read(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> Badge:
    """Move the actor's read marker forward, at most to the newest event, never back.

    The publication carries the room's seq, so that users who were removed before do not get it.
    """
    room, _ = await get_member_room(uow, actor, room_id)
    seq = min(seq, room.seq)
    if await uow.members.mark_read(room_id, actor.user, seq):
        frame = encode(ReadMarker(room=room_id, user=actor.user, seq=seq))
        uow.publish(Publication(PublicationKind.READ, room_id, room.seq, actor.user, frame))
    badges = await uow.members.badges([(room_id, actor.user)])
    if not badges:  # removed between the two statements
        raise NotFound(NO_ROOM)
    return badges[0]
