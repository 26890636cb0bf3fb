"""What every connection uses."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.realtime.connection.admission import PendingConnections
from app.realtime.connection.room_list import RoomListLoader
from app.realtime.delivery.delivery import Delivery
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.wire.client_frames import SubscribePresence, Typing


@dataclass(frozen=True, slots=True)
class ConnectionServices:
    """What the frames of a connection need. `subscribe_presence` and `publish_typing` are functions
    of features, which this package may not import."""

    hub: Hub
    delivery: Delivery
    room_lists: RoomListLoader
    pending: PendingConnections
    subscribe_presence: Callable[[Connection, SubscribePresence], None]
    publish_typing: Callable[[Connection, Typing], Awaitable[None]]
    # Frames that are executed beside those after them. Nothing else refers to the tasks.
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
