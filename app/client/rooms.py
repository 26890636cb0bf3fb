"""The rooms that the application has open: what to ask for them, and whom an answer reaches."""

import asyncio
from collections.abc import Sequence
from math import inf
from uuid import UUID

from app.client.errors import ClientError, Closed, Refused
from app.client.event_queue import RoomLost
from app.client.room_subscription import Room, Surroundings
from app.client.send_queue import OVERDUE_S
from app.wire.events import RoomEvent
from app.wire.frames import RoomClosed, RoomHead, RoomOpened, RoomPosition

# A ping may overtake the events that its heads count by a moment.
PATIENCE_S = 1.0
MOST_IN_FRAME = 100


class Rooms:
    def __init__(self) -> None:
        self._of: dict[UUID, Room] = {}
        self._unwanted: set[UUID] = set()  # the server still has them open

    # What the application wants.

    def follow(self, room_id: UUID, since: int | None, around: Surroundings) -> Room:
        """A room that is followed already stays as it is."""
        room = self._of.get(room_id)
        if room is None:
            room = self._of[room_id] = Room(room_id, since, around)
            around.wake()
        return room

    def unfollow(self, room_id: UUID) -> None:
        room = self._of.pop(room_id, None)
        if room:
            self._unwanted.add(room_id)
            room.end(Closed("The room was closed."))

    def position(self, room_id: UUID) -> int | None:
        room = self._of.get(room_id)
        return room.position.at if room else None

    def lose(self, room: Room, reason: str, error: ClientError) -> None:
        """It has come to its end, and all that it had was passed on."""
        if self._of.get(room.id) is room:
            del self._of[room.id]
            if room.opened.done():
                room.around.feed.put(RoomLost(room.id, reason))
            room.end(error)

    def end(self, error: ClientError) -> None:
        for room in self._of.values():
            room.end(error)
        self._of.clear()

    def advance(self) -> None:
        """The application has made space."""
        for room in list(self._of.values()):
            room.advance()

    # What to ask.

    def hello(self, frame_id: int, now: float) -> list[RoomPosition]:
        """All of them, with their positions: the server knows nothing of the last socket."""
        self._unwanted.clear()
        rooms = [room for room in self._of.values() if not room.closed]
        for room in rooms:
            room.due = 0.0
        return self.due(frame_id, now)

    def moved(self, asked: Sequence[RoomPosition]) -> None:
        """Another socket, which was asked for these, takes the place of the one that was used until
        now: what the application has wished of that one meanwhile is wished of this one."""
        there = {position.room for position in asked}
        self._unwanted.update(there - self._of.keys())
        for room in self._of.values():
            if room.id not in there and not room.closed:
                room.due = 0.0

    def due(self, frame_id: int, now: float) -> list[RoomPosition]:
        rooms = [room for room in self._of.values() if room.due <= now]
        return _ask(rooms[:MOST_IN_FRAME], frame_id, now)

    def next_due(self) -> float:
        return min((room.due for room in self._of.values()), default=inf)

    def unwanted(self) -> list[UUID]:
        """Each of them once: to be sent before what is due."""
        rooms = list(self._unwanted)[:MOST_IN_FRAME]
        self._unwanted.difference_update(rooms)
        return rooms

    def forget_positions(self) -> None:
        for room in self._of.values():
            room.position.forget()

    # What the server says.

    def hear_opened(self, frame: RoomOpened) -> None:
        room = self._of.get(frame.room)
        if room:
            room.hear_opened(frame)

    def hear_event(self, event: RoomEvent) -> None:
        room = self._of.get(event.room)
        if room:
            room.hear_event(event)

    def hear_closed(self, frame: RoomClosed) -> None:
        """`closed` is only the answer to a wish of the application."""
        room = self._of.get(frame.room)
        if room and frame.reason != "closed":
            room.hear_closed(frame.reason)

    def hear_refused(
        self, frame_id: int | str | None, room_id: UUID | None, error: Refused, now: float
    ) -> None:
        """Without an id it is of one of the frames that have no answer yet, nobody knows which."""
        for room in [room for room in self._of.values() if room.due != inf]:
            if frame_id is None:
                if not error.final:
                    room.ask_again(now + error.wait_s)
            elif frame_id == room.asked and room_id in (room.id, None):
                if error.final:
                    self.lose(room, error.detail, error)
                else:
                    room.ask_again(now + error.wait_s)

    def hear_heads(self, heads: list[RoomHead]) -> None:
        """Of a ping. Whoever is behind a head, and hears nothing for a moment, asks anew."""
        loop = asyncio.get_running_loop()
        for head in heads:
            room = self._of.get(head.room)
            if room and room.due == inf and room.position.behind(head.seq):
                loop.call_later(PATIENCE_S, _check, room, head.seq)


def _check(room: Room, head: int) -> None:
    if room.due == inf and room.position.behind(head):
        room.ask_again()


def _ask(rooms: list[Room], frame_id: int, now: float) -> list[RoomPosition]:
    for room in rooms:
        room.asked, room.due = frame_id, now + OVERDUE_S
    return [room.wanted() for room in rooms]
