"""The rules of changes of messages, applied to facts that were read while the room was locked."""

from datetime import datetime, timedelta
from typing import NamedTuple

from app.core.message_commands import EditRequest, MessageChange, ReactionRequest
from app.limit_settings import Limits
from app.messages.send.rules import send_permissions
from app.persistence.repositories.message_batch import (
    LockedRoomState,
)
from app.rooms.policy import membership_error, require_not_archived
from app.rooms.standing import Standing, require_permission
from app.wire.domain import Permission, RoomKind
from app.wire.errors import Forbidden, NotFound, QuotaExceeded, VersionConflict
from app.wire.events import Message
from app.wire.message_parts import Edit, ReactionCount

NO_MESSAGE = "There is no message with this seq in the room."
DELETED = "The message was deleted."
MAX_REACTION_USERS = 5  # that a message names for each emoji


class MessageLimits(NamedTuple):
    """The settings that limit what becomes of a message."""

    edit_window_s: int  # 0: no limit
    max_versions: int
    max_reaction_kinds: int


def message_limits(limits: Limits) -> MessageLimits:
    return MessageLimits(limits.edit_window_s, limits.max_versions, limits.max_reaction_kinds)


class ChangeFacts(NamedTuple):
    room: LockedRoomState | None  # None: another transaction holds it, or there is none
    standing: Standing | None  # of the actor; None: not a member, or the room is None
    is_member: bool  # the actor
    kind: RoomKind | None  # of a room that the actor is not a member of, if it exists
    message: Message | None
    has_reacted: bool  # the actor, with the emoji of the request


def decide_change(
    change: MessageChange, facts: ChangeFacts, limits: MessageLimits, at: datetime
) -> Message | None:
    """The message as it is afterwards, which is the same object if nothing changes; or None, if
    another transaction holds the room. Raises ChatError."""
    if not facts.is_member:
        raise membership_error(facts.kind)
    if facts.room is None or facts.standing is None:
        return None
    if facts.message is None:
        raise NotFound(NO_MESSAGE)
    if facts.message.deletion:
        raise NotFound(DELETED)
    is_edit = isinstance(change, EditRequest)
    for permission in send_permissions(facts.message) if is_edit else [Permission.REACT]:
        require_permission(permission, facts.standing)
    require_not_archived(archived=facts.room.archived)
    if isinstance(change, EditRequest):
        return _edit(change, facts.message, limits, at)
    return _react(change, facts.message, limits, has_reacted=facts.has_reacted)


def _edit(change: EditRequest, message: Message, limits: MessageLimits, at: datetime) -> Message:
    if message.sender != change.actor.user:
        raise Forbidden("Only the sender of a message can edit it.")
    if message.text == change.text and message.version in (change.version, change.version + 1):
        return message  # also the repetition of an edit that was done
    if message.version != change.version:
        raise VersionConflict(
            f"The message has version {message.version} now, not {change.version}. Read it, and "
            "edit that."
        )
    if limits.edit_window_s and at - message.at > timedelta(seconds=limits.edit_window_s):
        raise Forbidden(
            f"A message can be edited for {limits.edit_window_s} seconds after it was sent."
        )
    if message.version >= limits.max_versions:
        raise QuotaExceeded(f"A message has at most {limits.max_versions} versions.")
    edit = Edit(version=message.version + 1, at=at)
    return message.model_copy(update={"text": change.text, "edit": edit})


def _react(
    change: ReactionRequest, message: Message, limits: MessageLimits, *, has_reacted: bool
) -> Message:
    if has_reacted == change.present:
        return message
    counts = {entry.emoji: entry for entry in message.reactions or ()}
    entry = counts.get(change.emoji) or ReactionCount(emoji=change.emoji, count=0, users=[])
    if change.present and entry.count == 0 and len(counts) >= limits.max_reaction_kinds:
        raise QuotaExceeded(f"A message has at most {limits.max_reaction_kinds} kinds of reaction.")
    users = [user for user in entry.users if user != change.actor.user]
    if change.present and len(users) < MAX_REACTION_USERS:
        users.append(change.actor.user)
    count = entry.count + (1 if change.present else -1)
    counts[change.emoji] = ReactionCount(emoji=change.emoji, count=count, users=users)
    left = [entry for entry in counts.values() if entry.count > 0]
    return message.model_copy(update={"reactions": left or None})
