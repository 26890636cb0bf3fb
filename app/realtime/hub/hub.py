"""Who follows what in this process, and the way of an announcement to their sockets.

A room that is open on some socket has a stream, which puts its events in order. Each event is
framed once; what one turn of the loop brings for a room is joined once, and what it brings for a
socket leaves in one write (`write_coalescer.py`). Rooms of connected users that are not open are
only counted (`badges/updates.py`).
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

from app.core.publications import Publication
from app.persistence.data_loader import Together
from app.persistence.uow import Database
from app.realtime.connection.room_list import arrivals, listing
from app.realtime.delivery.catchup import read_catch_up
from app.realtime.delivery.seq_tracker import SeqTracker
from app.realtime.hub.connection import Subscription, RoomChannel, Connection
from app.realtime.presence.subscriptions import PresenceSubscriptions
from app.realtime.slow_consumers.state import SlowConsumers
from app.realtime.transport.write_coalescer import WriteCoalescer
from app.realtime.transport.ws_protocol import text_frame
from app.realtime.typing.state import TypingState
from app.settings import Limits
from app.wire.close_codes import CloseCode
from app.wire.events import PublicationKind
from app.wire.frames import RoomClosed

# Frames that may queue for one follower while it catches up.
MOST_QUEUED = 1000
# Read at once.
CLIENTS, ROOMS = 200, 1000
# Read markers that may wait until a room's stream is as far as they are.
MOST_MARKERS = 1000
# Bytes that may wait for a socket, or be given to it at once, before its rooms are dirty.
MUCH_BYTES = 64 * 1024
GONE: dict[PublicationKind, Literal["left", "removed"]] = {
    PublicationKind.LEFT: "left",
    PublicationKind.REMOVED: "removed",
}


class Hub:
    def __init__(self, database: Database, limits: Limits, join_writes: bool = True) -> None:
        self.database, self.limits = database, limits
        self.connections: set[Connection] = set()
        self.by_user: dict[UUID, list[Connection]] = defaultdict(list)  # the oldest first
        # By room, the sockets of members. A small dictionary has half the size of a small set.
        self.audience: dict[UUID, dict[Connection, None]] = defaultdict(dict)
        self._ids: dict[UUID, UUID] = {}  # of these rooms: one object for all who keep it
        self.rooms: dict[UUID, RoomChannel] = {}
        self.gaps: asyncio.Queue[RoomChannel] = asyncio.Queue()  # for `gap_repair.py`
        self.stale: dict[
            tuple[Connection, UUID], Literal["left", "removed"] | None
        ] = {}  # `badges/updates.py`
        self.turn = WriteCoalescer(limits.buffer_bytes, join_writes)
        self.much_bytes = min(MUCH_BYTES, limits.buffer_bytes // 4)
        self.slow = SlowConsumers(self.turn)  # for `backfill.py`
        self.doubts = asyncio.Event()  # pokes may have been lost: for `heartbeat.py`
        self.heard = SeqTracker()  # for `change_poller.py`
        # What clients ask who come back, all at once.
        self.arrivals = Together(database, arrivals, CLIENTS)
        self.listings = Together(database, listing, ROOMS, weight=len)
        self.catchups = Together(database, read_catch_up, ROOMS, weight=len)
        self.moved: set[UUID] = set()  # users whose first socket came or last one went: for
        self.movement = asyncio.Event()  # `worker.py`
        self.watches = PresenceSubscriptions()  # the same
        self.typists = TypingState()  # for `indicator.py`

    # Sockets come and go.

    def enter(self, connection: Connection) -> None:
        """A socket has said hello. The oldest of a user with too many is replaced."""
        theirs = self.by_user[connection.user]
        while len(theirs) >= self.limits.sockets_per_user:
            theirs[0].close(CloseCode.REPLACED, "too many sockets of this user")
            self.leave(theirs[0])
        self.by_user[connection.user].append(connection)
        self.connections.add(connection)
        connection.watch(self.much_bytes, self.slow.hear)
        if len(self.by_user[connection.user]) == 1:
            self._move(connection.user)

    def leave(self, connection: Connection) -> None:
        """Forget a socket; again does nothing."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        connection.unwatch()
        theirs = self.by_user[connection.user]
        theirs.remove(connection)
        if not theirs:
            del self.by_user[connection.user]
            self._move(connection.user)
        self.watches.forget(connection)
        for room_id in list(connection.subscriptions):
            self.detach(connection, room_id)
        for room_id in list(connection.member_rooms):
            self.leave_audience(connection, room_id)

    def _move(self, user: UUID) -> None:
        self.moved.add(user)
        self.movement.set()

    def close_session(self, session: UUID, user: UUID) -> None:
        """The user's session was ended."""
        for connection in [s for s in self.by_user.get(user, ()) if s.actor.session == session]:
            connection.close(CloseCode.REVOKED, "the session was ended")
            self.leave(connection)

    # Rooms are opened and closed.

    def attach(self, connection: Connection, room_id: UUID) -> Subscription:
        """Follow a room, queueing until `go_live`. Before the log is read, so that nothing falls
        between the two (protocol.md, 2)."""
        room = self.rooms.get(room_id)
        if room is None:
            room = RoomChannel(self._ids.get(room_id, room_id))
            self.rooms[room.id] = room
        follower = Subscription(connection, room)
        connection.subscriptions[room.id] = follower
        room.catching_up[connection] = follower
        return follower

    def begin(self, follower: Subscription, head: int) -> bool:
        """The log was read up to `head` for this follower. False if what has queued does not join
        on: somebody else read further in the meantime, and the stream began there. Read again."""
        room = follower.room
        self._pass_on(room, room.stream.begin(head))
        self.suspect(room, head)
        return follower.queued_after() <= head

    def go_live(self, follower: Subscription, after: int) -> None:
        """The follower has had everything up to `after`: give it what queued since, then live.

        The log can be ahead of the stream, whose pokes are still on their way: then the follower
        waits until the stream is there, so that it gets nothing twice, and is not put out by what
        happened before the log let it in.
        """
        room, connection = follower.room, follower.connection
        if room.stream.head < after:
            follower.floor = after
            return
        self.turn.flush_room(room)  # what is pending is in the queue, too
        del room.catching_up[connection]
        missed = [entry for entry in follower.queue if entry[0] > after]
        follower.queue.clear()
        if connection.write_paused or sum(len(frame) for _, frame, _ in missed) > self.much_bytes:
            follower.gone = next((gone for *_, gone in missed if gone), None)
            if follower.gone:
                self.leave_audience(connection, room.id)
            self.slow.hold(follower, after)
            return
        room.live[connection] = follower
        for _, frame, gone in missed:
            connection.push(frame)
            if gone:
                self.put_out(follower, gone)
                break

    def detach(self, connection: Connection, room_id: UUID) -> bool:
        """Stop following; False if the room was not open on the socket."""
        follower = connection.subscriptions.pop(room_id, None)
        if follower is None:
            return False
        room = follower.room
        self.turn.flush_room(room)
        if self.is_member(connection, room_id) and (connection not in room.live or room.stream.gap()):
            self.stale.setdefault((connection, room_id), None)  # it goes without having had everything
        room.live.pop(connection, None)
        room.catching_up.pop(connection, None)
        room.dirty.pop(connection, None)
        if room.is_empty():
            self.rooms.pop(room_id, None)
        return True

    # Announcements.

    def hear(self, publication: Publication) -> None:
        """From the bus: any order, any number of times."""
        if publication.kind is PublicationKind.SESSION_REVOKED:
            self.close_session(publication.topic, publication.subject)
        elif publication.kind is PublicationKind.READ:
            self._hear_read(publication)
        elif publication.kind is PublicationKind.TYPING:
            self._hear_typing(publication)
        elif publication.kind is PublicationKind.PRESENCE:
            self.watches.suspect_ids(publication.frame)
        elif publication.kind is PublicationKind.NEWER:
            # An event or a signal, nobody here knows: if the log has reached this far, it has it.
            if room := self.rooms.get(publication.topic):
                self.suspect(room, publication.seq)
        else:
            room = self.rooms.get(publication.topic)
            self.heard.hear(publication.topic, publication.seq)
            if room is None or not room.stream.expects(publication.seq):
                self._mark(publication)  # late is not too late: counts are of now
            if room is not None:
                self.offer(room, [publication])

    def offer(self, room: RoomChannel, publications: Iterable[Publication]) -> None:
        """Events of a room, from the bus or from the log."""
        self._pass_on(room, room.stream.offer(publications))
        self._ask_for_repair(room)

    def suspect(self, room: RoomChannel, head: int) -> None:
        """The log is known to reach `head`: read what has not come."""
        room.stream.suspect(head)
        self._ask_for_repair(room)

    def _ask_for_repair(self, room: RoomChannel) -> None:
        if room.stream.gap() and not room.repairing:
            room.repairing = True
            room.doubted_at = asyncio.get_running_loop().time()
            self.gaps.put_nowait(room)

    def _pass_on(self, room: RoomChannel, events: Iterable[Publication]) -> None:
        for event in events:
            self._mark(event)
            frame = text_frame(event.frame)
            self.turn.append(room, frame)
            gone = None
            if event.kind is PublicationKind.MESSAGE:
                self.typists.end(room.id, event.subject)
            elif event.kind in GONE:
                at = asyncio.get_running_loop().time()
                self.typists.remove(room.id, event.subject, event.seq, at)
                gone = RoomClosed(room=room.id, reason=GONE[event.kind], seq=event.seq)
                for connection in self.by_user.get(event.subject, ()):
                    if connection in room.live:
                        self.put_out(room.live[connection], gone)
                    elif connection in room.dirty:
                        room.dirty[connection].gone = room.dirty[connection].gone or gone
                        self.leave_audience(connection, room.id)
            for follower in list(room.catching_up.values()):
                self._queue(follower, event, frame, gone)
        if room.markers:
            self._pass_markers(room)

    def put_out(self, follower: Subscription, gone: RoomClosed) -> None:
        """Whoever went has had this event and gets none after it."""
        if follower.gone:  # a while ago: they may be back
            self.stale.setdefault((follower.connection, gone.room), None)
        self.leave_audience(follower.connection, gone.room)
        self.detach(follower.connection, gone.room)
        follower.connection.send(gone)

    def _queue(
        self, follower: Subscription, event: Publication, frame: bytes, gone: RoomClosed | None
    ) -> None:
        if follower.floor is None:
            own = follower.connection.user == event.subject
            follower.queue.append((event.seq, frame, gone if own else None))
            if len(follower.queue) > MOST_QUEUED:
                self.detach(follower.connection, follower.room.id)  # `open_room` says so
        elif event.seq >= follower.floor:
            self.go_live(follower, follower.floor)

    def _hear_read(self, publication: Publication) -> None:
        """To the reader's own sockets, and to those who have the room open, unless it is huge.

        To these when they have had everything that came before it: then whoever was removed until
        the marker moved has been put out.
        """
        frame = text_frame(publication.frame)
        for connection in self.by_user.get(publication.subject, ()):
            connection.whisper(frame)
        room = self.rooms.get(publication.topic)
        if room and len(self.audience.get(publication.topic, ())) < self.limits.huge_room:
            if len(room.markers) < MOST_MARKERS:
                room.markers[publication.subject] = (publication.seq, frame)
            self._pass_markers(room)
            self.suspect(room, publication.seq)
        self.count_again(publication.topic, publication.subject)

    def _pass_markers(self, room: RoomChannel) -> None:
        due = [user for user, (seq, _) in room.markers.items() if seq <= room.stream.head]
        if due:
            self.turn.flush_room(room)  # the events first
        for user in due:
            _, frame = room.markers.pop(user)
            for connection in room.live:
                if connection.user != user:
                    connection.whisper(frame)

    def _hear_typing(self, publication: Publication) -> None:
        """Not before the stream is where the room was when it was said: then whoever was removed
        by then has no place here any more."""
        room = self.rooms.get(publication.topic)
        if room and publication.seq <= room.stream.head:
            at = asyncio.get_running_loop().time()
            self.typists.start(room.id, publication.subject, publication.seq, at)

    def _mark(self, event: Publication) -> None:
        """Invalidate the unread counts of members who do not have the room open, and of users who
        joined or left. The counts are read later, so order and doubles do not matter."""
        if event.kind is PublicationKind.MESSAGE:
            self.count_again(event.topic)
        elif event.kind is PublicationKind.JOINED or event.kind in GONE:
            theirs = self.by_user.get(event.subject, ())
            self.watches.doubt(event.subject, theirs)
            for connection in theirs:
                if event.topic not in connection.subscriptions:
                    self.stale[connection, event.topic] = GONE.get(event.kind)

    def count_again(self, room_id: UUID, user: UUID | None = None) -> None:
        """The counts of a room may be stale: of its members that have it closed, or, where it is
        about what a user has read, on all sockets of this user."""
        if user is not None:
            for connection in self.by_user.get(user, ()):
                self.stale.setdefault((connection, room_id), None)
            return
        room = self.rooms.get(room_id)
        live = room.live if room else ()  # nearly all, or nobody: passed over without a look
        for connection in [one for one in self.audience.get(room_id, ()) if one not in live]:
            if room_id not in connection.subscriptions:
                self.stale.setdefault((connection, room_id), None)

    def join_audience(self, connection: Connection, room_id: UUID) -> None:
        """The socket's user is a member of the room: its counts concern them."""
        if connection in self.connections and not self.is_member(connection, room_id):
            room_id = self._ids.setdefault(room_id, room_id)
            self.audience[room_id][connection] = None
            connection.member_rooms.append(room_id)

    def leave_audience(self, connection: Connection, room_id: UUID) -> None:
        if self.is_member(connection, room_id):
            connection.member_rooms.remove(room_id)
            connections = self.audience[room_id]
            del connections[connection]
            if not connections:
                del self.audience[room_id], self._ids[room_id]

    def is_member(self, connection: Connection, room_id: UUID) -> bool:
        """Of the room's audience."""
        return connection in self.audience.get(room_id, ())
