"""What each operation and each frame requires: one table, from which the expected answer of every
cell of the matrix follows. An operation without a row fails a test."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple

from app.rooms.policy import ADMINS, OWNERS
from app.wire.domain import Permission, Role, RoomKind
from tests.authorization.standings import (
    PAST_MEMBERS,
    ROLES,
    WITHOUT_SESSION,
    Place,
    Standing,
    find_acting_role,
    holds,
)

Answers = frozenset[HTTPStatus]
DONE = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT})
UNAUTHENTICATED = frozenset({HTTPStatus.UNAUTHORIZED})
FORBIDDEN = frozenset({HTTPStatus.FORBIDDEN})
UNKNOWN = frozenset({HTTPStatus.NOT_FOUND})
ARCHIVED = frozenset({HTTPStatus.CONFLICT})


class Cell(NamedTuple):
    """Who asks about whose object, in which kind of room."""

    place: Place
    standing: Standing
    own: bool  # the object: a message, a session, an invite link


class Access(StrEnum):
    """Who may ask at all; everybody else is refused in the same way, whatever the object is."""

    ANYONE = "anyone"
    NOBODY = "nobody"  # it is over: the server is set up
    TOKEN = "holders of a token, also of a session that has ended"
    USER = "users with a session"
    ADMINISTRATOR = "administrators of the server"
    VISIBLE = "those who may see the room"
    MEMBER = "members"
    ACTING = "members, and administrators of the server in public rooms"


@dataclass(frozen=True)
class Rule:
    """`permissions` and `roles` are needed for any object, `others` for an object of somebody else:
    a further permission, one of these roles, or a refusal that no role changes."""

    access: Access
    permissions: tuple[Permission, ...] = ()
    roles: frozenset[Role] | None = None
    others: Permission | frozenset[Role] | Answers | None = None
    changes_room: bool = False  # refused in an archived room
    answers: Callable[[Cell], Answers] | None = None  # instead of all that
    body: dict[str, Any] | None = None  # instead of the example of the document
    moves_members: bool = False  # the room is arranged again afterwards

    @property
    def is_of_room(self) -> bool:
        of_rooms = (Access.VISIBLE, Access.MEMBER, Access.ACTING)
        return self.access in of_rooms or self.answers is not None

    @property
    def depends_on_owner(self) -> bool:
        """Whether it matters whose the object is."""
        return self.others is not None or self.answers is not None


def find_answers(rule: Rule, cell: Cell) -> Answers:
    """The statuses with which the cell may be answered."""
    if rule.access is Access.ANYONE:
        return DONE
    if rule.access is Access.NOBODY:
        return FORBIDDEN
    if rule.access is Access.TOKEN and cell.standing is not Standing.ANONYMOUS:
        return DONE
    if cell.standing in WITHOUT_SESSION:
        return UNAUTHENTICATED
    if rule.answers:
        return rule.answers(cell)
    if rule.access is Access.USER:
        return UNKNOWN if rule.others and not cell.own else DONE
    if rule.access is Access.ADMINISTRATOR:
        return DONE if cell.standing is Standing.SERVER_ADMINISTRATOR else FORBIDDEN
    return _find_room_answers(rule, cell)


def _find_room_answers(rule: Rule, cell: Cell) -> Answers:
    place, standing, _ = cell
    role = ROLES.get(standing)
    acting_role = find_acting_role(place, standing)
    if role is None and place.kind is not RoomKind.PUBLIC:
        return UNKNOWN
    if rule.access is Access.MEMBER and role is None:
        return FORBIDDEN
    if rule.access is Access.ACTING and acting_role is None:
        return FORBIDDEN
    if not _is_permitted(rule, cell, acting_role if rule.access is Access.ACTING else role):
        return FORBIDDEN | ARCHIVED if rule.changes_room and place.archived else FORBIDDEN
    return ARCHIVED if rule.changes_room and place.archived else DONE


def _is_permitted(rule: Rule, cell: Cell, role: Role | None) -> bool:
    if not all(holds(permission, cell.place, cell.standing) for permission in rule.permissions):
        return False
    if rule.roles is not None and role not in rule.roles:
        return False
    if cell.own or rule.others is None:
        return True
    if isinstance(rule.others, Permission):
        return holds(rule.others, cell.place, cell.standing)
    return role in rule.others


# What users report.


def _report(cell: Cell) -> Answers:
    """Nothing of one's own."""
    found = find_answers(MEMBER, cell)
    return FORBIDDEN if found == DONE and cell.own else found


