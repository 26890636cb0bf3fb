"""The rooms that the application has open, and which of them to request from the server."""

import asyncio
from collections.abc import Sequence
from math import inf
from uuid import UUID

from app.client.errors import ClientClosed, ClientError, RequestRejected
from app.client.event_queue import RoomLost
from app.client.room_subscription import RoomServices, RoomSubscription
from app.client.send_queue import OVERDUE_S
from app.wire.client_frames import RoomPosition
from app.wire.events import RoomEvent
from app.wire.frames import RoomClosed, RoomHead, RoomOpened

# A ping may overtake events that its heads count.
HEAD_GRACE_S = 1.0
MAX_ROOMS_PER_FRAME = 100


class Rooms:
    def __init__(self) -> None:
        self._rooms: dict[UUID, RoomSubscription] = {}
        self._to_close: set[UUID] = set()  # the server still has them open

    # Requests of the application.

    def open(
        self, room_id: UUID, since: int | None, epoch: str | None, services: RoomServices
    ) -> RoomSubscription:
        """Does nothing if the room is open already."""
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = RoomSubscription(room_id, since, epoch, services)
            services.wake()
        return room

    def close(self, room_id: UUID) -> None:
        room = self._rooms.pop(room_id, None)
        if room:
            self._to_close.add(room_id)
            room.stop(ClientClosed("The room was closed."))

    def position(self, room_id: UUID) -> int | None:
        room = self._rooms.get(room_id)
        return room.cursor.seq if room else None

    def epoch(self, room_id: UUID) -> str | None:
        room = self._rooms.get(room_id)
        return room.cursor.epoch if room else None

    def drop(self, room: RoomSubscription, reason: str, error: ClientError) -> None:
        """Forget a room that the server has closed, after its last event was delivered."""
        if self._rooms.get(room.id) is room:
            del self._rooms[room.id]
            if room.opened.done():
                room.services.queue.put(RoomLost(room.id, reason))
            room.stop(error)

    def stop(self, error: ClientError) -> None:
        for room in self._rooms.values():
            room.stop(error)
        self._rooms.clear()

    def advance(self) -> None:
        """The event queue has free slots again."""
        for room in list(self._rooms.values()):
            room.advance()

    # Frames to send.

    def hello(self, frame_id: int, now: float) -> list[RoomPosition]:
        """The positions for `hello`: a server knows nothing of the last connection."""
        self._to_close.clear()
        rooms = [room for room in self._rooms.values() if not room.closed]
        for room in rooms:
            room.next_attempt_at = 0.0
        return self.due_positions(frame_id, now)

    def on_migrated(self, positions: Sequence[RoomPosition]) -> None:
        """A new connection, whose `hello` had these positions, replaces the old one: rooms that
        were opened or closed since have to be requested again."""
        requested = {position.room for position in positions}
        self._to_close.update(requested - self._rooms.keys())
        for room in self._rooms.values():
            if room.id not in requested and not room.closed:
                room.next_attempt_at = 0.0

    def due_positions(self, frame_id: int, now: float) -> list[RoomPosition]:
        rooms = [room for room in self._rooms.values() if room.next_attempt_at <= now]
        return _mark_requested(rooms[:MAX_ROOMS_PER_FRAME], frame_id, now)

    def next_due(self) -> float:
        return min((room.next_attempt_at for room in self._rooms.values()), default=inf)

    def rooms_to_close(self) -> list[UUID]:
        """Rooms to close, each once; to be sent before `due_positions`."""
        rooms = list(self._to_close)[:MAX_ROOMS_PER_FRAME]
        self._to_close.difference_update(rooms)
        return rooms

    # Frames of the server.

    def on_opened(self, frame: RoomOpened, epoch: str) -> None:
        room = self._rooms.get(frame.room)
        if room:
            room.on_opened(frame, epoch)

    def on_event(self, event: RoomEvent) -> None:
        room = self._rooms.get(event.room)
        if room:
            room.on_event(event)

    def on_closed(self, frame: RoomClosed) -> None:
        """The reason `closed` only confirms a request of the application."""
        room = self._rooms.get(frame.room)
        if room and frame.reason != "closed":
            room.on_closed(frame.reason)

    def on_rejected(
        self, frame_id: int | str | None, room_id: UUID | None, error: RequestRejected, now: float
    ) -> None:
        """An error without an id may be about any frame that has no answer yet."""
        for room in [room for room in self._rooms.values() if room.next_attempt_at != inf]:
            if frame_id is None:
                if not error.is_final:
                    room.reopen_at(now + error.wait_s)
            elif frame_id == room.request_id and room_id in (room.id, None):
                if error.is_final:
                    self.drop(room, error.detail, error)
                else:
                    room.reopen_at(now + error.wait_s)

    def on_heads(self, heads: list[RoomHead]) -> None:
        """From a ping. Reopen rooms that are still behind their head after HEAD_GRACE_S."""
        loop = asyncio.get_running_loop()
        for head in heads:
            room = self._rooms.get(head.room)
            if room and room.next_attempt_at == inf and room.cursor.behind(head.seq):
                loop.call_later(HEAD_GRACE_S, _reopen_if_behind, room, head.seq)


def _reopen_if_behind(room: RoomSubscription, head: int) -> None:
    if room.next_attempt_at == inf and room.cursor.behind(head):
        room.reopen_at()


def _mark_requested(rooms: list[RoomSubscription], frame_id: int, now: float) -> list[RoomPosition]:
    for room in rooms:
        room.request_id, room.next_attempt_at = frame_id, now + OVERDUE_S
    return [room.position_frame() for room in rooms]
