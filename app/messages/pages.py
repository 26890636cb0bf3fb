"""Use cases that read messages and events as JSON: pages, and one message.

Every statement sees what is committed when it runs, so a removal may happen between two. A room is
therefore read with the membership, in one statement.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from app.core.json_encoding import encode_json
from app.messages.threads import NO_ROOT
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.event_pages import LoggedEvent
from app.persistence.repositories.message_pages import NO_CONTEXT, MessageFields, Page, PageContext
from app.rooms.access import require_membership
from app.wire.errors import Invalid, NotFound
from app.wire.seq import MAX_SEQ

PageT = TypeVar("PageT", bound=tuple[Any, ...])


class MessageWindow(NamedTuple):
    """Messages, and whether there are more on either side."""

    messages: list[MessageFields]
    more_before: bool
    more_after: bool
    context: PageContext = NO_CONTEXT


class EventWindow(NamedTuple):
    """Events, whether there are more after them, and the epoch of their positions."""

    events: list[LoggedEvent]
    more_after: bool
    epoch: str


async def get(reads: DirectReads, user_id: UUID, room_id: UUID, seq: int) -> MessageFields:
    message = await reads.messages.get(room_id, user_id, seq)
    if message is None:
        await require_membership(reads, user_id, room_id)
        raise NotFound("There is no message with this seq in the room.")
    return message


class PagePosition(NamedTuple):
    """The seq before, after or around which a page is; all None: the newest messages."""

    before: int | None = None
    after: int | None = None
    around: int | None = None


class PageSource(Protocol):
    """Messages of a room, for its members, in the order of their seqs."""

    async def before(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page: ...

    async def after(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page: ...

    async def around(
        self, room_id: UUID, user_id: UUID, seq: int, limit: int
    ) -> tuple[list[MessageFields], list[MessageFields]]: ...


async def get_page(
    reads: DirectReads, user_id: UUID, room_id: UUID, position: PagePosition, limit: int
) -> MessageWindow:
    """Of the room's timeline. Raises Invalid, NotFound, Forbidden."""
    return await _get_page(reads, reads.messages, user_id, room_id, position, limit)


async def get_thread_page(
    reads: DirectReads, user_id: UUID, room_id: UUID, root: int, position: PagePosition, limit: int
) -> MessageWindow:
    """Of the replies in a thread. Raises Invalid, NotFound, Forbidden."""
    window = await _get_page(reads, reads.thread(root), user_id, room_id, position, limit)
    if not window.messages and "thread" in await get(reads, user_id, room_id, root):
        raise NotFound(NO_ROOT)
    return window


async def _get_page(
    reads: DirectReads,
    source: PageSource,
    user_id: UUID,
    room_id: UUID,
    position: PagePosition,
    limit: int,
) -> MessageWindow:
    names = [name for name, seq in zip(position._fields, position, strict=True) if seq is not None]
    if len(names) > 1:
        raise Invalid(f"{' and '.join(f'`{name}`' for name in names)} exclude each other.")
    window = await _read_page(reads, source, user_id, room_id, position, limit)
    context = await reads.messages.read_context(room_id, user_id, window.messages)
    return window._replace(context=context)


async def _read_page(
    reads: DirectReads,
    source: PageSource,
    user_id: UUID,
    room_id: UUID,
    position: PagePosition,
    limit: int,
) -> MessageWindow:
    if position.after is not None:
        return await page_after(reads, user_id, room_id, position.after, limit, source)
    if position.around is not None:
        return await page_around(reads, user_id, room_id, position.around, limit, source)
    return await page_before(reads, user_id, room_id, position.before, limit, source)


async def page_before(
    reads: DirectReads,
    user_id: UUID,
    room_id: UUID,
    seq: int | None,
    limit: int,
    source: PageSource | None = None,
) -> MessageWindow:
    """The newest messages before `seq`; None: the newest of all. Without a source, those of the
    room's timeline."""
    pages = source or reads.messages

    async def read() -> MessageWindow:
        end = MAX_SEQ + 1 if seq is None else seq
        page, newer = await pages.before(room_id, user_id, end, limit + 1)
        return MessageWindow(page[-limit:], len(page) > limit, newer)

    return await _read_or_explain(reads, user_id, room_id, read)


async def page_after(
    reads: DirectReads,
    user_id: UUID,
    room_id: UUID,
    seq: int,
    limit: int,
    source: PageSource | None = None,
) -> MessageWindow:
    """The oldest messages after `seq`."""
    pages = source or reads.messages

    async def read() -> MessageWindow:
        page, older = await pages.after(room_id, user_id, seq, limit + 1)
        return MessageWindow(page[:limit], older, len(page) > limit)

    return await _read_or_explain(reads, user_id, room_id, read)


async def page_around(
    reads: DirectReads,
    user_id: UUID,
    room_id: UUID,
    seq: int,
    limit: int,
    source: PageSource | None = None,
) -> MessageWindow:
    """Messages on both sides of `seq`, with it where it is a message itself. Near an end of the
    room the other side fills the page."""
    pages = source or reads.messages

    async def read() -> MessageWindow:
        older, newer = await pages.around(room_id, user_id, seq, limit + 1)
        before = min(len(older), max(limit // 2, limit - len(newer)))
        start = len(older) - before
        after = limit - before
        return MessageWindow([*older[start:], *newer[:after]], start > 0, len(newer) > after)

    return await _read_or_explain(reads, user_id, room_id, read)


async def list_events(
    reads: DirectReads, user_id: UUID, room_id: UUID, after: int, until: int, limit: int
) -> EventWindow:
    """Events of the room's log after `after` and up to `until`."""

    async def read() -> EventWindow:
        page, epoch = await reads.events.page(room_id, user_id, after, until, limit + 1)
        return EventWindow(page[:limit], len(page) > limit, epoch)

    return await _read_or_explain(reads, user_id, room_id, read)


async def _read_or_explain(
    reads: DirectReads, user_id: UUID, room_id: UUID, read: Callable[[], Awaitable[PageT]]
) -> PageT:
    """Run `read`. If it finds nothing, check access (raises NotFound or Forbidden) and read once
    more, in case the caller has just joined."""
    page = await read()
    if not page[0]:
        await require_membership(reads, user_id, room_id)
        page = await read()
    return page


def encode_messages(window: MessageWindow) -> bytes:
    """A `MessagePage`."""
    messages = window.messages
    page: dict[str, Any] = {
        "items": messages,
        "before": messages[0]["seq"] if messages and window.more_before else None,
        "after": messages[-1]["seq"] if messages and window.more_after else None,
    }
    page |= {name: part for name, part in window.context._asdict().items() if part}
    return encode_json(page)


def encode_events(window: EventWindow) -> bytes:
    """An `EventPage`."""
    events = window.events
    return encode_json(
        {
            "epoch": window.epoch,
            "items": [event.value for event in events],
            "next": events[-1].seq if window.more_after else None,
        }
    )
