"""The rules of sending, applied to facts that were read while the room was locked."""

from datetime import datetime
from typing import NamedTuple

from app.core.send_request import SendRequest, SendResult, StoredMessage
from app.messages.poll_rules import check_closing_time
from app.persistence.repositories.message_batch import (
    LockedRoomState,
)
from app.rooms.policy import (
    Permission,
    membership_error,
    require_not_archived,
    require_permission,
)
from app.wire.content import NewContent
from app.wire.domain import Role, RoomKind
from app.wire.errors import Invalid, NonceConflict
from app.wire.events import Message


class SendFacts(NamedTuple):
    room: LockedRoomState | None  # None: another transaction holds it, or there is none
    role: Role | None  # of the sender; None: not a member
    kind: RoomKind | None  # of a room that the sender is not a member of, if it exists
    duplicate: StoredMessage | None  # the message that has this idempotency key
    reply_exists: bool
    root: Message | None  # of the thread that the send names
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
    if facts.role is None:
        raise membership_error(facts.kind)
    if room is None:
        return None
    is_admin = send.actor.is_admin
    require_permission(Permission.SEND, room.kind, facts.role, is_server_admin=is_admin)
    require_not_archived(archived=room.archived)
    if isinstance(send.content, NewContent) and send.content.poll:
        require_permission(Permission.CREATE_POLLS, room.kind, facts.role, is_server_admin=is_admin)
        check_closing_time(send.content.poll, facts.at)
    if not facts.reply_exists:
        raise Invalid(
            f"`reply_to` is {send.content.reply_to}, but this room has no message with that seq.",
            [{"path": "reply_to", "message": "no such message in this room"}],
        )
    if send.content.thread is not None:
        _require_root(send.content.thread, facts.root)
    return room


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
