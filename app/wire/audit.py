"""What the audit log records: each kind of act of a moderator or an administrator."""

from enum import StrEnum


class AuditAction(StrEnum):
    """What was done. Later releases add actions."""

    # In a room.
    MEMBER_ADDED = "member_added"
    MEMBER_REMOVED = "member_removed"
    MEMBER_BANNED = "member_banned"
    MEMBER_UNBANNED = "member_unbanned"
    MEMBER_TIMED_OUT = "member_timed_out"
    TIME_OUT_LIFTED = "time_out_lifted"
    ROLE_CHANGED = "role_changed"
    ROOM_TRANSFERRED = "room_transferred"
    PERMISSIONS_CHANGED = "permissions_changed"
    ROOM_UPDATED = "room_updated"
    ROOM_ARCHIVED = "room_archived"
    ROOM_RESTORED = "room_restored"
    ROOM_DELETED = "room_deleted"
    INVITE_CREATED = "invite_created"
    INVITE_REVOKED = "invite_revoked"
    JOIN_REQUEST_APPROVED = "join_request_approved"
    JOIN_REQUEST_DECLINED = "join_request_declined"
    FILTER_RULE_ADDED = "filter_rule_added"  # also to the filter of the server
    FILTER_RULE_REMOVED = "filter_rule_removed"
    MESSAGES_DELETED = "messages_deleted"  # those of others
    MESSAGE_PINNED = "message_pinned"
    MESSAGE_UNPINNED = "message_unpinned"
    POLL_CLOSED = "poll_closed"  # that of somebody else
    THREAD_LOCKED = "thread_locked"
    REPORT_RESOLVED = "report_resolved"
    THREAD_UNLOCKED = "thread_unlocked"
    # On the server.
    USER_BANNED = "user_banned"
    USER_UNBANNED = "user_unbanned"
    ADMINISTRATOR_CREATED = "administrator_created"
    SERVER_UPDATED = "server_updated"
    GROUP_CREATED = "group_created"
    GROUP_UPDATED = "group_updated"
    GROUP_DELETED = "group_deleted"
    GROUP_MEMBER_ADDED = "group_member_added"
    GROUP_MEMBER_REMOVED = "group_member_removed"
    GROUP_MANAGER_ADDED = "group_manager_added"
    GROUP_MANAGER_REMOVED = "group_manager_removed"
