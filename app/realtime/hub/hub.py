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
from app.persistence.data_loader import DataLoader
from app.persistence.uow import Database
from app.realtime.connection.room_list import arrivals, listing
from app.realtime.delivery.catchup import read_missed
from app.realtime.delivery.seq_tracker import Heard
from app.realtime.hub.connection import Follower, OpenRoom, Socket
from app.realtime.presence.subscriptions import Watches
from app.realtime.slow_consumers.state import SlowRooms
from app.realtime.transport.write_coalescer import Turn
from app.realtime.transport.ws_protocol import text_frame
from app.realtime.typing.state import Typists
from app.settings import Limits
from app.wire.close_codes import CloseCode
from app.wire.events import (
    CLOSE_REASONS,
    COUNTED_KINDS,
    MEMBERSHIP_KINDS,
    PublicationKind,
)
from app.wire.frames import RoomClosed

# Frames that may queue for one follower while it catches up.
MOST_QUEUED = 1000
# Read at once.
CLIENTS, ROOMS = 200, 1000
# Read markers that may wait until a room's stream is as far as they are.
MOST_MARKERS = 1000
# Bytes that may wait for a socket, or be given to it at once, before its rooms are dirty.
MUCH_BYTES = 64 * 1024


class Hub:
    def __init__(self, database: Database, limits: Limits, coalesce_writes: bool = True) -> None:
        self.database, self.limits = database, limits
        self.sockets: set[Socket] = set()
        self.by_user: dict[UUID, list[Socket]] = defaultdict(list)  # the oldest first
        # By room, the sockets of members. A small dictionary has half the size of a small set.
        self.audience: dict[UUID, dict[Socket, None]] = defaultdict(dict)
        self._ids: dict[UUID, UUID] = {}  # of these rooms: one object for all who keep it
        self.rooms: dict[UUID, OpenRoom] = {}
        self.gaps: asyncio.Queue[OpenRoom] = asyncio.Queue()  # for `gap_repair.py`
        self.stale: dict[
            tuple[Socket, UUID], Literal["left", "removed"] | None
        ] = {}  # `badges/updates.py`
        self.turn = Turn(limits.send_buffer_bytes, coalesce_writes)
        self.much_bytes = min(MUCH_BYTES, limits.send_buffer_bytes // 4)
        self.slow = SlowRooms(self.turn)  # for `backfill.py`
        self.doubts = asyncio.Event()  # pokes may have been lost: for `heartbeat.py`
        self.heard = Heard()  # for `change_poller.py`
        # What clients ask who come back, all at once.
        self.arrivals = DataLoader(database, arrivals, CLIENTS)
        self.listings = DataLoader(database, listing, ROOMS, cost=len)
        self.catchups = DataLoader(database, read_missed, ROOMS, cost=len)
        self.moved: set[UUID] = set()  # users whose first socket came or last one went: for
        self.movement = asyncio.Event()  # `worker.py`
        self.watches = Watches()  # the same
        self.typists = Typists()  # for `indicator.py`

    # Sockets come and go.

    def enter(self, socket: Socket) -> None:
        """A socket has said hello. The oldest of a user with too many is replaced."""
        theirs = self.by_user[socket.user]
        while len(theirs) >= self.limits.sockets_per_user:
            theirs[0].close(CloseCode.REPLACED, "too many sockets of this user")
            self.leave(theirs[0])
        self.by_user[socket.user].append(socket)
        self.sockets.add(socket)
        socket.watch(self.much_bytes, self.slow.hear)
        if len(self.by_user[socket.user]) == 1:
            self._move(socket.user)

    def leave(self, socket: Socket) -> None:
        """Forget a socket; again does nothing."""
        if socket not in self.sockets:
            return
        self.sockets.discard(socket)
        socket.unwatch()
        theirs = self.by_user[socket.user]
        theirs.remove(socket)
        if not theirs:
            del self.by_user[socket.user]
            self._move(socket.user)
        self.watches.forget(socket)
        for room_id in list(socket.follows):
            self.detach(socket, room_id)
        for room_id in list(socket.member_of):
            self.leave_audience(socket, room_id)

    def _move(self, user: UUID) -> None:
        self.moved.add(user)
        self.movement.set()

    def close_session(self, session: UUID, user: UUID) -> None:
        """The user's session was ended."""
        for socket in [s for s in self.by_user.get(user, ()) if s.actor.session == session]:
            socket.close(CloseCode.REVOKED, "the session was ended")
            self.leave(socket)

    # Rooms are opened and closed.

    def attach(self, socket: Socket, room_id: UUID) -> Follower:
        """Follow a room, queueing until `go_live`. Before the log is read, so that nothing falls
        between the two (protocol.md, 2)."""
        room = self.rooms.get(room_id)
        if room is None:
            room = OpenRoom(self._ids.get(room_id, room_id))
            self.rooms[room.id] = room
        follower = Follower(socket, room)
        socket.follows[room.id] = follower
        room.catching_up[socket] = follower
        return follower

    def begin(self, follower: Follower, head: int) -> bool:
        """The log was read up to `head` for this follower. False if what has queued does not join
        on: somebody else read further in the meantime, and the stream began there. Read again."""
        room = follower.room
        self._pass_on(room, room.stream.begin(head))
        self.suspect(room, head)
        return follower.queued_after() <= head

    def go_live(self, follower: Follower, after: int) -> None:
        """The follower has had everything up to `after`: give it what queued since, then live.

        The log can be ahead of the stream, whose pokes are still on their way: then the follower
        waits until the stream is there, so that it gets nothing twice, and is not put out by what
        happened before the log let it in.
        """
        room, socket = follower.room, follower.socket
        if room.stream.head < after:
            follower.floor = after
            return
        self.turn.flush_room(room)  # what is pending is in the queue, too
        del room.catching_up[socket]
        missed = [entry for entry in follower.queue if entry[0] > after]
        follower.queue.clear()
        if socket.pressed or sum(len(frame) for _, frame, _ in missed) > self.much_bytes:
            follower.gone = next((gone for *_, gone in missed if gone), None)
            if follower.gone:
                self.leave_audience(socket, room.id)
            self.slow.hold(follower, after)
            return
        room.live[socket] = follower
        for _, frame, gone in missed:
            socket.push(frame)
            if gone:
                self.put_out(follower, gone)
                break

    def detach(self, socket: Socket, room_id: UUID) -> bool:
        """Stop following; False if the room was not open on the socket."""
        follower = socket.follows.pop(room_id, None)
        if follower is None:
            return False
        room = follower.room
        self.turn.flush_room(room)
        if self.is_member(socket, room_id) and (socket not in room.live or room.stream.gap()):
            self.stale.setdefault((socket, room_id), None)  # it goes without having had everything
        room.live.pop(socket, None)
        room.catching_up.pop(socket, None)
        room.dirty.pop(socket, None)
        if room.is_empty():
            self.rooms.pop(room_id, None)
        return True

    # Announcements.

    def hear(self, publication: Publication) -> None:
        """From the bus: any order, any number of times."""
        if publication.kind is PublicationKind.SESSION_REVOKED:
            self.close_session(publication.channel, publication.user)
        elif publication.kind is PublicationKind.READ:
            self._hear_read(publication)
        elif publication.kind is PublicationKind.TYPING:
            self._hear_typing(publication)
        elif publication.kind is PublicationKind.PRESENCE:
            self.watches.suspect_ids(publication.payload)
        elif publication.kind is PublicationKind.NEWER:
            # An event or a signal, nobody here knows: if the log has reached this far, it has it.
            if room := self.rooms.get(publication.channel):
                self.suspect(room, publication.seq)
        else:
            room = self.rooms.get(publication.channel)
            self.heard.hear(publication.channel, publication.seq)
            if room is None or not room.stream.expects(publication.seq):
                self._mark(publication)  # late is not too late: counts are of now
            if room is not None:
                self.offer(room, [publication])

    def offer(self, room: OpenRoom, publications: Iterable[Publication]) -> None:
        """Events of a room, from the bus or from the log."""
        self._pass_on(room, room.stream.offer(publications))
        self._ask_for_repair(room)

    def suspect(self, room: OpenRoom, head: int) -> None:
        """The log is known to reach `head`: read what has not come."""
        room.stream.suspect(head)
        self._ask_for_repair(room)

    def _ask_for_repair(self, room: OpenRoom) -> None:
        if room.stream.gap() and not room.repairing:
            room.repairing = True
            room.doubted_at = asyncio.get_running_loop().time()
            self.gaps.put_nowait(room)

    def _pass_on(self, room: OpenRoom, events: Iterable[Publication]) -> None:
        for event in events:
            self._mark(event)
            frame = text_frame(event.payload)
            self.turn.append(room, frame)
            gone = None
            if event.kind is PublicationKind.MESSAGE:
                self.typists.end(room.id, event.user)
            elif event.kind in CLOSE_REASONS:
                at = asyncio.get_running_loop().time()
                self.typists.remove(room.id, event.user, event.seq, at)
                gone = RoomClosed(room=room.id, reason=CLOSE_REASONS[event.kind], seq=event.seq)
                for socket in self.by_user.get(event.user, ()):
                    if socket in room.live:
                        self.put_out(room.live[socket], gone)
                    elif socket in room.dirty:
                        room.dirty[socket].gone = room.dirty[socket].gone or gone
                        self.leave_audience(socket, room.id)
            for follower in list(room.catching_up.values()):
                self._queue(follower, event, frame, gone)
        if room.markers:
            self._pass_markers(room)

    def put_out(self, follower: Follower, gone: RoomClosed) -> None:
        """Whoever went has had this event and gets none after it."""
        if follower.gone:  # a while ago: they may be back
            self.stale.setdefault((follower.socket, gone.room), None)
        self.leave_audience(follower.socket, gone.room)
        self.detach(follower.socket, gone.room)
        follower.socket.send(gone)

    def _queue(
        self, follower: Follower, event: Publication, frame: bytes, gone: RoomClosed | None
    ) -> None:
        if follower.floor is None:
            own = follower.socket.user == event.user
            follower.queue.append((event.seq, frame, gone if own else None))
            if len(follower.queue) > MOST_QUEUED:
                self.detach(follower.socket, follower.room.id)  # `open_room` says so
        elif event.seq >= follower.floor:
            self.go_live(follower, follower.floor)

    def _hear_read(self, publication: Publication) -> None:
        """To the reader's own sockets, and to those who have the room open, unless it is huge.

        To these when they have had everything that came before it: then whoever was removed until
        the marker moved has been put out.
        """
        frame = text_frame(publication.payload)
        for socket in self.by_user.get(publication.user, ()):
            socket.whisper(frame)
        room = self.rooms.get(publication.channel)
        if (
            room
            and len(self.audience.get(publication.channel, ())) < self.limits.large_room_members
        ):
            if len(room.markers) < MOST_MARKERS:
                room.markers[publication.user] = (publication.seq, frame)
            self._pass_markers(room)
            self.suspect(room, publication.seq)
        self.count_again(publication.channel, publication.user)

    def _pass_markers(self, room: OpenRoom) -> None:
        due = [user for user, (seq, _) in room.markers.items() if seq <= room.stream.head]
        if due:
            self.turn.flush_room(room)  # the events first
        for user in due:
            _, frame = room.markers.pop(user)
            for socket in room.live:
                if socket.user != user:
                    socket.whisper(frame)

    def _hear_typing(self, publication: Publication) -> None:
        """Not before the stream is where the room was when it was said: then whoever was removed
        by then has no place here any more."""
        room = self.rooms.get(publication.channel)
        if room and publication.seq <= room.stream.head:
            at = asyncio.get_running_loop().time()
            self.typists.start(room.id, publication.user, publication.seq, at)

    def _mark(self, event: Publication) -> None:
        """Invalidate the unread counts of members who do not have the room open, and of users who
        joined or left. The counts are read later, so order and doubles do not matter."""
        if event.kind in COUNTED_KINDS:
            self.count_again(event.channel)
        elif event.kind in MEMBERSHIP_KINDS:
            theirs = self.by_user.get(event.user, ())
            self.watches.doubt(event.user, theirs)
            for socket in theirs:
                if event.channel not in socket.follows:
                    self.stale[socket, event.channel] = CLOSE_REASONS.get(event.kind)

    def count_again(self, room_id: UUID, user: UUID | None = None) -> None:
        """The counts of a room may be stale: of its members that have it closed, or, where it is
        about what a user has read, on all sockets of this user."""
        if user is not None:
            for socket in self.by_user.get(user, ()):
                self.stale.setdefault((socket, room_id), None)
            return
        room = self.rooms.get(room_id)
        live = room.live if room else ()  # nearly all, or nobody: passed over without a look
        for socket in [one for one in self.audience.get(room_id, ()) if one not in live]:
            if room_id not in socket.follows:
                self.stale.setdefault((socket, room_id), None)

    def join_audience(self, socket: Socket, room_id: UUID) -> None:
        """The socket's user is a member of the room: its counts concern them."""
        if socket in self.sockets and not self.is_member(socket, room_id):
            room_id = self._ids.setdefault(room_id, room_id)
            self.audience[room_id][socket] = None
            socket.member_of.append(room_id)

    def leave_audience(self, socket: Socket, room_id: UUID) -> None:
        if self.is_member(socket, room_id):
            socket.member_of.remove(room_id)
            sockets = self.audience[room_id]
            del sockets[socket]
            if not sockets:
                del self.audience[room_id], self._ids[room_id]

    def is_member(self, socket: Socket, room_id: UUID) -> bool:
        """Of the room's audience."""
        return socket in self.audience.get(room_id, ())
