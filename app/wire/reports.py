"""Closed lists of reports."""

from enum import StrEnum


class ReportReason(StrEnum):
    """Why something was reported. Later releases add reasons."""

    SPAM = "spam"
    HARASSMENT = "harassment"
    HATE = "hate"
    VIOLENCE = "violence"
    SEXUAL = "sexual"
    PRIVACY = "privacy"
    OTHER = "other"


class ReportStatus(StrEnum):
    """Whether somebody has judged a report."""

    OPEN = "open"
    RESOLVED = "resolved"


class ReportOutcome(StrEnum):
    """What was done about a report. Later releases add outcomes."""

    DISMISSED = "dismissed"
    WARNED = "warned"
    MESSAGE_DELETED = "message_deleted"
    TIMED_OUT = "timed_out"
    REMOVED = "removed"
    BANNED = "banned"
    OTHER = "other"
