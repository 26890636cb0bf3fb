"""What somebody may do in a room: by their role, and by what changes that for them. Pure rules."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from app.rooms.overrides import NO_OVERRIDE, Override, parse_overrides
from app.rooms.policy import MODERATORS, NO_PERMISSIONS, RULES, Permissions
from app.wire.domain import Permission, Role, RoomKind
from app.wire.errors import Forbidden
from app.wire.overrides import FIXED
from app.wire.room_settings import parse_settings

# What is left in an archived room.
_OF_ARCHIVED = FIXED | {Permission.ARCHIVE, Permission.DELETE, Permission.VIEW_AUDIT_LOG}
# In a room for announcements only moderators have these by default.
_OF_ANNOUNCERS = frozenset({Permission.SEND, Permission.CREATE_POLLS})
# What a user who acts as an owner without being a member may not do.
_OF_MEMBERS_ONLY = FIXED | {
    Permission.SEND,
    Permission.SEND_IN_THREADS,
    Permission.CREATE_POLLS,
    Permission.REACT,
    Permission.PIN,
    Permission.MENTION_ALL,
    Permission.MODERATE,
}


class Standing(NamedTuple):
    """Who somebody is in a room, and all that decides what they may do there."""

    user: UUID
    is_server_admin: bool
    kind: RoomKind
    role: Role | None  # None: not a member
    overrides: str | None  # a column of the room
    settings: str | None  # a column of the room
    timed_out_until: datetime | None = None  # None: they are not, or not any more
    blocked_by: str | None = None  # a column of the room

    @property
    def acting_role(self) -> Role | None:
        """An administrator of the server acts as an owner of public rooms."""
        is_acting = self.is_server_admin and self.kind is RoomKind.PUBLIC
        return Role.OWNER if is_acting else self.role


def find_permissions(standing: Standing) -> Permissions:
    """What they may do while the room is not archived."""
    role = standing.acting_role
    if role is None:
        return NO_PERMISSIONS
    if standing.overrides is None and standing.settings is None:
        permissions = _permissions(standing.kind, role)
    else:
        overrides = parse_overrides(standing.overrides)
        permissions = _permissions(
            standing.kind,
            role,
            overrides.get(role),
            overrides.get(standing.user),
            is_announcement=parse_settings(standing.settings).announcement,
        )
    if standing.timed_out_until and role is not Role.OWNER:
        permissions &= FIXED
    return permissions


@lru_cache(maxsize=10_000)
def _permissions(
    kind: RoomKind,
    role: Role,
    of_role: Override = NO_OVERRIDE,
    of_user: Override = NO_OVERRIDE,
    *,
    is_announcement: bool = False,
) -> Permissions:
    """An override for a person counts more than one for a role. Owners have all that there is, so
    that nobody is locked out; what comes with being a member is not changed."""
    defaults = frozenset(
        permission for permission in Permission if role in RULES[permission].roles[kind]
    )
    if role is Role.OWNER:
        return defaults
    if is_announcement and role not in MODERATORS:
        defaults -= _OF_ANNOUNCERS
    return of_user.apply(of_role.apply(defaults - FIXED)) - FIXED | defaults & FIXED


def may(permission: Permission, standing: Standing) -> bool:
    return permission in find_permissions(standing)


def shown_permissions(standing: Standing, *, archived: bool) -> Permissions:
    """What a client shows as possible."""
    permissions = find_permissions(standing)
    if standing.role is None:
        permissions -= _OF_MEMBERS_ONLY
    return permissions & _OF_ARCHIVED if archived else permissions


def require_permission(permission: Permission, standing: Standing) -> Role:
    """The role in which the permission is used. Raises Forbidden."""
    role = standing.acting_role
    if role is None or permission not in find_permissions(standing):
        if standing.timed_out_until and permission in find_permissions(
            standing._replace(timed_out_until=None)
        ):
            raise Forbidden(
                f"You are timed out in this room until {standing.timed_out_until.isoformat()}: "
                "you may read, but not write."
            )
        raise Forbidden(
            f"You may not {RULES[permission].phrase} in this {standing.kind} room"
            + (f" as {role}." if role else " without being a member.")
        )
    if standing.blocked_by and permission not in FIXED:
        raise block_error(by_actor=standing.user.hex in standing.blocked_by)
    return role


def block_error(*, by_actor: bool) -> Forbidden:
    """Who is blocked does not learn it for certain: the same could be said for other reasons."""
    return Forbidden(
        "You have blocked this user. Unblock them to write to them."
        if by_actor
        else "This cannot be delivered: the recipient may not accept direct messages from you."
    )
