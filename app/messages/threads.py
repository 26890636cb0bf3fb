"""Use cases of threads, besides sending into them (`send/`) and pages (`pages.py`)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from app.core.actor import Actor
from app.messages.send.change_rules import NO_MESSAGE
from app.messages.send.thread_batch import MAX_THREAD_USERS
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.repositories.threads import Reply, ThreadPosition, ThreadView
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import get_member_room, lock_member_room
from app.wire.errors import NotFound
from app.wire.events import Message, ThreadUpdated
from app.wire.message_parts import Deletion, ThreadSummary
from app.wire.user_events import UserEventType

NO_ROOT = "This message is a reply in a thread, and has no thread of its own."
MAX_REPLIES_READ = 20  # of a thread, for those who replied last


async def get_thread(reader: ReadSession, actor: Actor, room_id: UUID, root: int) -> ThreadView:
    """Every message that is not a reply in a thread has one, which may be empty. Raises NotFound,
    Forbidden."""
    await get_member_room(reader, actor, room_id)
    return await _view(reader, actor, room_id, root)


async def list_threads(
    reader: ReadSession, actor: Actor, room_id: UUID, before: int, limit: int
) -> list[Message]:
    """Raises NotFound, Forbidden."""
    await get_member_room(reader, actor, room_id)
    return await reader.threads.list_in_room(room_id, actor.user, before, limit)


async def list_followed_threads(
    reader: ReadSession, actor: Actor, after: ThreadPosition | None, limit: int
) -> list[ThreadView]:
    return await reader.threads.list_followed(actor.user, after, limit)


async def follow_thread(
    uow: UnitOfWork, actor: Actor, room_id: UUID, root: int, *, following: bool
) -> ThreadView:
    """Follow a thread, whose replies so far count as read; or do not, until it is followed in this
    way again. Raises NotFound, Forbidden."""
    room, member = await lock_member_room(uow, actor, room_id)
    view = await _view(uow, actor, room_id, root)
    if view.is_following is following:
        return view
    summary = view.root.thread_summary
    last = summary.last_seq if summary else root
    await uow.threads.follow(room.id, root, actor.user, last, following=following)
    member.follows_threads = True
    uow.user_logs.add(actor.user, UserEventType.THREAD_CHANGED, room_id)
    return await _view(uow, actor, room_id, root)


async def mark_thread_read(
    uow: UnitOfWork, actor: Actor, room_id: UUID, root: int, seq: int
) -> ThreadView:
    """Move the marker of a follower forward, at most to the newest event of the room, never back.
    Of a thread that the actor does not follow there is none. Raises NotFound, Forbidden."""
    room, _ = await get_member_room(uow, actor, room_id)
    if await uow.threads.mark_read(room_id, root, actor.user, min(seq, room.seq)):
        uow.user_logs.add(actor.user, UserEventType.THREAD_CHANGED, room_id)
    return await _view(uow, actor, room_id, root)


async def _view(reader: ReadSession, actor: Actor, room_id: UUID, root: int) -> ThreadView:
    view = await reader.threads.get(room_id, root, actor.user)
    if view is None:
        raise NotFound(NO_MESSAGE)
    if view.root.thread is not None:
        raise NotFound(NO_ROOT)
    return view


async def remove_replies(
    uow: UnitOfWork, room: LockedRoom, deletion: Deletion, deleted: Sequence[Message]
) -> Mapping[int, Message]:
    """What becomes of the roots of replies that were deleted, by seq; an event for each."""
    by_root: dict[int, list[Message]] = defaultdict(list)
    for message in deleted:
        if message.thread is not None:
            by_root[message.thread].append(message)
    if not by_root:
        return {}
    replies = ((root, m.seq) for root, messages in by_root.items() for m in messages)
    await uow.threads.mark_deleted(room.id, replies)
    newest = await uow.threads.newest_replies(room.id, by_root, MAX_REPLIES_READ)
    roots = {}
    for root in await uow.messages.list_unchecked(room.id, by_root):
        left = newest.get(root.seq, [])
        summary = _without(root.thread_summary, by_root[root.seq], left)
        roots[root.seq] = root.model_copy(update={"thread_summary": summary})
        await uow.threads.set_last_reply(room.id, root.seq, left[0] if left else None)
    await uow.messages.update(room.id, roots.values())
    for root in roots.values():
        _append_update(uow, room, deletion, root)
    return roots


def _append_update(uow: UnitOfWork, room: LockedRoom, deletion: Deletion, root: Message) -> None:
    uow.append_event(
        room,
        lambda seq: ThreadUpdated(
            room=room.id, seq=seq, actor=deletion.by, at=deletion.at, message=root
        ),
    )


def _without(
    summary: ThreadSummary | None, deleted: Sequence[Message], newest: Sequence[Reply]
) -> ThreadSummary | None:
    """The summary of a thread without these replies; `newest` are the last ones that it has left.
    Those who replied before them, and had no reply deleted now, come after their senders."""
    if summary is None or not newest:
        return None
    deleted_senders = {message.sender for message in deleted}
    former = [user for user in summary.users if user not in deleted_senders]
    users = list(dict.fromkeys([*(reply.sender for reply in newest), *former]))
    return ThreadSummary(
        replies=summary.replies - len(deleted),
        last_seq=newest[0].seq,
        last_at=newest[0].at,
        users=users[:MAX_THREAD_USERS],
    )
