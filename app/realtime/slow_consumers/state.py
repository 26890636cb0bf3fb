"""Slow consumers: a connection that reads more slowly than its rooms talk gets no more events.

Of each room only the seq that it was last given is kept. Once it has read what is buffered,
`backfill.py` sends the rest from the log. So a slow connection costs its buffer, however many
events there are meanwhile, and no other connection waits for it.
"""

import asyncio

from app.core import metrics
from app.core.publications import Publication
from app.realtime.hub.connection import (
    Connection,
    RoomChannel,
    Subscription,
    closed_frame,
    ends_for,
)
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.wire.frames import RoomClosed

# Bytes that may be buffered for a connection, or be sent to it at once, before it is slow.
LAG_THRESHOLD_BYTES = 64 * 1024


class LaggingSubscription:
    """A subscription that has had every event up to `seq`, which is never ahead of the stream.
    `closed` is set when its user left or was removed meanwhile."""

    __slots__ = ("closed", "seq", "subscription")

    def __init__(self, subscription: Subscription, seq: int, closed: RoomClosed | None) -> None:
        self.subscription, self.seq, self.closed = subscription, seq, closed

    @property
    def is_paused(self) -> bool:
        return self.subscription.connection.write_paused


class SlowConsumers(HubListener):
    """Moves subscriptions between `RoomChannel.live` and `lagging`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.threshold_bytes = min(LAG_THRESHOLD_BYTES, hub.limits.send_buffer_bytes // 4)
        self.lagging: dict[RoomChannel, dict[Connection, LaggingSubscription]] = {}
        self.backfill_queue: asyncio.Queue[RoomChannel] = asyncio.Queue()
        self._backfilling: set[RoomChannel] = set()  # in the queue, or being read

    def on_connected(self, connection: Connection) -> None:
        connection.set_backpressure_callback(self.threshold_bytes, self.on_backpressure)

    def on_disconnected(self, connection: Connection) -> None:
        connection.clear_backpressure_callback()

    def on_backpressure(self, connection: Connection, paused: bool) -> None:
        """Too much is buffered for the connection, or it has read that."""
        connection.write_paused = paused
        metrics.LAGGED.inc(paused)
        for subscription in connection.subscriptions.values():
            room = subscription.room
            if paused and connection in room.live:
                self._hub.suspend(subscription)
                self.pause(subscription, room.stream.head)
            elif not paused and (lagging := self.find(room, connection)):
                self.try_resume(lagging)

    def on_delivered(self, room: RoomChannel, event: Publication) -> None:
        if room in self.lagging and (closed := closed_frame(event)):
            for connection, lagging in self.lagging[room].items():
                if ends_for(event, connection):
                    lagging.closed = lagging.closed or closed
                    self._hub.remove_member(connection, room.id)

    def on_unsubscribed(self, subscription: Subscription, was_live: bool) -> None:
        self._forget(subscription)

    def is_too_much(self, connection: Connection, frames: list[bytes]) -> bool:
        """Whether these frames must not be sent to the connection at once."""
        return connection.write_paused or sum(map(len, frames)) > self.threshold_bytes

    def find(self, room: RoomChannel, connection: Connection) -> LaggingSubscription | None:
        return self.lagging.get(room, {}).get(connection)

    def pause(self, subscription: Subscription, seq: int, closed: RoomClosed | None = None) -> None:
        """Take over a subscription that is not live and has been given everything up to `seq`."""
        lagging = LaggingSubscription(subscription, seq, closed)
        self.lagging.setdefault(subscription.room, {})[subscription.connection] = lagging
        if not lagging.is_paused:
            self.try_resume(lagging)

    def try_resume(self, lagging: LaggingSubscription) -> None:
        """Make the subscription live if it misses nothing; otherwise have the log read."""
        room = lagging.subscription.room
        if lagging.closed is None and lagging.seq == room.stream.head:
            self._hub.set_live(lagging.subscription)
            self._forget(lagging.subscription)
        else:
            self.request_backfill(room)

    def request_backfill(self, room: RoomChannel) -> None:
        """Have the log read if a connection could take more. One reader per room."""
        if room not in self._backfilling and self.ready(room):
            self._backfilling.add(room)
            self.backfill_queue.put_nowait(room)

    def end_backfill(self, room: RoomChannel) -> None:
        """A page was read, or failed: queue the room again if that was not enough."""
        self._backfilling.discard(room)
        self.request_backfill(room)

    def ready(self, room: RoomChannel) -> list[LaggingSubscription]:
        """Those that can take more, the one that is farthest behind first."""
        ready = (lag for lag in self.lagging.get(room, {}).values() if not lag.is_paused)
        return sorted(ready, key=lambda lag: lag.seq)

    def _forget(self, subscription: Subscription) -> None:
        room = subscription.room
        if room in self.lagging:
            self.lagging[room].pop(subscription.connection, None)
            if not self.lagging[room]:
                del self.lagging[room]
