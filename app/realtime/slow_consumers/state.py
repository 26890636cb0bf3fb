"""Rooms of slow sockets: a socket that does not read as fast as its rooms talk is given no more
events of them. They are dirty: only the seq that it was given last is kept of each, and once it has
read what waits, `backfill.py` gives it the rest from the log. So a slow socket costs its buffer,
however much happens meanwhile, and nobody waits for it.
"""

import asyncio

from app.core import metrics
from app.realtime.hub.connection import Follower, OpenRoom, Socket
from app.realtime.transport.write_coalescer import Turn


class SlowRooms:
    """Moves followers between `OpenRoom.live` and `OpenRoom.dirty`.

    A dirty follower is never ahead of its room's stream, and has had every event up to its `seq`.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.behind: asyncio.Queue[OpenRoom] = asyncio.Queue()  # for `backfill.py`

    def hear(self, socket: Socket, pressed: bool) -> None:
        """From the socket's transport: too much waits in it, or it has been read."""
        socket.pressed = pressed
        metrics.LAGGED.inc(pressed)
        for follower in socket.follows.values():
            room = follower.room
            if pressed and socket in room.live:
                self._turn.flush_room(room)
                del room.live[socket]
                self.hold(follower, room.stream.head)
            elif not pressed and socket in room.dirty:
                self.move_on(follower)

    def hold(self, follower: Follower, seq: int) -> None:
        """Everything up to `seq` was given to this follower, which is nowhere else now."""
        follower.seq = seq
        follower.room.dirty[follower.socket] = follower
        if not follower.socket.pressed:
            self.move_on(follower)

    def move_on(self, follower: Follower) -> None:
        """Live again if nothing is missing, else the log is to be read."""
        room = follower.room
        if follower.gone is None and follower.seq == room.stream.head:
            self._turn.flush_room(room)  # what is pending it has had
            room.live[follower.socket] = room.dirty.pop(follower.socket)
        else:
            self.ask_for(room)

    def ask_for(self, room: OpenRoom) -> None:
        """Have the log read if somebody waits for it and could take it. One reader per room."""
        if not room.recovering and self.ready(room):
            room.recovering = True
            self.behind.put_nowait(room)

    def ready(self, room: OpenRoom) -> list[Follower]:
        """Who waits for the log, the one that is farthest behind first."""
        waiting = (follower for follower in room.dirty.values() if not follower.socket.pressed)
        return sorted(waiting, key=lambda follower: follower.seq)
