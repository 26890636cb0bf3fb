"""Whether a message counts for a member, and notifies them: one table of rules.

Everything that counts or notifies follows it. Counts derive it in SQL
(`app/persistence/repositories/room_lists.py`); a property test compares them with this.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from app.notifications.keywords import contains_keyword
from app.wire.domain import MentionKind, NotificationLevel, NotificationReason, RoomKind

# What users of other systems expect: every message of a small conversation, mentions elsewhere.
LEVELS_BY_KIND = {
    RoomKind.PUBLIC: NotificationLevel.MENTIONS,
    RoomKind.PRIVATE: NotificationLevel.MENTIONS,
    RoomKind.GROUP: NotificationLevel.ALL,
    RoomKind.DIRECT: NotificationLevel.ALL,
}


@dataclass(frozen=True, slots=True)
class SentMessage:
    sender: UUID
    text: str
    silent: bool = False
    in_timeline: bool = True  # False: a reply that is only in its thread


@dataclass(frozen=True, slots=True)
class Recipient:
    """A user, what the user has set, and how the message concerns them."""

    user: UUID
    kind: RoomKind  # of the room
    is_member: bool = True
    has_muted: bool = False  # the room, now
    level: NotificationLevel | None = None  # of the room; None: as for all rooms
    default_level: NotificationLevel | None = None  # None: by the kind of the room
    mentions: frozenset[MentionKind] = frozenset()
    keywords: tuple[str, ...] = ()
    follows_thread: bool = False
    has_blocked: bool = False  # the sender
    do_not_disturb: bool = False
    is_online: bool = False  # on a device, which shows the message by itself

    @property
    def effective_level(self) -> NotificationLevel:
        return self.level or self.default_level or LEVELS_BY_KIND[self.kind]


class Count(Enum):
    """As what the message counts; a mention is unread, too."""

    NOTHING = "nothing"
    UNREAD = "unread"
    MENTION = "mention"


@dataclass(frozen=True, slots=True)
class Decision:
    count: Count
    notify: bool
    reason: NotificationReason


class Counts(Enum):
    """Of a rule: as what the messages count that it decides."""

    NOTHING = "nothing"
    UNREAD = "unread"
    IF_DIRECT = "as a mention if direct"
    IF_MENTION = "as a mention if it is one"

    def count(self, mentions: frozenset[MentionKind]) -> Count:
        if self is Counts.NOTHING:
            return Count.NOTHING
        is_mention = (self is Counts.IF_DIRECT and MentionKind.DIRECT in mentions) or (
            self is Counts.IF_MENTION and bool(mentions)
        )
        return Count.MENTION if is_mention else Count.UNREAD


class Rule(NamedTuple):
    reason: NotificationReason
    meaning: str
    applies: Callable[[SentMessage, Recipient], bool]
    counts: Counts
    notifies: bool


def _mentions(kind: MentionKind) -> Callable[[SentMessage, Recipient], bool]:
    return lambda _, recipient: kind in recipient.mentions


def _has_keyword(message: SentMessage, recipient: Recipient) -> bool:
    return contains_keyword(message.text, recipient.keywords)


def _concerns(message: SentMessage, recipient: Recipient) -> bool:
    """It is more than one of all messages."""
    return bool(recipient.mentions or recipient.follows_thread) or _has_keyword(message, recipient)


def _has_level(level: NotificationLevel) -> Callable[[SentMessage, Recipient], bool]:
    return lambda _, recipient: recipient.effective_level is level


# The first rule that applies decides.
RULES = (
    Rule(
        NotificationReason.OWN_MESSAGE,
        "The user has sent it.",
        lambda message, recipient: message.sender == recipient.user,
        Counts.NOTHING,
        notifies=False,
    ),
    Rule(
        NotificationReason.NOT_MEMBER,
        "The user is not a member of the room.",
        lambda _, recipient: not recipient.is_member,
        Counts.NOTHING,
        notifies=False,
    ),
    Rule(
        NotificationReason.OTHER_THREAD,
        "It is only in a thread that the user does not follow.",
        lambda message, recipient: not (message.in_timeline or recipient.follows_thread),
        Counts.NOTHING,
        notifies=False,
    ),
    Rule(
        NotificationReason.BLOCKED,
        "The user has blocked its sender.",
        lambda _, recipient: recipient.has_blocked,
        Counts.UNREAD,
        notifies=False,
    ),
    Rule(
        NotificationReason.MUTED,
        "The user has muted the room.",
        lambda _, recipient: recipient.has_muted,
        Counts.IF_DIRECT,
        notifies=False,
    ),
    Rule(
        NotificationReason.LEVEL_NOTHING,
        "The user's level for the room is `nothing`.",
        _has_level(NotificationLevel.NOTHING),
        Counts.IF_DIRECT,
        notifies=False,
    ),
    Rule(
        NotificationReason.LEVEL_MENTIONS,
        "The level is `mentions`: it is none, has no keyword, and is in no thread that the user "
        "follows.",
        lambda message, recipient: (
            recipient.effective_level is NotificationLevel.MENTIONS
            and not _concerns(message, recipient)
        ),
        Counts.UNREAD,
        notifies=False,
    ),
    Rule(
        NotificationReason.SILENT,
        "It was sent silently.",
        lambda message, _: message.silent,
        Counts.IF_MENTION,
        notifies=False,
    ),
    Rule(
        NotificationReason.DO_NOT_DISTURB,
        "The user does not want to be disturbed at this time.",
        lambda _, recipient: recipient.do_not_disturb,
        Counts.IF_MENTION,
        notifies=False,
    ),
    Rule(
        NotificationReason.ONLINE,
        "A device of the user is connected, which shows it by itself.",
        lambda _, recipient: recipient.is_online,
        Counts.IF_MENTION,
        notifies=False,
    ),
    Rule(
        NotificationReason.DIRECT_MENTION,
        "It mentions the user by name.",
        _mentions(MentionKind.DIRECT),
        Counts.IF_MENTION,
        notifies=True,
    ),
    Rule(
        NotificationReason.GROUP_MENTION,
        "It mentions a user group that the user is in now.",
        _mentions(MentionKind.GROUP),
        Counts.IF_MENTION,
        notifies=True,
    ),
    Rule(
        NotificationReason.ROOM_MENTION,
        "It mentions all members with `@room`.",
        _mentions(MentionKind.ROOM),
        Counts.IF_MENTION,
        notifies=True,
    ),
    Rule(
        NotificationReason.HERE_MENTION,
        "It mentions with `@here` those who were online when it was sent.",
        _mentions(MentionKind.HERE),
        Counts.IF_MENTION,
        notifies=True,
    ),
    Rule(
        NotificationReason.KEYWORD,
        "It has one of the user's keywords.",
        _has_keyword,
        Counts.UNREAD,
        notifies=True,
    ),
    Rule(
        NotificationReason.THREAD,
        "It is in a thread that the user follows.",
        lambda _, recipient: recipient.follows_thread,
        Counts.UNREAD,
        notifies=True,
    ),
    Rule(
        NotificationReason.LEVEL_ALL,
        "The user's level for the room is `all`.",
        _has_level(NotificationLevel.ALL),
        Counts.UNREAD,
        notifies=True,
    ),
)


def decide(message: SentMessage, recipient: Recipient) -> Decision:
    for reason, _, applies, counts, notifies in RULES:
        if applies(message, recipient):
            return Decision(counts.count(recipient.mentions), notifies, reason)
    raise AssertionError("every message concerns the user, or one of the levels applies")