def _report_oneself(cell: Cell) -> Answers:
    return _report(cell._replace(own=True))


def _resolve_report(cell: Cell) -> Answers:
    """A report in the room, about somebody else. Those who may not read it do not learn of it."""
    is_administrator = cell.standing is Standing.SERVER_ADMINISTRATOR
    moderates = find_answers(_acting(Permission.MODERATE), cell) == DONE
    return DONE if is_administrator or moderates else UNKNOWN


# Admissions: what a user is answered who may become a member.


def _open_direct_room(cell: Cell) -> Answers:
    """With the founder. One that exists is found, also after a block."""
    is_open = cell.place.kind is RoomKind.DIRECT
    return FORBIDDEN if cell.standing is Standing.BLOCKED and not is_open else DONE


def _join(cell: Cell) -> Answers:
    if cell.standing in ROLES:
        return DONE
    if cell.place.kind is not RoomKind.PUBLIC:
        return UNKNOWN
    if cell.place.archived:
        return ARCHIVED
    return FORBIDDEN if cell.standing is Standing.BANNED else DONE


def _join_by_invite(cell: Cell) -> Answers:
    """A code is enough to know of the room."""
    if cell.place.kind is RoomKind.DIRECT:
        return UNKNOWN
    if cell.standing in ROLES:
        return DONE
    return _preview_invite(cell)


def _preview_invite(cell: Cell) -> Answers:
    if cell.place.kind is RoomKind.DIRECT or cell.place.archived:
        return UNKNOWN
    return FORBIDDEN if cell.standing is Standing.BANNED else DONE


def _ask_to_join(cell: Cell) -> Answers:
    """Where nobody can ask, the answer shows nothing of the room, to members neither."""
    if cell.place.kind is not RoomKind.PRIVATE or cell.place.archived:
        return UNKNOWN
    return FORBIDDEN if cell.standing in {*ROLES, Standing.BANNED} else DONE


def _answer_request(changes_room: bool) -> Callable[[Cell], Answers]:
    """Of somebody else, who can ask to join a private room only."""
    rule = Rule(Access.ACTING, (Permission.ADD,), changes_room=changes_room)

    def answers(cell: Cell) -> Answers:
        found = find_answers(rule, cell)
        return UNKNOWN if found == DONE and cell.place.kind is not RoomKind.PRIVATE else found

    return answers


def _cancel_request(cell: Cell) -> Answers:
    """Those who cannot ask have no request."""
    return DONE if _ask_to_join(cell) == DONE else UNKNOWN


ANYONE = Rule(Access.ANYONE)
USER = Rule(Access.USER)
OWN = Rule(Access.USER, others=UNKNOWN)
ADMINISTRATOR = Rule(Access.ADMINISTRATOR)
MEMBER = Rule(Access.MEMBER)
ACTING = Rule(Access.ACTING)
WRITES = (Permission.SEND,)


def _change(*permissions: Permission, access: Access = Access.MEMBER, **more: Any) -> Rule:
    return Rule(access, permissions, changes_room=True, **more)


def _acting(*permissions: Permission, **more: Any) -> Rule:
    return Rule(Access.ACTING, permissions, **more)


def _open(cell: Cell) -> Answers:
    """Those who were members are told how far they may read, and that the room is closed."""
    return DONE if cell.standing in PAST_MEMBERS else find_answers(MEMBER, cell)


def _type(cell: Cell) -> Answers:
    """A room can be open only to its members. Who may write nothing does not type."""
    if cell.standing not in ROLES:
        return UNKNOWN
    writes = (Permission.SEND, Permission.SEND_IN_THREADS)
    may_write = any(holds(permission, cell.place, cell.standing) for permission in writes)
    return DONE if may_write else FORBIDDEN


