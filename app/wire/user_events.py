"""The events of a user's log: what concerns one person, for all of their devices.

A client of the socket does not see them: it gets what they name, as it is now, a room in a frame
`rooms` and an item in a frame `item.changed`. `GET /users/me/events` shows them.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from app.wire.items import ItemKey
from app.wire.message_parts import StoredModel
from app.wire.seq import Seq


class UserEventType(StrEnum):
    """What happened to one person. Later releases add types."""

    ROOM_JOINED = "room.joined"
    ROOM_LEFT = "room.left"
    ROOM_REMOVED = "room.removed"
    ROOM_READ = "room.read"
    NOTIFICATIONS_CHANGED = "notifications.changed"
    THREAD_CHANGED = "thread.changed"
    ITEM_CHANGED = "item.changed"


class UserEvent(StoredModel):
    """An event of the caller's log: `room.joined`, `room.left`, `room.removed` (by somebody else),
    `room.read` (the read marker has moved), `notifications.changed` (of the room), `thread.changed`
    (the caller follows a thread, does not any more, or has read it) or `item.changed`. It names the
    room, whose state is in `GET /rooms/{id}`, or an item, which is in the list of its kind as long
    as it exists."""

    type: str = Field(description="The type of the event.", examples=["room.read"])
    seq: Seq = Field(description="Its position in the user's log: 1, 2, 3, … without a hole.")
    at: datetime = Field(description="When, RFC 3339 in UTC. Order by `seq`, not by this.")
    room: UUID = Field(
        description="The room's id; of the items `notifications`, `presence` and `block`, "
        "which are for all rooms, the user's."
    )
    item: str | None = Field(
        None,
        description="The kind of the item, as in the frame `item.changed`; null: the event is "
        "about the room.",
        examples=["draft"],
    )
    item_seq: Seq | None = Field(
        None, description="The item's `seq`, where its kind has one.", examples=[0]
    )
    item_id: UUID | None = Field(
        None, description="The item's id, where its kind has one.", examples=[None]
    )

    def key(self) -> ItemKey | None:
        """The item that the event names."""
        if self.item is None:
            return None
        return ItemKey(self.item, self.room, self.item_seq, self.item_id)
