"""Permissions: which role may do what in which kind of room. One table; `standing.py` has what
changes that for a person."""

from typing import NamedTuple

from app.wire.domain import Permission, Role, RoomKind
from app.wire.errors import ChatError, Forbidden, NotFound, RoomArchived

ANY = frozenset(Role)
MEMBERS = ANY - {Role.GUEST}
OWNERS = frozenset({Role.OWNER})
ADMINS = OWNERS | {Role.ADMIN}
MODERATORS = ADMINS | {Role.MODERATOR}
NONE: frozenset[Role] = frozenset()

NO_ROOM = "There is no such room, or you may not see it."
JOIN_FIRST = "You are not a member of this public room. Join it first."

RANK = {Role.GUEST: 0, Role.MEMBER: 1, Role.MODERATOR: 2, Role.ADMIN: 3, Role.OWNER: 4}

Roles = frozenset[Role]
Permissions = frozenset[Permission]
NO_PERMISSIONS: Permissions = frozenset()


class Rule(NamedTuple):
    """What a permission allows, in words, and which roles have it, by kind of room."""

    phrase: str
    roles: dict[RoomKind, Roles]


def _rule(phrase: str, *, public: Roles, private: Roles, group: Roles, direct: Roles) -> Rule:
    kinds = (RoomKind.PUBLIC, RoomKind.PRIVATE, RoomKind.GROUP, RoomKind.DIRECT)
    return Rule(phrase, dict(zip(kinds, (public, private, group, direct), strict=True)))


# The members of a direct room never change.
RULES: dict[Permission, Rule] = {
    Permission.READ: _rule("read", public=ANY, private=ANY, group=ANY, direct=ANY),
    Permission.SEND: _rule("send messages", public=ANY, private=ANY, group=ANY, direct=ANY),
    Permission.SEND_IN_THREADS: _rule(
        "reply in threads", public=ANY, private=ANY, group=ANY, direct=ANY
    ),
    Permission.CREATE_POLLS: _rule(
        "create polls", public=MEMBERS, private=MEMBERS, group=MEMBERS, direct=ANY
    ),
    Permission.REACT: _rule(
        "react to messages or vote", public=ANY, private=ANY, group=ANY, direct=ANY
    ),
    Permission.PIN: _rule(
        "pin messages", public=MODERATORS, private=MODERATORS, group=MEMBERS, direct=ANY
    ),
    Permission.MENTION_ALL: _rule(
        "mention all members at once",
        public=MODERATORS,
        private=MODERATORS,
        group=MEMBERS,
        direct=ANY,
    ),
    Permission.MODERATE: _rule(
        "delete messages of others",
        public=MODERATORS,
        private=MODERATORS,
        group=MODERATORS,
        direct=NONE,
    ),
    Permission.ADD: _rule(
        "add members", public=MEMBERS, private=ADMINS, group=MEMBERS, direct=NONE
    ),
    Permission.TIME_OUT: _rule(
        "time members out", public=MODERATORS, private=MODERATORS, group=MODERATORS, direct=NONE
    ),
    Permission.REMOVE: _rule(
        "remove or ban members",
        public=MODERATORS,
        private=MODERATORS,
        group=MODERATORS,
        direct=NONE,
    ),
    Permission.SET_ROLE: _rule(
        "change roles", public=OWNERS, private=OWNERS, group=OWNERS, direct=NONE
    ),
    Permission.MANAGE_PERMISSIONS: _rule(
        "change permissions", public=ADMINS, private=ADMINS, group=ADMINS, direct=NONE
    ),
    Permission.EDIT: _rule(
        "change the name, topic or settings",
        public=ADMINS,
        private=ADMINS,
        group=MEMBERS,
        direct=NONE,
    ),
    Permission.VIEW_AUDIT_LOG: _rule(
        "view the audit log", public=ADMINS, private=ADMINS, group=ADMINS, direct=NONE
    ),
    Permission.ARCHIVE: _rule(
        "archive or restore the room", public=OWNERS, private=OWNERS, group=OWNERS, direct=NONE
    ),
    Permission.DELETE: _rule(
        "delete the room", public=OWNERS, private=OWNERS, group=OWNERS, direct=NONE
    ),
    Permission.LEAVE: _rule("leave", public=ANY, private=ANY, group=ANY, direct=NONE),
}


def outranks(role: Role, target: Role) -> bool:
    """Whether a member with this role may change or remove one with the second: those of a lower
    rank; owners everybody."""
    return role is Role.OWNER or RANK[role] > RANK[target]


def require_rank(role: Role, target: Role) -> None:
    """Raises Forbidden."""
    if not outranks(role, target):
        raise Forbidden(
            f"As {role} you may do this only with those of a lower role, and {target} is none."
        )


def membership_error(kind: RoomKind | None) -> ChatError:
    """What a non-member is answered; None: there is no such room. A room that is not public looks
    as if it did not exist."""
    return Forbidden(JOIN_FIRST) if kind is RoomKind.PUBLIC else NotFound(NO_ROOM)


def require_not_archived(*, archived: bool) -> None:
    if archived:
        raise RoomArchived("The room is archived: it can be read, but not changed.")
