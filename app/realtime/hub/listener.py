"""What the hub tells the features of a connection."""

from uuid import UUID

from app.core.publications import Publication
from app.realtime.hub.connection import Connection, RoomChannel, Subscription
from app.wire.frames import RoomClosed
from app.wire.items import ItemKey


class HubListener:
    """Base class of features: each overrides what it needs.

    The hub calls its listeners in the order in which they were added. Calls are made from the
    event loop and must neither block nor raise.
    """

    def on_connected(self, connection: Connection) -> None:
        """A connection was registered."""

    def on_disconnected(self, connection: Connection) -> None:
        """A connection was unregistered. Its subscriptions end after this."""

    def on_unsubscribed(self, subscription: Subscription, was_live: bool) -> None:
        """A subscription has ended, for whatever reason."""

    def on_room_closed(self, room: RoomChannel) -> None:
        """The last subscription of a room has ended."""

    def on_event(self, event: Publication) -> None:
        """An event of any room is known of here: in any order, possibly more than once."""

    def on_delivered(self, room: RoomChannel, event: Publication) -> None:
        """The next event of an open room was delivered: in order, exactly once per channel."""

    def on_volatile(self, publication: Publication) -> None:
        """A volatile publication (typing, presence) has arrived."""

    def on_list_changed(self, room_id: UUID, user: UUID | None) -> None:
        """A room may have changed in the lists of its members, or only in that of `user`."""

    def on_item_changed(self, user: UUID, item: ItemKey) -> None:
        """An item of the user may have changed."""

    def on_evicted(self, connection: Connection, closed: RoomClosed) -> None:
        """A room was closed on a connection by the event that ended its user's membership."""

    def on_late_eviction(self, connection: Connection, room_id: UUID) -> None:
        """A room was closed on a connection by an event of the past. Its user may have joined
        again since."""
