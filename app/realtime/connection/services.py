"""What every connection uses."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.realtime.connection.admission import PendingConnections
from app.realtime.connection.room_list import RoomListLoader
from app.realtime.delivery.delivery import Delivery
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.wire.frames import Typing, Watch


@dataclass(frozen=True, slots=True)
class ConnectionServices:
    """`watch_presence` and `publish_typing` execute the frames of features, which this package does
    not import."""

    hub: Hub
    delivery: Delivery
    room_lists: RoomListLoader
    pending: PendingConnections
    watch_presence: Callable[[Connection, Watch], None]
    publish_typing: Callable[[Connection, Typing], Awaitable[None]]
