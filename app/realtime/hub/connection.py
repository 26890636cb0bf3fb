"""One socket, one room, and what ties them: the state that the hub moves.

Frames for a socket collect for one turn of the loop and leave in one write.
"""

from collections.abc import Callable
from uuid import UUID

from pydantic import BaseModel

from app.core.actor import Actor
from app.realtime.delivery.room_stream import RoomStream
from app.realtime.transport.ws_protocol import ChatWebSocketProtocol, text_frame
from app.wire.close_codes import CloseCode
from app.wire.frames import RoomClosed, encode

# What may wait for a peer before it gets no more of what it can do without.
VOLATILE_THRESHOLD_BYTES = 16 * 1024


class Connection:
    """A socket after its hello. `subscriptions` are the rooms that are open on it."""

    __slots__ = (
        "_wake",
        "_writer",
        "actor",
        "expires_at",
        "follows",
        "heard_at",
        "in_flight",
        "listed",
        "look_at",
        "member_of",
        "outbox",
        "ping_after_s",
        "pinged",
        "pressed",
    )

    def __init__(
        self,
        writer: ChatWebSocketProtocol,
        actor: Actor,
        heard_at: float,
        wake: Callable[["Socket"], None],
    ) -> None:
        self._writer = writer
        self._wake = wake  # asks for `flush` at the end of this turn
        self.actor = actor
        self.expires_at = actor.expires_at  # here, too: looked at every second, and renewed
        self.subscriptions: dict[UUID, Subscription] = {}
        self.member_rooms: list[UUID] = []  # to leave them; `Hub.audience` knows it faster
        self.room_list_sent = False  # `rooms` was sent; new counts come after it
        self.outbox: list[bytes] = []
        self.last_received_at = heard_at  # loop time of the last frame from the client
        self.next_check_at = 0.0  # loop time until which `heartbeat.py` has nothing to do for it
        self.ping_after_s = 0.0
        self.ping_sent = False
        self.in_flight = 0  # frames that are being executed
        self.write_paused = False  # it reads more slowly than we write; `slow_consumers/state.py`

    @property
    def user(self) -> UUID:
        return self.actor.user

    def send(self, frame: BaseModel) -> None:
        self.push(text_frame(encode(frame)))

    def push(self, frames: bytes) -> None:
        """Whole frames, framed already."""
        self.outbox.append(frames)
        self._wake(self)

    def whisper(self, frames: bytes) -> bool:
        """Whole frames that a peer can do without, such as who is typing: not given to one that has
        not read what it was sent before. Whether they were."""
        if self._writer.buffered_bytes() > VOLATILE_THRESHOLD_BYTES:
            return False
        self.push(frames)
        return True

    def unsent_bytes(self) -> int:
        """What waits for the peer to read."""
        return sum(map(len, self.outbox)) + self._writer.buffered_bytes()

    def watch(self, high: int, tell: Callable[["Socket", bool], None]) -> None:
        """From now on `tell` whether more than `high` bytes wait, each time that it changes: down
        again is a quarter of that."""
        self._writer.watch(high, lambda pressed: tell(self, pressed))

    def unwatch(self) -> None:
        self._writer.unwatch()

    def written(self) -> int:
        """Bytes since the beginning."""
        return self._writer.written

    def waiting(self) -> int:
        """How many of them wait for the peer to read."""
        return self._writer.buffered_bytes()

    def flush(self, most_buffered: int) -> None:
        """Write what has collected. A peer that leaves too much of it is dropped."""
        if self.outbox:
            self._writer.write_frames(b"".join(self.outbox))
            self.outbox.clear()
            if self.write_paused and self._writer.buffered_bytes() > most_buffered:
                self.drop()

    def drop(self) -> None:
        """Cut the connection of a peer that is too slow; it will resume. Not a close: that would
        wait behind all that the peer has not read."""
        self._writer.send_close(CloseCode.SLOW, "too slow: come back and resume")
        self._writer.abort()

    def close(self, code: CloseCode, reason: str) -> None:
        """Flush, then close; nothing is written afterwards."""
        if self.outbox:
            self._writer.write_frames(b"".join(self.outbox))
            self.outbox.clear()
        self._writer.send_close(code, reason)


class Subscription:
    """One open room of one socket: live, catching up while live events queue, or dirty.

    While it catches up, `queue` holds every event that the stream has passed on since the follower
    came, with the farewell where the event is that its own user went. While it is dirty, because
    its socket is slow, only `seq` is kept, and the farewell as `gone`; the log has the rest.
    """

    __slots__ = ("floor", "gone", "queue", "room", "seq", "socket")

    def __init__(self, connection: Connection, room: "RoomChannel") -> None:
        self.connection, self.room = connection, room
        self.queue: list[tuple[int, bytes, RoomClosed | None]] = []
        self.floor: int | None = None  # had from the log already; live once the stream is there
        self.seq = 0  # dirty: the last that it was given
        self.gone: RoomClosed | None = None  # dirty: where it ends

    def queued_after(self) -> int:
        """What has queued is everything that the stream has passed on after this seq."""
        return self.queue[0][0] - 1 if self.queue else self.room.stream.head


class RoomChannel:
    """A room that is open on at least one socket of this process."""

    __slots__ = (
        "catching_up",
        "counted_at",
        "dirty",
        "doubted_at",
        "huge",
        "id",
        "live",
        "markers",
        "pending",
        "recovering",
        "repairing",
        "stream",
        "told_typing",
    )

    def __init__(self, room_id: UUID) -> None:
        self.id = room_id
        self.stream = RoomStream()
        self.live: dict[Connection, Subscription] = {}
        self.catching_up: dict[Connection, Subscription] = {}
        self.dirty: dict[Connection, Subscription] = {}
        self.pending: list[bytes] = []  # frames of this turn for those who are live
        # By user, read markers of which the stream is behind: (the log's head then, the frame).
        self.markers: dict[UUID, tuple[int, bytes]] = {}
        self.repairing = False  # in `Hub.gaps`, or being read
        self.doubted_at = 0.0  # loop time when the gap was noticed that is being repaired
        self.huge = False  # as it was when the members were last counted,
        self.counted_at: float | None = None  # at this loop time
        self.told_typing: tuple[UUID, ...] = ()  # whom the last typing frame named
        self.recovering = False  # in `SlowConsumers.behind`, or being read

    def is_empty(self) -> bool:
        return not (self.live or self.catching_up or self.dirty)
