"""Closed lists that clients see: kinds of rooms, roles of members and their permissions, states of
presence, levels of notifications and their reasons."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator


class RoomKind(StrEnum):
    """Who sees a room and who may join it. Unknown ones are `private` to clients."""

    PUBLIC = "public"
    PRIVATE = "private"
    GROUP = "group"
    DIRECT = "direct"


class Role(StrEnum):
    """The role of a member. Unknown ones are `guest` to clients."""

    OWNER = "owner"
    ADMIN = "admin"
    MODERATOR = "moderator"
    MEMBER = "member"
    GUEST = "guest"


class Permission(StrEnum):
    """What somebody may do in a room. Later releases add permissions."""

    READ = "read"
    SEND = "send"
    SEND_IN_THREADS = "send_in_threads"
    CREATE_POLLS = "create_polls"
    REACT = "react"
    PIN = "pin"
    MENTION_ALL = "mention_all"
    MODERATE = "moderate"
    TIME_OUT = "time_out"
    ADD = "add"
    REMOVE = "remove"
    SET_ROLE = "set_role"
    MANAGE_PERMISSIONS = "manage_permissions"
    EDIT = "edit"
    VIEW_AUDIT_LOG = "view_audit_log"
    ARCHIVE = "archive"
    DELETE = "delete"
    LEAVE = "leave"


class SanctionKind(StrEnum):
    """What a room can have against a user."""

    BAN = "ban"
    TIME_OUT = "time_out"


_ROLES = {role.value: role for role in Role}
_KINDS = {kind.value: kind for kind in RoomKind}


def parse_role(stored: str) -> Role:
    """A role that only a newer release knows is read as the lowest."""
    return _ROLES.get(stored, Role.GUEST)


def parse_kind(stored: str) -> RoomKind:
    """A kind that only a newer release knows is read as private, hidden from non-members."""
    return _KINDS.get(stored, RoomKind.PRIVATE)


def _lenient(parse: Callable[[str], StrEnum]) -> BeforeValidator:
    def validate(value: Any) -> Any:
        return parse(value) if isinstance(value, str) else value

    return BeforeValidator(validate)


# For values that a newer release may have written. Requests have a `Role` or a `RoomKind`.
LenientRole = Annotated[Role, _lenient(parse_role)]
LenientKind = Annotated[RoomKind, _lenient(parse_kind)]


class PresenceState(StrEnum):
    """Whether a user is connected, and wants to be disturbed."""

    ONLINE = "online"
    AWAY = "away"  # connected, and has chosen to be shown as away
    DO_NOT_DISTURB = "do_not_disturb"  # connected, and notified of nothing at this time
    OFFLINE = "offline"  # or invisible
    UNKNOWN = "unknown"  # unavailable now, or not visible to the user who asks


class PresenceChoice(StrEnum):
    """What a user has chosen others to see while they are connected."""

    AUTOMATIC = "automatic"
    AWAY = "away"
    INVISIBLE = "invisible"  # as if they were offline


class PresenceAudience(StrEnum):
    """Who sees the presence of a user."""

    SHARED_ROOMS = "shared_rooms"  # those who share a room with them
    NOBODY = "nobody"


class SearchOrder(StrEnum):
    """The order of the messages that a search finds."""

    TIME = "time"  # the newest first
    RELEVANCE = "relevance"  # of the newest matches, those that match best first


class NotificationLevel(StrEnum):
    """Which messages notify a user."""

    ALL = "all"
    MENTIONS = "mentions"
    NOTHING = "nothing"


class MentionKind(StrEnum):
    """How a message mentions a user."""

    DIRECT = "direct"
    GROUP = "group"
    ROOM = "room"
    HERE = "here"


class NotificationReason(StrEnum):
    """Why a message does or does not notify a user. Later releases add reasons."""

    OWN_MESSAGE = "own_message"
    NOT_MEMBER = "not_member"
    OTHER_THREAD = "other_thread"
    BLOCKED = "blocked"
    MUTED = "muted"
    LEVEL_NOTHING = "level_nothing"
    LEVEL_MENTIONS = "level_mentions"
    SILENT = "silent"
    DO_NOT_DISTURB = "do_not_disturb"
    ONLINE = "online"
    DIRECT_MENTION = "direct_mention"
    GROUP_MENTION = "group_mention"
    ROOM_MENTION = "room_mention"
    HERE_MENTION = "here_mention"
    KEYWORD = "keyword"
    THREAD = "thread"
    LEVEL_ALL = "level_all"


class Weekday(StrEnum):
    """In the order of ISO 8601."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
