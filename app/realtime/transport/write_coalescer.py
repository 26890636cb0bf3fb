"""The end of a turn of the loop: what it brought for a socket leaves in one write."""

import asyncio
from itertools import islice

from app.realtime.hub.connection import RoomChannel, Connection

# Sockets of large rooms that are written to at a time: a few milliseconds.
SLICE = 500


class WriteCoalescer:
    """Collects rooms and sockets that have something to write; or, to measure what that gains,
    writes each frame to each socket as it comes."""

    def __init__(self, most_buffered: int, join_writes: bool = True) -> None:
        self._most_buffered = most_buffered
        self._join_writes = join_writes
        self._rooms: set[RoomChannel] = set()
        self._sockets: set[Connection] = set()
        self._crowd: dict[Connection, None] = {}  # the oldest first
        self._scheduled = False

    def wake(self, connection: Connection) -> None:
        """The socket's outbox is not empty."""
        if self._join_writes:
            self._sockets.add(connection)
            self._schedule()
        else:
            connection.flush(self._most_buffered)

    def append(self, room: RoomChannel, frame: bytes) -> None:
        """A frame for everybody who is live in the room when it is flushed."""
        if not self._join_writes:
            for connection in list(room.live):
                connection.push(frame)
            return
        room.pending.append(frame)
        self._rooms.add(room)
        self._schedule()

    def flush_room(self, room: RoomChannel) -> None:
        """One join for all who follow the room. Needed before somebody comes or goes."""
        self._rooms.discard(room)
        if room.pending:
            block = b"".join(room.pending)
            room.pending.clear()
            for connection in room.live:
                connection.outbox.append(block)
            if len(room.live) > SLICE:
                self._crowd.update(dict.fromkeys(room.live))
            else:
                self._sockets.update(room.live)
            self._schedule()

    def end(self) -> None:
        """Write everything now, but of the crowds of large rooms only so many: everybody else is
        written to between two slices of them."""
        for room in list(self._rooms):
            self.flush_room(room)
        connections, self._sockets = self._sockets, set()
        for connection in connections:
            connection.flush(self._most_buffered)
        for connection in list(islice(self._crowd, SLICE)):
            del self._crowd[connection]
            connection.flush(self._most_buffered)
        self._scheduled = False
        if self._rooms or self._sockets or self._crowd:
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            loop = asyncio.get_running_loop()
            # A turn later: so the ack of a send leaves together with its event.
            loop.call_soon(loop.call_soon, self.end)
