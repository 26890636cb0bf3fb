"""Why a message notifies a user, or does not."""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.notifications.decide import Decision, Recipient, SentMessage, decide
from app.notifications.settings import is_quiet
from app.persistence.tables import Member, Room
from app.persistence.uow import ReadSession
from app.rooms.access import get_member_room, get_visible_room, visible_after
from app.rooms.policy import ADMINS
from app.wire.domain import MentionKind
from app.wire.errors import Forbidden, NotFound
from app.wire.events import Message


class Explanation(NamedTuple):
    decision: Decision
    mentions: frozenset[MentionKind]


async def explain(
    reads: ReadSession, actor: Actor, room_id: UUID, seq: int, user_id: UUID | None, at: datetime
) -> Explanation:
    """By the settings as they are now. Raises NotFound, Forbidden."""
    room, own, member = await _get_room(reads, actor, room_id, user_id or actor.user)
    messages = await reads.messages.list_unchecked(room_id, [seq])
    if not messages or messages[0].deletion or (own and seq <= visible_after(room, own)):
        raise NotFound("There is no message with this seq in the room, or it was deleted.")
    [message] = messages
    recipient = await _recipient(reads, room, member, user_id or actor.user, message, at)
    if recipient.user != actor.user:  # blocks of a user are shown to that user only
        recipient = replace(recipient, has_blocked=False)
    sent = SentMessage(
        message.sender, message.text, bool(message.silent), in_timeline=message.in_timeline
    )
    return Explanation(decide(sent, recipient), recipient.mentions)


async def _get_room(
    reads: ReadSession, actor: Actor, room_id: UUID, user_id: UUID
) -> tuple[Room, Member | None, Member | None]:
    """The room, with the memberships of the actor and of the user."""
    if user_id == actor.user:
        room, member = await get_member_room(reads, actor, room_id)
        return room, member, member
    room, own = await get_visible_room(reads, actor, room_id)
    if not (actor.is_admin or (own is not None and own.role in ADMINS)):
        raise Forbidden("Only owners and admins of the room may ask about others.")
    return room, own, await reads.members.get(room_id, user_id)


async def _recipient(
    reads: ReadSession,
    room: Room,
    member: Member | None,
    user_id: UUID,
    message: Message,
    at: datetime,
) -> Recipient:
    settings = await reads.notifications.get(user_id)
    room_settings = await reads.notifications.get_for_room(user_id, room.id)
    return Recipient(
        user_id,
        room.kind,
        is_member=member is not None and message.seq > visible_after(room, member),
        has_muted=room_settings.is_muted(at),
        level=room_settings.level,
        default_level=settings.level,
        mentions=await _mentions(reads, user_id, room.id, message.seq),
        keywords=settings.keywords,
        follows_thread=await _follows_thread(reads, user_id, room.id, message),
        has_blocked=await reads.blocks.has_blocked(user_id, message.sender),
        do_not_disturb=is_quiet(settings, at),
    )


async def _follows_thread(
    reads: ReadSession, user_id: UUID, room_id: UUID, message: Message
) -> bool:
    if message.thread is None:
        return False
    view = await reads.threads.get(room_id, message.thread, user_id)
    return view is not None and bool(view.is_following)


async def _mentions(
    reads: ReadSession, user_id: UUID, room_id: UUID, seq: int
) -> frozenset[MentionKind]:
    kinds: set[MentionKind] = set()
    if await reads.notifications.is_mentioned(user_id, room_id, seq):
        kinds.add(MentionKind.DIRECT)
    of_many = await reads.notifications.room_mentions(room_id, seq)
    groups = [mention.group for mention in of_many if mention.group]
    if groups and await reads.user_groups.filter_joined(user_id, groups):
        kinds.add(MentionKind.GROUP)
    for mention in of_many:
        is_here = mention.kind is MentionKind.HERE and user_id in mention.users
        if is_here or mention.kind is MentionKind.ROOM:
            kinds.add(mention.kind)
    return frozenset(kinds)
