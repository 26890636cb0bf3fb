"""Read markers of a room's members, held back until the room's stream is as far as they are."""

from uuid import UUID

from app.realtime.hub.connection import RoomChannel
from app.realtime.hub.hub import Hub

MAX_PENDING_READ_MARKERS = 1000  # of one room


class ReadMarkers:
    """A marker is sent after every event up to the log's head at the time when it moved. A user who
    was removed before it moved has been evicted by then, and does not see it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        # By room and user: the head of the log when the marker moved, and the encoded frame.
        self._pending: dict[RoomChannel, dict[UUID, tuple[int, bytes]]] = {}

    def add(self, room: RoomChannel, user: UUID, head: int, frame: bytes) -> None:
        pending = self._pending.setdefault(room, {})
        if len(pending) < MAX_PENDING_READ_MARKERS:
            pending[user] = (head, frame)
        self.send_due(room)

    def send_due(self, room: RoomChannel) -> None:
        pending = self._pending.get(room)
        if not pending:
            return
        due = [user for user, (head, _) in pending.items() if head <= room.stream.head]
        if due:
            self._hub.coalescer.flush_room(room)  # the events first
        for user in due:
            _, frame = pending.pop(user)
            for connection in room.live:
                if connection.user != user:
                    connection.send_volatile(frame)
        if not pending:
            self.forget(room)

    def forget(self, room: RoomChannel) -> None:
        self._pending.pop(room, None)
