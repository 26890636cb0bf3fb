"""Items: what one person has besides rooms, such as a draft.

An event of the user's log names an item, and the user's sockets get it as it is now.
"""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

MAX_NOTE_CHARS = 500


class ItemKind(StrEnum):
    """What an item is. Later releases add kinds."""

    DRAFT = "draft"
    SAVED_MESSAGE = "saved"
    SCHEDULED_MESSAGE = "scheduled"
    REMINDER = "reminder"
    NOTIFICATIONS = "notifications"  # settings for all rooms; named by the user's id as room
    PRESENCE = "presence"  # what others see of it; named by the user's id as room
    BLOCK = "block"  # a blocked user, whose id it is; named by the user's id as room


class ScheduledState(StrEnum):
    """What has become of a scheduled message."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


class ItemKey(NamedTuple):
    """Identifies an item among those of its user. A kind has a `seq`, an `id`, or both."""

    kind: str  # an `ItemKind`, or one that only a newer release knows
    room: UUID
    seq: int | None = None
    id: UUID | None = None
