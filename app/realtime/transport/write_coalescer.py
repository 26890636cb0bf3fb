"""Joins what one iteration of the event loop brings for a connection into one write."""

import asyncio
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Protocol

# Connections of large rooms that are written to in one iteration: a millisecond.
SLICE_SIZE = 100


class Writable(Protocol):
    pending: list[bytes]

    def send_raw(self, frames: bytes) -> None: ...

    def flush(self, max_buffered: int) -> None: ...


class Broadcast(Protocol):
    """A room: frames that are `pending` for all that are `live` in it."""

    pending: list[bytes]

    @property
    def live(self) -> Collection[Writable]: ...


class WriteCoalescer:
    """Collects the rooms and connections that have something to write.

    Without `coalesce` each frame is written to each connection at once, to measure the gain.
    """

    def __init__(self, max_buffered: int, coalesce: bool = True) -> None:
        self._max_buffered = max_buffered
        self._coalesce = coalesce
        self._rooms: set[Broadcast] = set()
        self._connections: set[Writable] = set()
        self._large_room_connections: dict[Writable, None] = {}  # the oldest first
        self._is_scheduled = False
        self._deliveries = 0  # since `take_deliveries`

    def schedule(self, connection: Writable) -> None:
        """Write what is pending for this connection."""
        if self._coalesce:
            self._connections.add(connection)
            self._schedule_flush()
        else:
            connection.flush(self._max_buffered)

    def add(self, room: Broadcast, frame: bytes) -> None:
        """Write a frame to all connections that are live in the room when it is flushed."""
        if not self._coalesce:
            self._deliveries += len(room.live)
            for connection in list(room.live):
                connection.send_raw(frame)
            return
        room.pending.append(frame)
        self._rooms.add(room)
        self._schedule_flush()

    def add_each(self, room: Broadcast, frames: Sequence[bytes]) -> None:
        """`add` with a frame for each of the connections that are live in the room, in order."""
        self.flush_room(room)
        self._deliveries += len(frames)
        for connection, frame in zip(list(room.live), frames, strict=True):
            if self._coalesce:
                connection.pending.append(frame)
            else:
                connection.send_raw(frame)
        if self._coalesce:
            self._write_soon(room.live)

    def flush_room(self, room: Broadcast) -> None:
        """Hand the room's frames, joined once, to its live connections. Required before one is
        added to or removed from `live`."""
        self._rooms.discard(room)
        if room.pending:
            self._deliveries += len(room.pending) * len(room.live)
            block = b"".join(room.pending)
            room.pending.clear()
            for connection in room.live:
                connection.pending.append(block)
            self._write_soon(room.live)

    def flush(self) -> None:
        """Write everything, but of large rooms one slice: other connections are written to between
        two slices."""
        for room in list(self._rooms):
            self.flush_room(room)
        connections, self._connections = self._connections, set()
        for connection in connections:
            connection.flush(self._max_buffered)
        for connection in list(islice(self._large_room_connections, SLICE_SIZE)):
            del self._large_room_connections[connection]
            connection.flush(self._max_buffered)
        self._is_scheduled = False
        if self._rooms or self._connections or self._large_room_connections:
            self._schedule_flush()

    def _write_soon(self, connections: Collection[Writable]) -> None:
        if len(connections) > SLICE_SIZE:
            self._large_room_connections.update(dict.fromkeys(connections))
        else:
            self._connections.update(connections)
        self._schedule_flush()

    def take_deliveries(self) -> int:
        """Frames of rooms that were given to connections since the last call."""
        taken, self._deliveries = self._deliveries, 0
        return taken

    def _schedule_flush(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            loop = asyncio.get_running_loop()
            # One iteration later, so that the ack of a send leaves together with its event.
            loop.call_soon(loop.call_soon, self.flush)
