"""Kinds of rooms, roles of members and states of presence: closed lists that clients see."""

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
    """The role of a member. Unknown ones are `member` to clients."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


_ROLES = {role.value: role for role in Role}
_KINDS = {kind.value: kind for kind in RoomKind}


def parse_role(stored: str) -> Role:
    """A role that only a newer release knows is read as the lowest."""
    return _ROLES.get(stored, Role.MEMBER)


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
    """Whether a user is connected."""

    ONLINE = "online"
    OFFLINE = "offline"
    UNKNOWN = "unknown"  # unavailable now, or not visible to the user who asks
