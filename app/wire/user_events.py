"""The events of a user's log: what concerns one person, for all of their devices.

A client of the socket does not see them: it gets the rooms that they name, as these are now, in
frames `rooms`. `GET /users/me/events` shows them.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from app.wire.events import StoredModel
from app.wire.seq import Seq


class UserEventType(StrEnum):
    """What happened to one person. Later releases add types."""

    ROOM_JOINED = "room.joined"
    ROOM_LEFT = "room.left"
    ROOM_REMOVED = "room.removed"
    ROOM_READ = "room.read"
    NOTIFICATIONS_CHANGED = "notifications.changed"
    THREAD_CHANGED = "thread.changed"


class UserEvent(StoredModel):
    """An event of the caller's log: `room.joined`, `room.left`, `room.removed` (by somebody else),
    `room.read` (the read marker has moved), `notifications.changed`, or `thread.changed` (the
    caller follows a thread, does not any more, or has read it). It names the room;
    `GET /rooms/{id}` has its state. Notification settings for all rooms name the user instead."""

    type: str = Field(description="The type of the event.", examples=["room.read"])
    seq: Seq = Field(description="Its position in the user's log: 1, 2, 3, … without a hole.")
    at: datetime = Field(description="When, RFC 3339 in UTC. Order by `seq`, not by this.")
    room: UUID = Field(description="The room's id; or the user's, for all rooms.")
