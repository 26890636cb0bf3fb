"""The end of a turn of the loop: what it brought for a socket leaves in one write."""

import asyncio
from itertools import islice

from app.realtime.hub.connection import OpenRoom, Socket

# Sockets of large rooms that are written to at a time: a few milliseconds.
SLICE = 500


class Turn:
    """Collects rooms and sockets that have something to write; or, to measure what that gains,
    writes each frame to each socket as it comes."""

    def __init__(self, most_buffered: int, coalesce_writes: bool = True) -> None:
        self._most_buffered = most_buffered
        self._join_writes = coalesce_writes
        self._rooms: set[OpenRoom] = set()
        self._sockets: set[Socket] = set()
        self._crowd: dict[Socket, None] = {}  # the oldest first
        self._scheduled = False
        self._deliveries = 0  # since they were last taken

    def wake(self, socket: Socket) -> None:
        """The socket's outbox is not empty."""
        if self._join_writes:
            self._sockets.add(socket)
            self._schedule()
        else:
            socket.flush(self._most_buffered)

    def append(self, room: OpenRoom, frame: bytes) -> None:
        """A frame for everybody who is live in the room when it is flushed."""
        if not self._join_writes:
            self._deliveries += len(room.live)
            for socket in list(room.live):
                socket.push(frame)
            return
        room.pending.append(frame)
        self._rooms.add(room)
        self._schedule()

    def flush_room(self, room: OpenRoom) -> None:
        """One join for all who follow the room. Needed before somebody comes or goes."""
        self._rooms.discard(room)
        if room.pending:
            self._deliveries += len(room.pending) * len(room.live)
            block = b"".join(room.pending)
            room.pending.clear()
            for socket in room.live:
                socket.outbox.append(block)
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
        sockets, self._sockets = self._sockets, set()
        for socket in sockets:
            socket.flush(self._most_buffered)
        for socket in list(islice(self._crowd, SLICE)):
            del self._crowd[socket]
            socket.flush(self._most_buffered)
        self._scheduled = False
        if self._rooms or self._sockets or self._crowd:
            self._schedule()

    def take_deliveries(self) -> int:
        """Frames of rooms that were given to sockets since the last call."""
        taken, self._deliveries = self._deliveries, 0
        return taken

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            loop = asyncio.get_running_loop()
            # A turn later: so the ack of a send leaves together with its event.
            loop.call_soon(loop.call_soon, self.end)
