"""Who follows what in this process, and the way of an announcement to their sockets.

A room that is open on some socket has a stream, which puts its events in order. Each event is
framed once; what one turn of the loop brings for a room is joined once, and what it brings for a
socket leaves in one write. Rooms of connected users that are not open are only counted
(`bumps.py`).
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

from app.core.events import Announcement, Kind
from app.persistence.uow import Database
from app.realtime.protocol import CloseCode, RoomClosed
from app.realtime.socket import Follower, OpenRoom, Socket
from app.realtime.transport import text_frame
from app.settings import Limits

# Frames that may queue for one follower while it catches up.
MOST_QUEUED = 1000
GONE: dict[Kind, Literal["left", "removed"]] = {Kind.LEFT: "left", Kind.REMOVED: "removed"}


class Hub:
    def __init__(self, database: Database, limits: Limits) -> None:
        self.database, self.limits = database, limits
        self.sockets: set[Socket] = set()
        self.by_user: dict[UUID, list[Socket]] = defaultdict(list)  # the oldest first
        self.audience: dict[UUID, set[Socket]] = defaultdict(set)  # by room: sockets of members
        self.rooms: dict[UUID, OpenRoom] = {}
        self.gaps: asyncio.Queue[OpenRoom] = asyncio.Queue()  # for `repair.py`
        self.stale: dict[tuple[Socket, UUID], Literal["left", "removed"] | None] = {}  # `bumps.py`
        self._dirty_rooms: set[OpenRoom] = set()
        self._dirty_sockets: set[Socket] = set()
        self._woken = False
        self.doubts = asyncio.Event()  # pokes may have been lost: for `pulse.py`

    # Sockets come and go.

    def enter(self, socket: Socket) -> None:
        """A socket has said hello. The oldest of a user with too many is replaced."""
        theirs = self.by_user[socket.user]
        while len(theirs) >= self.limits.sockets_per_user:
            theirs[0].close(CloseCode.REPLACED, "too many sockets of this user")
            self.leave(theirs[0])
        self.by_user[socket.user].append(socket)
        self.sockets.add(socket)

    def leave(self, socket: Socket) -> None:
        """Forget a socket; again does nothing."""
        if socket not in self.sockets:
            return
        self.sockets.discard(socket)
        theirs = self.by_user[socket.user]
        theirs.remove(socket)
        if not theirs:
            del self.by_user[socket.user]
        for room_id in list(socket.follows):
            self.detach(socket, room_id)
        for room_id in list(socket.member_of):
            self.leave_audience(socket, room_id)

    def close_session(self, session: UUID, code: CloseCode, reason: str) -> None:
        for socket in [s for s in self.sockets if s.actor.session == session]:
            socket.close(code, reason)
            self.leave(socket)

    # Rooms are opened and closed.

    def attach(self, socket: Socket, room_id: UUID) -> Follower:
        """Follow a room, queueing until `go_live`. Before the log is read, so that nothing falls
        between the two (protocol.md, 2)."""
        room = self.rooms.get(room_id)
        if room is None:
            room = self.rooms[room_id] = OpenRoom(room_id)
        follower = Follower(socket, room)
        socket.follows[room_id] = follower
        room.catching_up[socket] = follower
        return follower

    def begin(self, room: OpenRoom, head: int) -> None:
        """The log was read up to `head` by somebody who follows the room."""
        self._pass_on(room, room.stream.begin(head))
        self.suspect(room, head)

    def go_live(self, follower: Follower, after: int) -> None:
        """The follower has had everything up to `after`: give it what queued since, then live.

        The log can be ahead of the stream, whose pokes are still on their way: then the follower
        goes on queueing until the stream is there, so that it gets nothing twice.
        """
        room, socket = follower.room, follower.socket
        if socket.follows.get(room.id) is not follower or follower.queue is None:
            return
        if room.stream.head < after:
            follower.floor = after
            return
        self._flush_room(room)  # what is pending is in the queue, too
        # Whoever went before `after` was back by then: the log let them in at `after`.
        gone = follower.gone if follower.gone and (follower.gone.seq or 0) > after else None
        for seq, frame in follower.queue:
            if seq > after and (gone is None or seq <= (gone.seq or 0)):
                socket.push(frame)
        follower.queue = None
        if gone:
            socket.send(gone)
            self.detach(socket, room.id)
        else:
            del room.catching_up[socket]
            room.live[socket] = follower

    def detach(self, socket: Socket, room_id: UUID) -> bool:
        """Stop following; False if the room was not open on the socket."""
        follower = socket.follows.pop(room_id, None)
        if follower is None:
            return False
        room = follower.room
        self._flush_room(room)
        room.live.pop(socket, None)
        room.catching_up.pop(socket, None)
        if not room.live and not room.catching_up:
            self.rooms.pop(room_id, None)
        return True

    # Announcements.

    def hear(self, poke: Announcement) -> None:
        """From the bus: any order, any number of times."""
        if poke.kind is Kind.SESSION_REVOKED:
            self.close_session(poke.topic, CloseCode.REVOKED, "the session was ended")
        elif poke.kind is Kind.READ:
            self._hear_read(poke)
        else:
            room = self.rooms.get(poke.topic)
            if room is None:
                self._observe(poke)
            else:
                self.offer(room, [poke])

    def offer(self, room: OpenRoom, pokes: Iterable[Announcement]) -> None:
        """Events of a room, from the bus or from the log."""
        self._pass_on(room, room.stream.offer(pokes))
        if room.stream.gap():
            self._ask_for_repair(room)

    def suspect(self, room: OpenRoom, head: int) -> None:
        """The log is known to reach `head`: read what has not come."""
        room.stream.suspect(head)
        if room.stream.gap():
            self._ask_for_repair(room)

    def _ask_for_repair(self, room: OpenRoom) -> None:
        if not room.repairing:
            room.repairing = True
            self.gaps.put_nowait(room)

    def _pass_on(self, room: OpenRoom, events: Iterable[Announcement]) -> None:
        for event in events:
            frame = text_frame(event.frame)
            room.pending.append(frame)
            self._dirty_rooms.add(room)
            for follower in list(room.catching_up.values()):
                self._queue(follower, event.seq, frame)
            self._observe(event)
        self._schedule()

    def _queue(self, follower: Follower, seq: int, frame: bytes) -> None:
        if follower.queue is None:
            return
        follower.queue.append((seq, frame))
        if len(follower.queue) > MOST_QUEUED:
            self.detach(follower.socket, follower.room.id)  # `open_room` says so
        elif follower.floor is not None and seq >= follower.floor:
            self.go_live(follower, follower.floor)

    def _put_out(self, event: Announcement) -> None:
        """Whoever went sees this event and none after it."""
        reason = GONE[event.kind]
        closed = RoomClosed(room=event.topic, reason=reason, seq=event.seq)
        for socket in self.by_user.get(event.subject, ()):
            follower = socket.follows.get(event.topic)
            if follower is None:
                self.stale[socket, event.topic] = reason  # `bumps.py` looks at what is true now
                continue
            self.leave_audience(socket, event.topic)
            if follower.queue is not None:
                follower.gone = closed
            else:
                self.detach(socket, event.topic)
                socket.send(closed)

    def _hear_read(self, poke: Announcement) -> None:
        """To those who have the room open, unless it is huge, and to the reader's own sockets."""
        room = self.rooms.get(poke.topic)
        own = self.by_user.get(poke.subject, ())
        frame = text_frame(poke.frame)
        if room and len(self.audience.get(poke.topic, ())) < self.limits.huge_room:
            for socket in room.live:
                socket.push(frame)
        for socket in own:
            if room is None or socket not in room.live:
                socket.push(frame)
            self.stale.setdefault((socket, poke.topic), None)

    def _observe(self, event: Announcement) -> None:
        """Membership moves sockets; a message makes the counts stale of who has the room closed."""
        if event.kind in GONE:
            self._put_out(event)
        elif event.kind is Kind.JOINED:
            for socket in self.by_user.get(event.subject, ()):
                self.stale.setdefault((socket, event.topic), None)
        elif event.kind is Kind.MESSAGE:
            for socket in self.audience.get(event.topic, ()):
                if event.topic not in socket.follows:
                    self.stale.setdefault((socket, event.topic), None)

    def join_audience(self, socket: Socket, room_id: UUID) -> None:
        """The socket's user is a member of the room: its counts concern them."""
        self.audience[room_id].add(socket)
        socket.member_of.add(room_id)

    def leave_audience(self, socket: Socket, room_id: UUID) -> None:
        socket.member_of.discard(room_id)
        sockets = self.audience.get(room_id)
        if sockets:
            sockets.discard(socket)
            if not sockets:
                del self.audience[room_id]

    # The end of a turn of the loop.

    def wake(self, socket: Socket) -> None:
        self._dirty_sockets.add(socket)
        self._schedule()

    def _schedule(self) -> None:
        if not self._woken:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._end_of_turn)

    def _end_of_turn(self) -> None:
        self._woken = False
        for room in list(self._dirty_rooms):
            self._flush_room(room)
        sockets, self._dirty_sockets = self._dirty_sockets, set()
        for socket in sockets:
            socket.flush(self.limits.buffer_bytes)

    def _flush_room(self, room: OpenRoom) -> None:
        """One join for all who follow the room."""
        self._dirty_rooms.discard(room)
        if room.pending:
            block = b"".join(room.pending)
            room.pending.clear()
            for socket in room.live:
                socket.outbox.append(block)
            self._dirty_sockets.update(room.live)
            self._schedule()
