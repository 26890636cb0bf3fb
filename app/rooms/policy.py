"""Who may do what in which room: pure rules, one table."""

from enum import StrEnum

from app.wire.domain import Role, RoomKind

OWNER = frozenset({Role.OWNER})
MODERATORS = frozenset({Role.OWNER, Role.ADMIN})
ANYBODY = frozenset(Role)
NOBODY: frozenset[Role] = frozenset()

RANK = {Role.MEMBER: 0, Role.ADMIN: 1, Role.OWNER: 2}


class Action(StrEnum):
    ADD = "add members"
    REMOVE = "remove members"
    SET_ROLE = "change roles"
    EDIT = "change the name or topic"
    ARCHIVE = "archive or restore the room"
    LEAVE = "leave"


ALLOWED: dict[RoomKind, dict[Action, frozenset[Role]]] = {
    RoomKind.PUBLIC: {
        Action.ADD: ANYBODY,
        Action.REMOVE: MODERATORS,
        Action.SET_ROLE: OWNER,
        Action.EDIT: MODERATORS,
        Action.ARCHIVE: OWNER,
        Action.LEAVE: ANYBODY,
    },
    RoomKind.PRIVATE: {
        Action.ADD: MODERATORS,
        Action.REMOVE: MODERATORS,
        Action.SET_ROLE: OWNER,
        Action.EDIT: MODERATORS,
        Action.ARCHIVE: OWNER,
        Action.LEAVE: ANYBODY,
    },
    RoomKind.GROUP: {
        Action.ADD: ANYBODY,
        Action.REMOVE: MODERATORS,
        Action.SET_ROLE: OWNER,
        Action.EDIT: ANYBODY,
        Action.ARCHIVE: OWNER,
        Action.LEAVE: ANYBODY,
    },
    # A direct room is its two people, for ever.
    RoomKind.DIRECT: dict.fromkeys(Action, NOBODY),
}


def may(action: Action, kind: RoomKind, role: Role) -> bool:
    return role in ALLOWED[kind][action]


def may_remove(remover: Role, target: Role) -> bool:
    """Beside the table: nobody removes an equal or a superior, but owners remove anybody."""
    return remover is Role.OWNER or RANK[remover] > RANK[target]
