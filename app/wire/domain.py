"""Kinds of rooms, roles of members, states of presence: closed lists that clients see."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator


class RoomKind(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    GROUP = "group"
    DIRECT = "direct"


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


_ROLES = {role.value: role for role in Role}
_KINDS = {kind.value: kind for kind in RoomKind}


def parse_role(stored: str) -> Role:
    """One that only a newer release knows is read as the least of ours."""
    return _ROLES.get(stored, Role.MEMBER)


def parse_kind(stored: str) -> RoomKind:
    """One that only a newer release knows is read as private: nobody else learns of the room."""
    return _KINDS.get(stored, RoomKind.PRIVATE)


def _known(read: Callable[[str], StrEnum]) -> BeforeValidator:
    def known(given: Any) -> Any:
        return read(given) if isinstance(given, str) else given

    return BeforeValidator(known)


# For what a newer release may have written. What clients ask for is a `Role` or a `RoomKind`.
LenientRole = Annotated[Role, _known(parse_role)]
LenientKind = Annotated[RoomKind, _known(parse_kind)]


class PresenceState(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"
    UNKNOWN = "unknown"  # unavailable now, or not visible to the user who asks
