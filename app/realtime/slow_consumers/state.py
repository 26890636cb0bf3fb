"""Rooms of slow sockets: a socket that does not read as fast as its rooms talk is given no more
events of them. They are dirty: only the seq that it was given last is kept of each, and once it has
read what waits, `backfill.py` gives it the rest from the log. So a slow socket costs its buffer,
however much happens meanwhile, and nobody waits for it.
"""

import asyncio

from app.realtime.hub.connection import Subscription, RoomChannel, Connection
from app.realtime.transport.write_coalescer import WriteCoalescer


class SlowConsumers:
    """Moves followers between `RoomChannel.live` and `RoomChannel.dirty`.

    A dirty follower is never ahead of its room's stream, and has had every event up to its `seq`.
    """

    def __init__(self, turn: WriteCoalescer) -> None:
        self._turn = turn
        self.backfill_queue: asyncio.Queue[RoomChannel] = asyncio.Queue()  # for `backfill.py`

    def hear(self, connection: Connection, pressed: bool) -> None:
        """From the socket's transport: too much waits in it, or it has been read."""
        connection.write_paused = pressed
        for follower in connection.subscriptions.values():
            room = follower.room
            if pressed and connection in room.live:
                self._turn.flush_room(room)
                del room.live[connection]
                self.pause(follower, room.stream.head)
            elif not pressed and connection in room.dirty:
                self.try_resume(follower)

    def pause(self, follower: Subscription, seq: int) -> None:
        """Everything up to `seq` was given to this follower, which is nowhere else now."""
        follower.seq = seq
        follower.room.dirty[follower.connection] = follower
        if not follower.connection.write_paused:
            self.try_resume(follower)

    def try_resume(self, follower: Subscription) -> None:
        """Live again if nothing is missing, else the log is to be read."""
        room = follower.room
        if follower.gone is None and follower.seq == room.stream.head:
            self._turn.flush_room(room)  # what is pending it has had
            room.live[follower.connection] = room.dirty.pop(follower.connection)
        else:
            self.request_backfill(room)

    def request_backfill(self, room: RoomChannel) -> None:
        """Have the log read if somebody waits for it and could take it. One reader per room."""
        if not room.backfilling and self.ready(room):
            room.backfilling = True
            self.backfill_queue.put_nowait(room)

    def ready(self, room: RoomChannel) -> list[Subscription]:
        """Who waits for the log, the one that is farthest behind first."""
        waiting = (follower for follower in room.dirty.values() if not follower.connection.write_paused)
        return sorted(waiting, key=lambda follower: follower.seq)