# By operation; a second word names a case of it, with a body of its own.
OPERATIONS: dict[str, Rule] = {
    # The server and accounts.
    "check_liveness": ANYONE,
    "check_readiness": ANYONE,
    "get_server": ANYONE,
    "set_up_server": Rule(Access.NOBODY),
    "update_server": ADMINISTRATOR,
    "register_account": ANYONE,
    "issue_token": ANYONE,
    "log_in_with_cookie": ANYONE,
    "renew_cookie": ANYONE,  # with the cookie of a session, whatever token there is besides it
    "log_out_with_cookie": ANYONE,
    "log_out": Rule(Access.TOKEN),
    "list_sessions": USER,
    "revoke_session": OWN,
    "issue_ticket": USER,
    "get_me": USER,
    "update_me": USER,
    "change_password": USER,
    "search_users": USER,
    "get_user": USER,
    "ban_user": ADMINISTRATOR,
    "unban_user": ADMINISTRATOR,
    "list_message_counts": ADMINISTRATOR,
    "search_groups": USER,
    "get_group": USER,
    "list_group_members": USER,
    "create_group": ADMINISTRATOR,
    "update_group": ADMINISTRATOR,
    "delete_group": ADMINISTRATOR,
    "add_group_member": ADMINISTRATOR,
    "add_group_member managed": USER,
    "remove_group_member": ADMINISTRATOR,
    "remove_group_member managed": USER,
    "list_group_managers": USER,
    "add_group_manager": ADMINISTRATOR,
    "remove_group_manager": ADMINISTRATOR,
    "list_filter_rules": ADMINISTRATOR,
    "add_filter_rule": ADMINISTRATOR,
    "remove_filter_rule": ADMINISTRATOR,
    "list_reports": ADMINISTRATOR,
    "list_acts": ADMINISTRATOR,
    # One's own lists and items.
    "list_my_events": USER,
    "list_my_mentions": USER,
    "list_my_threads": USER,
    "list_drafts": USER,
    "list_saved_messages": USER,
    "list_scheduled_messages": USER,
    "update_scheduled_message": OWN,
    "delete_scheduled_message": OWN,
    "list_reminders": USER,
    "update_reminder": OWN,
    "delete_reminder": OWN,
    "get_notifications": USER,
    "set_notifications": USER,
    "list_blocks": USER,
    "block_user": USER,
    "unblock_user": USER,
    "get_presence_settings": USER,
    "set_presence_settings": USER,
    "list_my_reports": USER,
    "search": USER,
    "search_messages": USER,
    # Rooms.
    "list_rooms": USER,
    "search_public_rooms": USER,
    "create_room": USER,
    "create_room direct": Rule(
        Access.USER, answers=_open_direct_room, body={"kind": "direct", "members": ["{founder}"]}
    ),
    "get_room": Rule(Access.VISIBLE),
    "update_room": _change(Permission.EDIT, access=Access.ACTING),
    "update_room managed": _change(
        Permission.MANAGE_PERMISSIONS, access=Access.ACTING, body={"settings": {"slow_mode_s": 0}}
    ),
    "update_room history": _change(
        Permission.MANAGE_PERMISSIONS, access=Access.ACTING, body={"settings": {"history": "all"}}
    ),
    "update_room restored": _acting(
        Permission.ARCHIVE, body={"archived": False}, moves_members=True
    ),
    "archive_room": _acting(Permission.ARCHIVE, moves_members=True),
    "delete_room": _acting(Permission.DELETE),
    "transfer_room": _change(roles=OWNERS, moves_members=True),
    "join_room": Rule(Access.USER, answers=_join, moves_members=True),
    "leave_room": Rule(Access.MEMBER, (Permission.LEAVE,), moves_members=True),
    "list_members": MEMBER,
    "add_members": _change(Permission.ADD, access=Access.ACTING),
    "set_member_role": _change(Permission.SET_ROLE, access=Access.ACTING, moves_members=True),
    "remove_member": _change(Permission.REMOVE, access=Access.ACTING),
    "get_room_permissions": ACTING,
    "set_role_permissions": _change(
        Permission.MANAGE_PERMISSIONS, access=Access.ACTING, body={"deny": ["mention_all"]}
    ),
    "reset_role_permissions": _change(Permission.MANAGE_PERMISSIONS, access=Access.ACTING),
    "set_member_permissions": _change(
        Permission.MANAGE_PERMISSIONS, access=Access.ACTING, body={"deny": ["mention_all"]}
    ),
    "reset_member_permissions": _change(Permission.MANAGE_PERMISSIONS, access=Access.ACTING),
    "list_bans": _acting(Permission.REMOVE),
    "ban_from_room": _change(Permission.REMOVE, access=Access.ACTING),
    "unban_from_room": _change(Permission.REMOVE, access=Access.ACTING),
    "list_time_outs": _acting(Permission.TIME_OUT),
    "time_out_member": _change(Permission.TIME_OUT, access=Access.ACTING),
    "lift_time_out": _change(Permission.TIME_OUT, access=Access.ACTING),
    "create_invite": _change(Permission.ADD, access=Access.ACTING),
    "list_invites": _acting(Permission.ADD),
    "list_invite_uses": _acting(Permission.ADD),
    "revoke_invite": _acting(Permission.ADD, others=Permission.REMOVE),
    "preview_invite": Rule(Access.USER, answers=_preview_invite),
    "join_by_invite": Rule(Access.USER, answers=_join_by_invite, moves_members=True),
    "ask_to_join": Rule(Access.USER, answers=_ask_to_join),
    "list_join_requests": _acting(Permission.ADD),
    "approve_join_request": _acting(Permission.ADD, answers=_answer_request(changes_room=True)),
    "delete_join_request": _acting(Permission.ADD, answers=_answer_request(changes_room=False)),
    "delete_join_request own": Rule(Access.USER, answers=_cancel_request),
    "list_room_acts": _acting(Permission.VIEW_AUDIT_LOG),
    "list_room_filter_rules": _acting(Permission.MODERATE),
    "add_room_filter_rule": _change(Permission.MODERATE, access=Access.ACTING),
    "remove_room_filter_rule": _change(Permission.MODERATE, access=Access.ACTING),
    "report_member": MEMBER,
    "report_member own": Rule(Access.MEMBER, answers=_report_oneself),
    "list_room_reports": _acting(Permission.MODERATE),
    "resolve_report": _acting(Permission.MODERATE, answers=_resolve_report),
    # Messages.
    "list_messages": MEMBER,
    "get_message": MEMBER,
    "list_events": MEMBER,
    "send_message": _change(*WRITES),
    "send_message poll": _change(
        *WRITES, Permission.CREATE_POLLS, body={"text": "well?", "poll": {"options": ["a", "b"]}}
    ),
    "edit_message": _change(*WRITES, others=FORBIDDEN),
    "list_message_versions": Rule(Access.MEMBER, others=ADMINS),
    "delete_message": _change(others=Permission.MODERATE),
    "delete_messages": _change(others=Permission.MODERATE),
    "add_reaction": _change(Permission.REACT),
    "remove_reaction": _change(Permission.REACT),
    "list_reactions": MEMBER,
    "pin_message": _change(Permission.PIN),
    "unpin_message": _change(Permission.PIN),
    "list_pins": MEMBER,
    "forward_message": MEMBER,
    "forward_message into": _change(*WRITES),
    "vote": _change(Permission.REACT),
    "add_poll_option": _change(Permission.REACT),
    "close_poll": _change(others=Permission.MODERATE),
    "list_votes": MEMBER,
    "list_readers": MEMBER,
    "report_message": Rule(Access.MEMBER, answers=_report),
    "mark_read": MEMBER,
    "mark_unread": MEMBER,
    "list_threads": MEMBER,
    "get_thread": MEMBER,
    "list_thread_messages": MEMBER,
    "send_message reply": _change(
        Permission.SEND_IN_THREADS, body={"text": "x", "thread": "{seq}"}
    ),
    "follow_thread": MEMBER,
    "unfollow_thread": MEMBER,
    "mark_thread_read": MEMBER,
    "lock_thread": _change(Permission.MODERATE),
    "unlock_thread": _change(Permission.MODERATE),
    # A member's items and settings.
    "save_draft": MEMBER,
    "delete_draft": MEMBER,
    "save_message": MEMBER,
    "remove_saved_message": MEMBER,
    "schedule_message": _change(*WRITES),
    "add_reminder": MEMBER,
    "get_room_notifications": MEMBER,
    "set_room_notifications": MEMBER,
    "explain_notification": MEMBER,
    "explain_notification others": _acting(roles=ADMINS),
}

# By the type of a client's frame.
FRAMES: dict[str, Rule] = {
    "hello": USER,
    "open": Rule(Access.USER, answers=_open),
    "close": USER,
    "message.send": _change(*WRITES),
    "message.edit": _change(*WRITES, others=FORBIDDEN),
    "reaction.add": _change(Permission.REACT),
    "reaction.remove": _change(Permission.REACT),
    "history": MEMBER,
    "read": MEMBER,
    "presence.subscribe": USER,
    "typing": Rule(Access.USER, answers=_type),
    "pong": USER,
}
