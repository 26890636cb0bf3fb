"""The path of an event, from the bus or the log to the connections that have its room open.

Each room's stream puts its events in order. Each event is framed once. A connection that opens a
room queues events until its catch-up from the log is sent (`subscribe.py`).
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from app.application.server_state import KnownServerState
from app.core.publications import Publication, shows_all_history
from app.core.sync_tokens import ListPosition
from app.persistence.data_loader import DataLoader
from app.persistence.database import Database
from app.realtime.delivery.catchup import CatchUp, CatchUpRequest, load_catch_up
from app.realtime.delivery.read_markers import ReadMarkers
from app.realtime.delivery.seq_tracker import SeqTracker
from app.realtime.delivery.user_logs import UserLogs
from app.realtime.hub.connection import (
    Connection,
    RoomChannel,
    Subscription,
    closed_frame,
    ends_for,
)
from app.realtime.hub.event_frames import EventFrame
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.realtime.slow_consumers.state import SlowConsumers
from app.realtime.transport.ws_protocol import text_frame
from app.wire.close_codes import CloseCode
from app.wire.errors import ChatError
from app.wire.events import PublicationKind
from app.wire.frames import RoomClosed

# Events that may queue for one subscription while it catches up.
MAX_QUEUED_EVENTS = 1000
ROOMS_PER_QUERY = 1000
MAX_CHECK_AGE_S = 20.0
# A tuple, because every message passes here, and the hash of an Enum is slow.
_VOLATILE = (
    *(PublicationKind.TYPING, PublicationKind.PRESENCE, PublicationKind.PROFILE),
    PublicationKind.VISIBILITY,
)


class CatchingUp:
    """A subscription that is not live yet. `queue` holds every event that was delivered since it
    was made, with the frame that closes the room where its own user left or was removed."""

    __slots__ = ("live_from_seq", "queue", "subscription")

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.queue: list[tuple[int, EventFrame, RoomClosed | None]] = []
        self.live_from_seq: int | None = None  # it had the log up to here, ahead of the stream

    def queued_after(self) -> int:
        """The queue has every event after this seq that was delivered."""
        return self.queue[0][0] - 1 if self.queue else self.subscription.room.stream.head


class Delivery(HubListener):
    def __init__(
        self,
        hub: Hub,
        slow_consumers: SlowConsumers,
        database: Database,
        server_state: KnownServerState,
    ) -> None:
        self.hub, self.database, self.server_state = hub, database, server_state
        self._slow_consumers = slow_consumers
        self._catching_up: dict[RoomChannel, dict[Connection, CatchingUp]] = {}
        self._read_markers = ReadMarkers(hub)
        self.gaps: asyncio.Queue[RoomChannel] = asyncio.Queue()  # for `gap_repair.py`
        self.gap_since: dict[RoomChannel, float] = {}  # loop time, of rooms in `gaps` or being read
        self.seq_tracker = SeqTracker()
        self.user_logs = UserLogs(hub)
        self.checked_at: tuple[datetime, float] | None = None  # by the database, and the loop
        self.position_check_needed = asyncio.Event()  # the bus may have lost publications
        self.catch_up_loader: DataLoader[CatchUpRequest, Sequence[CatchUp | ChatError]]
        self.catch_up_loader = DataLoader(
            lambda requests: database.read_directly(load_catch_up, requests),
            ROOMS_PER_QUERY,
            cost=len,
        )

    def note_checked(self, at: datetime) -> None:
        """What had changed in rooms at this time, by the database's clock, is known here."""
        self.checked_at = at, asyncio.get_running_loop().time()

    def list_position(self, user: UUID) -> ListPosition | None:
        """What the connections of a user have once all that is stale is sent; None if the rooms
        were not compared with the database lately."""
        seq = self.user_logs.position(user)
        if seq is None or self.checked_at is None:
            return None
        at, noted_at = self.checked_at
        if asyncio.get_running_loop().time() - noted_at > MAX_CHECK_AGE_S:
            return None
        return ListPosition(seq, at)

    # Subscribing.

    def subscribe(self, connection: Connection, room_id: UUID) -> CatchingUp:
        """Open a room, and queue its events until `go_live`. Called before the log is read, so
        that no event falls between the two (protocol.md, 2)."""
        catching_up = CatchingUp(self.hub.subscribe(connection, room_id))
        room = catching_up.subscription.room
        self._catching_up.setdefault(room, {})[connection] = catching_up
        return catching_up

    def start_stream(self, catching_up: CatchingUp, head: int) -> bool:
        """The log was read up to `head`. Returns False if the queue begins later than that, because
        another connection read further in the meantime and started the stream there: read again."""
        room = catching_up.subscription.room
        self._deliver(room, room.stream.start(head))
        self.note_head(room, head)
        return catching_up.queued_after() <= head

    def go_live(self, catching_up: CatchingUp, after: int) -> None:
        """Everything up to `after` was sent: send what was queued beyond it, then live events.

        The log can be ahead of the stream, whose publications are still on their way. Then this
        waits until the stream is there: the connection gets no event twice, and is not evicted by
        what happened before the log let its user in.
        """
        subscription = catching_up.subscription
        room, connection = subscription.room, subscription.connection
        if room.stream.head < after:
            catching_up.live_from_seq = after
            return
        self.hub.coalescer.flush_room(room)  # pending events are in the queue, too
        self._end_catching_up(subscription)
        visible_after = subscription.visible_after
        queued = [
            (frame.for_reader(visible_after), closed)
            for seq, frame, closed in catching_up.queue
            if seq > after
        ]
        if self._slow_consumers.is_too_much(connection, [frame for frame, _ in queued]):
            closed = next((closed for _, closed in queued if closed), None)
            if closed:
                self.hub.remove_member(connection, room.id)
            self._slow_consumers.pause(subscription, after, closed)
            return
        self.hub.set_live(subscription)
        for frame, closed in queued:
            connection.send_raw(frame)
            if closed:
                self.hub.evict(subscription, closed)
                break

    def on_unsubscribed(self, subscription: Subscription, was_live: bool) -> None:
        self._end_catching_up(subscription)

    def on_room_closed(self, room: RoomChannel) -> None:
        self._read_markers.forget(room)

    def _end_catching_up(self, subscription: Subscription) -> None:
        waiting = self._catching_up.get(subscription.room)
        if waiting and waiting.pop(subscription.connection, None) and not waiting:
            del self._catching_up[subscription.room]

    def on_new_epoch(self) -> None:
        """The database was restored from a backup: forget the logs as they were before, and let all
        clients come back with their positions."""
        self.seq_tracker = SeqTracker()
        for connection in list(self.hub.connections):
            self.hub.close(connection, CloseCode.RESTORED, "restored: come back and resume")

    # Publications.

    def on_publication(self, publication: Publication) -> None:
        """From the bus: in any order, any number of times."""
        kind = publication.kind
        if kind is PublicationKind.SESSION_REVOKED:
            self.hub.close_session(publication.channel, publication.user)
        elif kind is PublicationKind.READ:
            self._on_read(publication)
        elif kind is PublicationKind.USER_EVENT:
            self.user_logs.on_publication(publication)
        elif kind in _VOLATILE:
            self.hub.notify_volatile(publication)
        elif kind is PublicationKind.NEWER:
            # Of a newer release, an event or a signal: if it is an event, the log has it.
            if room := self.hub.rooms.get(publication.channel):
                self.note_head(room, publication.seq)
        else:
            self._on_event(publication)

    def _on_event(self, event: Publication) -> None:
        room = self.hub.rooms.get(event.channel)
        self.seq_tracker.note(event.channel, event.seq)
        if room is None or not room.stream.will_deliver(event.seq):
            self.hub.notify_event(event)  # even if it is late: badges count what is true now
        if room is not None:
            self.apply_events(room, [event])

    def _on_read(self, publication: Publication) -> None:
        """To the others who have the room open, unless it is large."""
        frame = text_frame(publication.payload)
        room = self.hub.rooms.get(publication.channel)
        if room and not self.hub.is_large(room.id):
            self._read_markers.add(room, publication.user, publication.seq, frame)
            self.note_head(room, publication.seq)

    def apply_events(self, room: RoomChannel, events: Iterable[Publication]) -> None:
        """Take events of a room from the bus or from the log, and deliver those that are next."""
        self._deliver(room, room.stream.offer(events))
        self._request_repair(room)

    def note_head(self, room: RoomChannel, head: int) -> None:
        """The log reaches `head`: have events read that have not come."""
        room.stream.note_head(head)
        self._request_repair(room)

    def end_repair(self, room: RoomChannel) -> None:
        """The log was read, or that failed: queue the room again if it still has a gap."""
        del self.gap_since[room]
        if self.hub.rooms.get(room.id) is room:
            self._request_repair(room)

    def _request_repair(self, room: RoomChannel) -> None:
        if room.stream.gap() and room not in self.gap_since:
            self.gap_since[room] = asyncio.get_running_loop().time()
            self.gaps.put_nowait(room)

    def _deliver(self, room: RoomChannel, events: Iterable[Publication]) -> None:
        for event in events:
            self.hub.notify_event(event)
            if event.kind is PublicationKind.ROOM_CHANGED and shows_all_history(event):
                room.opened_seq = event.seq
            frame = EventFrame(event)
            self.hub.broadcast_event(room, frame)
            self.hub.notify_delivered(room, event)
            closed = closed_frame(event)
            if closed:
                own = self.hub.by_user.get(event.user, ())
                is_end = event.kind is PublicationKind.ROOM_DELETED
                for connection in list(room.live if is_end else own):
                    if connection in room.live:
                        self.hub.evict(room.live[connection], closed)
            if room in self._catching_up:
                for catching_up in list(self._catching_up[room].values()):
                    self._queue(catching_up, event, frame, closed)
        self._read_markers.send_due(room)

    def _queue(
        self,
        catching_up: CatchingUp,
        event: Publication,
        frame: EventFrame,
        closed: RoomClosed | None,
    ) -> None:
        if catching_up.live_from_seq is None:
            subscription = catching_up.subscription
            is_own = ends_for(event, subscription.connection)
            catching_up.queue.append((event.seq, frame, closed if is_own else None))
            if len(catching_up.queue) > MAX_QUEUED_EVENTS:  # `subscribe.py` answers with an error
                self.hub.unsubscribe(subscription.connection, subscription.room.id)
        elif event.seq >= catching_up.live_from_seq:
            self.go_live(catching_up, catching_up.live_from_seq)
