"""What the cells of the matrix differ in: the kind of the room, and who asks.

The rules of the documents about both are written once more here, independently of
`app/rooms/standing.py`. Which role has a permission by default is the table of
`app/rooms/policy.py`, which `tests/features/rooms/test_policy.py` compares with one of its own.
"""

from enum import StrEnum
from typing import NamedTuple

import pytest

from app.rooms.policy import MODERATORS, RULES
from app.wire.domain import Permission, Role, RoomKind


class Place(NamedTuple):
    """A kind of room, with what else changes the permissions of all."""

    kind: RoomKind
    announcement: bool = False
    archived: bool = False


PLACES = {
    "public": Place(RoomKind.PUBLIC),
    "private": Place(RoomKind.PRIVATE),
    "group": Place(RoomKind.GROUP),
    "direct": Place(RoomKind.DIRECT),
    "announcement": Place(RoomKind.PUBLIC, announcement=True),
    "archived": Place(RoomKind.PRIVATE, archived=True),
    "archived public": Place(RoomKind.PUBLIC, archived=True),
}
# The backends differ in their statements, which depend little on the kind of room. `make test-all`
# tries the other pairs.
FREQUENT_PLACES = {
    "embedded": ("private", "direct"),
    "cluster": ("public", "direct", "archived"),
}
SERVERS_AND_PLACES = [
    pytest.param(
        *(backend, place),
        marks=[
            getattr(pytest.mark, backend),
            *([] if place in frequent else [pytest.mark.long]),
        ],
    )
    for backend, frequent in FREQUENT_PLACES.items()
    for place in PLACES
]
# Where also the cells are tried that by their rules do not depend on the room.
COMPLETE_PLACE = PLACES["private"]


class Standing(StrEnum):
    """Who asks, towards the room."""

    ANONYMOUS = "anonymous"
    SUSPENDED = "suspended"  # the account is banned from the server
    OUTSIDER = "outsider"
    FORMER = "former"
    BANNED = "banned"
    TIMED_OUT = "timed_out"
    BLOCKED = "blocked"  # by the founder of the room, who is the other member of a direct one
    GUEST = "guest"
    MEMBER = "member"
    MODERATOR = "moderator"
    ADMIN = "admin"
    OWNER = "owner"
    SERVER_ADMINISTRATOR = "server_administrator"


# The role of those who are members now. A standing that differs from a member in something else,
# as one who is timed out, is a line here.
ROLES: dict[Standing, Role] = {
    Standing.TIMED_OUT: Role.MEMBER,
    Standing.BLOCKED: Role.MEMBER,
    Standing.GUEST: Role.GUEST,
    Standing.MEMBER: Role.MEMBER,
    Standing.MODERATOR: Role.MODERATOR,
    Standing.ADMIN: Role.ADMIN,
    Standing.OWNER: Role.OWNER,
}
# Those who were members and have written something.
PAST_MEMBERS = (Standing.FORMER, Standing.BANNED)
WITHOUT_SESSION = (Standing.ANONYMOUS, Standing.SUSPENDED)
# Besides two members nobody has anything to do with a direct room.
OF_DIRECT_ROOMS = (
    *WITHOUT_SESSION,
    *(Standing.OUTSIDER, Standing.BLOCKED, Standing.MEMBER, Standing.SERVER_ADMINISTRATOR),
)
OF_ACCOUNTS = (*WITHOUT_SESSION, Standing.OUTSIDER, Standing.SERVER_ADMINISTRATOR)
# What is left to members who are timed out, or blocked in a direct room, and what an announcement
# takes from its readers.
_OF_READERS = {Permission.READ, Permission.LEAVE}
_OF_ANNOUNCERS = {Permission.SEND, Permission.CREATE_POLLS}


def list_standings(place: Place) -> tuple[Standing, ...]:
    return OF_DIRECT_ROOMS if place.kind is RoomKind.DIRECT else tuple(Standing)


def find_acting_role(place: Place, standing: Standing) -> Role | None:
    """Administrators of the server act as owners of public rooms."""
    if standing is Standing.SERVER_ADMINISTRATOR and place.kind is RoomKind.PUBLIC:
        return Role.OWNER
    return ROLES.get(standing)


def holds(permission: Permission, place: Place, standing: Standing) -> bool:
    """Whether the standing has the permission, as long as the room is not archived."""
    role = find_acting_role(place, standing)
    if role not in RULES[permission].roles[place.kind]:
        return False
    if place.announcement and role not in MODERATORS and permission in _OF_ANNOUNCERS:
        return False
    is_blocked = standing is Standing.BLOCKED and place.kind is RoomKind.DIRECT
    reads_only = is_blocked or standing is Standing.TIMED_OUT
    return not reads_only or permission in _OF_READERS
