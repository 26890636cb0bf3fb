"""Permissions: which role may do what in which kind of room. Pure rules, one table."""

from enum import Enum

from app.wire.domain import Role, RoomKind
from app.wire.errors import ChatError, Forbidden, NotFound, RoomArchived

ANY = frozenset(Role)
ADMINS = frozenset({Role.OWNER, Role.ADMIN})
OWNERS = frozenset({Role.OWNER})
NONE: frozenset[Role] = frozenset()

NO_ROOM = "There is no such room, or you may not see it."
JOIN_FIRST = "You are not a member of this public room. Join it first."

RANK = {Role.MEMBER: 0, Role.ADMIN: 1, Role.OWNER: 2}

Roles = frozenset[Role]


def allowed(*, public: Roles, private: Roles, group: Roles, direct: Roles) -> dict[RoomKind, Roles]:
    """The roles that have a permission, by kind of room."""
    return {
        RoomKind.PUBLIC: public,
        RoomKind.PRIVATE: private,
        RoomKind.GROUP: group,
        RoomKind.DIRECT: direct,
    }


class Permission(Enum):
    """What it allows, in words, and to which roles. The members of a direct room never change."""

    SEND = "send messages", allowed(public=ANY, private=ANY, group=ANY, direct=ANY)
    CREATE_POLLS = "create polls", allowed(public=ANY, private=ANY, group=ANY, direct=ANY)
    REACT = "react to messages or vote", allowed(public=ANY, private=ANY, group=ANY, direct=ANY)
    PIN = "pin messages", allowed(public=ADMINS, private=ADMINS, group=ANY, direct=ANY)
    MODERATE = (
        "delete messages of others",
        allowed(public=ADMINS, private=ADMINS, group=ADMINS, direct=NONE),
    )
    ADD = "add members", allowed(public=ANY, private=ADMINS, group=ANY, direct=NONE)
    REMOVE = "remove members", allowed(public=ADMINS, private=ADMINS, group=ADMINS, direct=NONE)
    SET_ROLE = "change roles", allowed(public=OWNERS, private=OWNERS, group=OWNERS, direct=NONE)
    EDIT = (
        "change the name, topic or settings",
        allowed(public=ADMINS, private=ADMINS, group=ANY, direct=NONE),
    )
    ARCHIVE = (
        "archive or restore the room",
        allowed(public=OWNERS, private=OWNERS, group=OWNERS, direct=NONE),
    )
    MENTION_ALL = (
        "mention all members at once",
        allowed(public=ADMINS, private=ADMINS, group=ANY, direct=ANY),
    )
    LEAVE = "leave", allowed(public=ANY, private=ANY, group=ANY, direct=NONE)

    def __init__(self, phrase: str, roles: dict[RoomKind, Roles]) -> None:
        self.phrase = phrase
        self.roles = roles


def may(permission: Permission, kind: RoomKind, role: Role) -> bool:
    return role in permission.roles[kind]


def may_remove(remover: Role, target: Role) -> bool:
    """Besides `REMOVE`: admins remove only lower roles, owners remove anybody."""
    return remover is Role.OWNER or RANK[remover] > RANK[target]


def has_permission(
    permission: Permission, kind: RoomKind, role: Role, *, is_server_admin: bool
) -> bool:
    """Of a member."""
    return may(permission, kind, _acting_role(kind, role, is_server_admin) or role)


def _acting_role(kind: RoomKind, role: Role | None, is_server_admin: bool) -> Role | None:
    return Role.OWNER if is_server_admin and kind is RoomKind.PUBLIC else role


def require_permission(
    permission: Permission, kind: RoomKind, role: Role | None, *, is_server_admin: bool
) -> Role:
    """The role in which the permission is used: an administrator of the server acts as an owner of
    public rooms. Raises Forbidden."""
    role = _acting_role(kind, role, is_server_admin)
    if role is None or not may(permission, kind, role):
        raise Forbidden(
            f"You may not {permission.phrase} in this {kind} room"
            + (f" as {role}." if role else " without being a member.")
        )
    return role


def membership_error(kind: RoomKind | None) -> ChatError:
    """What a non-member is answered; None: there is no such room. A room that is not public looks
    as if it did not exist."""
    return Forbidden(JOIN_FIRST) if kind is RoomKind.PUBLIC else NotFound(NO_ROOM)


def require_not_archived(*, archived: bool) -> None:
    if archived:
        raise RoomArchived("The room is archived: it can be read, but not changed.")
