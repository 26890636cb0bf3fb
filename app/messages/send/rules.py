"""The rules of sending, applied to facts that were read while the room was locked."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from app.core.send_request import SendRequest, SendResult, StoredMessage
from app.messages.poll_rules import check_closing_time
from app.persistence.repositories.message_batch import (
    LockedRoomState,
)
from app.rooms.policy import membership_error, require_not_archived
from app.rooms.standing import Standing, may, require_permission
from app.wire.content import Content, NewContent
from app.wire.domain import Permission, RoomKind
from app.wire.errors import Forbidden, Invalid, NonceConflict, RateLimited
from app.wire.events import Message


class SendFacts(NamedTuple):
    room: LockedRoomState | None  # None: another transaction holds it, or there is none
    standing: Standing | None  # of the sender; None: not a member, or the room is None
    is_member: bool  # the sender
    kind: RoomKind | None  # of a room that the sender is not a member of, if it exists
    duplicate: StoredMessage | None  # the message that has this idempotency key
    reply_exists: bool
    root: Message | None  # of the thread that the send names
    waited_s: float | None  # since the sender's last message, in a room in slow mode
    at: datetime  # of the send


def decide(send: SendRequest, facts: SendFacts) -> LockedRoomState | SendResult | None:
    """The room to append to; the result of a send that was recorded before; or None, if another
    transaction holds the room. Raises ChatError.

    A repeated send gets the first message even if its sender has left the room since: a client that
    repeats it for want of an answer must not get an error. A non-member is refused
    without waiting for the room, which would show that it exists.
    """
    room = facts.room
    if facts.duplicate is not None:
        return duplicate_result(send, facts.duplicate)
    if not facts.is_member:
        raise membership_error(facts.kind)
    if room is None or facts.standing is None:
        return None
    standing = facts.standing
    for permission in send_permissions(send.content):
        require_permission(permission, standing)
    require_not_archived(archived=room.archived)
    if isinstance(send.content, NewContent) and send.content.poll:
        require_permission(Permission.CREATE_POLLS, standing)
        check_closing_time(send.content.poll, facts.at)
    if not facts.reply_exists:
        raise Invalid(
            f"`reply_to` is {send.content.reply_to}, but this room has no message with that seq.",
            [{"path": "reply_to", "message": "no such message in this room"}],
        )
    if send.content.thread is not None:
        _require_root(send.content.thread, facts.root)
        _require_open_thread(facts.root, standing)
    _require_pace(room.slow_mode_s, facts.waited_s, standing)
    return room


def _require_open_thread(root: Message | None, standing: Standing) -> None:
    """Raises Forbidden."""
    if root and root.thread_lock and not may(Permission.MODERATE, standing):
        raise Forbidden("The thread is locked: it can be read, but not continued.")


def _require_pace(slow_mode_s: int, waited_s: float | None, standing: Standing) -> None:
    """Raises RateLimited."""
    if not slow_mode_s or waited_s is None or waited_s >= slow_mode_s:
        return
    if not may(Permission.MODERATE, standing):
        left_s = slow_mode_s - max(waited_s, 0.0)
        raise RateLimited(
            f"This room is in slow mode: one message every {slow_mode_s} seconds. Send the next in "
            f"{math.ceil(left_s)} seconds.",
            retry_after_ms=math.ceil(left_s * 1000),
        )


def send_permissions(content: Content) -> Iterator[Permission]:
    """What somebody needs to send or edit a message with this place. A reply that is also in the
    room needs both."""
    if content.in_timeline:
        yield Permission.SEND
    if content.thread is not None:
        yield Permission.SEND_IN_THREADS


def _require_root(seq: int, root: Message | None) -> None:
    """Threads have one level. Raises Invalid."""
    if root is None or root.deletion:
        raise Invalid(
            f"`thread` is {seq}, but this room has no message with that seq.",
            [{"path": "thread", "message": "no such message in this room"}],
        )
    if root.thread is not None:
        raise Invalid(
            f"`thread` is {seq}, but that message is a reply in the thread of {root.thread}.",
            [{"path": "thread", "message": "is a reply in a thread itself"}],
        )


def duplicate_result(send: SendRequest, first: StoredMessage) -> SendResult:
    """Raises NonceConflict if the nonce was used for other content."""
    if not first.was_sent_as(send.content):
        raise NonceConflict(
            f"You used this nonce in this room for message {first.message.seq}, which is a "
            "different one. Make a new nonce for each message."
        )
    return SendResult(first.message, duplicate=True)
