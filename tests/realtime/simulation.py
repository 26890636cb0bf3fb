"""A simulation for the model: the log of one room, processes and clients, without I/O and clocks.

The processes have real hubs, streams and catch-ups, the clients real positions. The rest is
simulated: the log is a list, and a database read has two steps, so that anything can happen between
its snapshot and its result.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import orjson

from app.application.server_state import KnownServerState
from app.client.room_cursor import RoomCursor
from app.core.actor import Actor
from app.core.publications import Publication, to_publication
from app.core.server_state import ServerState
from app.limit_settings import Limits
from app.persistence.database import Database
from app.persistence.repositories.memberships import LogExtent
from app.realtime.delivery.change_poller import poll_changes
from app.realtime.delivery.delivery import Delivery
from app.realtime.delivery.gap_repair import repair
from app.realtime.delivery.subscribe import open_rooms
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.realtime.room_list.state import RoomListState
from app.realtime.slow_consumers.backfill import backfill
from app.realtime.slow_consumers.state import SlowConsumers
from app.wire.client_frames import RoomPosition
from app.wire.domain import Role, RoomKind
from app.wire.errors import ChatError
from app.wire.events import (
    Event,
    MemberJoined,
    MemberRef,
    MemberRemoved,
    Message,
    MessageCreated,
)
from app.wire.frames import AnyServerFrame, ErrorFrame, RoomClosed, RoomOpened

ROOM = UUID(int=1)
AT = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH = "q3Xv0TbN2cE"
# So small that examples reach them.
LIMITS = Limits(catchup_events_per_room=3, catchup_events_per_request=6)
MUCH = 300  # bytes that are given to a slow client at once: about one event


class FakeLog:
    """The committed log of the room and its members."""

    def __init__(self, members: Iterable[UUID]) -> None:
        self.events: list[Event] = []
        self.members: set[UUID] = set()
        self.out_at: dict[UUID, int] = {}  # where a user was last removed
        for user in members:
            self.let_in(user)

    @property
    def head(self) -> int:
        return len(self.events)

    def _envelope(self, actor: UUID) -> dict[str, Any]:
        return {"room": ROOM, "seq": self.head + 1, "actor": actor, "at": AT}

    def say(self, user: UUID) -> Publication:
        seq = self.head + 1
        message = Message(seq=seq, sender=user, at=AT, text=f"text {seq}", nonce=f"n{seq}")
        return self._commit(MessageCreated(message=message, **self._envelope(user)))

    def let_in(self, user: UUID) -> Publication:
        self.members.add(user)
        member = MemberRef(user=user, role=Role.MEMBER)
        return self._commit(MemberJoined(member=member, **self._envelope(user)))

    def put_out(self, user: UUID) -> Publication:
        self.members.remove(user)
        self.out_at[user] = self.head + 1
        member = MemberRef(user=user, role=Role.MEMBER)
        return self._commit(MemberRemoved(member=member, **self._envelope(user)))

    def _commit(self, event: Event) -> Publication:
        self.events.append(event)
        return to_publication(event)

    def may_see(self, user: UUID, seq: int) -> bool:
        return user in self.members or seq <= self.out_at.get(user, 0)


class FakeReads:
    """The reads that the use cases need, on the log as it is now."""

    def __init__(self, log: FakeLog) -> None:
        self._log = log
        self.rooms = SimpleNamespace(changed_since=self._changed, database_time=self._time)
        self.user_logs = SimpleNamespace(changed_since=self._changed_user_logs)
        self.access = SimpleNamespace(kinds=self._kinds)
        self.memberships = SimpleNamespace(extents=self._heads, ended_extents=self._ends)
        self.events = SimpleNamespace(
            publications=self._between,
            publications_in=self._within,
            list_membership_changes=self._memberships,
            last_changed=self._last_changed,
        )

    async def _kinds(self, _rooms: Iterable[UUID]) -> dict[UUID, RoomKind]:
        return {ROOM: RoomKind.PRIVATE}

    async def _heads(
        self, pairs: Iterable[tuple[UUID, UUID]]
    ) -> dict[tuple[UUID, UUID], LogExtent]:
        head = LogExtent(self._log.head, 0)
        return {(ROOM, user): head for _, user in pairs if user in self._log.members}

    async def _ends(self, pairs: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], LogExtent]:
        gone = self._log.out_at
        return {(ROOM, user): LogExtent(gone[user], 0) for _, user in pairs if user in gone}

    async def _changed(self, _within_s: int) -> dict[UUID, int]:
        return {ROOM: self._log.head}

    async def _changed_user_logs(self, _within_s: int) -> dict[UUID, int]:
        return {}

    async def _time(self) -> datetime:
        return AT

    async def _between(self, _room: UUID, after: int, until: int, limit: int) -> list[Publication]:
        return list(map(to_publication, self._log.events[after:until][:limit]))

    async def _within(self, ranges: Iterable[tuple[UUID, int, int]]) -> list[Publication]:
        return [
            to_publication(event)
            for _, after, until in ranges
            for event in self._log.events[after:until]
        ]

    async def _last_changed(
        self, ranges: Iterable[tuple[UUID, int, int]]
    ) -> dict[tuple[UUID, int, int], int]:
        return {span: span[1] for span in ranges}  # no message of this log is ever changed

    async def _memberships(self, ranges: Iterable[tuple[UUID, int, int]]) -> list[Event]:
        return [
            event
            for _, after, until in ranges
            for event in self._log.events[after:until]
            if isinstance(event, MemberJoined | MemberRemoved)
        ]


class PendingQuery:
    """A query. `see` takes a snapshot of the log, `answer` returns its result."""

    def __init__(self, log: FakeLog, run: Callable[[Any], Awaitable[Any]]) -> None:
        self._log, self._run = log, run
        self.answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.seen = False
        self._result: Any = None
        self._error: ChatError | None = None

    async def see(self) -> None:
        self.seen = True
        try:
            self._result = await self._run(FakeReads(self._log))
        except ChatError as error:
            self._error = error

    def answer(self) -> None:
        if self.answered.done():  # whoever asked is gone
            return
        if self._error:
            self.answered.set_exception(self._error)
        else:
            self.answered.set_result(self._result)


class FakeWriter:
    """The output of a socket: whole frames, to a client that reads at once or when it is
    released."""

    def __init__(self, hear: Callable[[Any], None]) -> None:
        self._hear = hear
        self._on_backpressure: Callable[[bool], None] | None = None
        self._paused = self.is_slow = False
        self._unread = b""
        self.bytes_written = 0

    def set_backpressure_callback(self, high_water: int, callback: Callable[[bool], None]) -> None:
        self._on_backpressure = callback

    def clear_backpressure_callback(self) -> None:
        self._on_backpressure = None

    def write_frames(self, frames: bytes) -> None:
        self.bytes_written += len(frames)
        if self.is_slow:
            self._unread += frames
            self._set_paused(True)
        else:
            self._read(frames)

    def read(self) -> None:
        """The client reads what is queued, and everything from now on."""
        self.is_slow = False
        frames, self._unread = self._unread, b""
        self._read(frames)
        self._set_paused(False)

    def pong(self) -> None:
        """The WebSocket library writes frames of its own at any time."""
        self._set_paused(self.is_slow)

    def _set_paused(self, paused: bool) -> None:
        if paused is not self._paused:
            self._paused = paused
            if self._on_backpressure:
                self._on_backpressure(paused)

    def _read(self, frames: bytes) -> None:
        while frames:
            assert frames[0] == 0x81
            assert frames[1] < 127
            size, start = (frames[1], 2) if frames[1] < 126 else (int.from_bytes(frames[2:4]), 4)
            payload, frames = frames[start : start + size], frames[start + size :]
            self._hear(AnyServerFrame.validate_python(orjson.loads(payload)))

    def buffered_bytes(self) -> int:
        return len(self._unread)

    def send_close(self, code: int, reason: str) -> None:
        raise AssertionError(f"no socket of this world is closed by the server: {code} {reason}")


class FakeProcess:
    """One process of the server."""

    def __init__(self, log: FakeLog) -> None:
        self._log = log
        self.reads: list[PendingQuery] = []
        self.tasks: set[asyncio.Future[None]] = set()
        database: Any = self  # which is only read
        self.database: Database = database
        self.hub = Hub(LIMITS)
        self.slow_consumers = SlowConsumers(self.hub)
        self.slow_consumers.threshold_bytes = MUCH
        state = KnownServerState(self.database)
        state._state = ServerState(EPOCH, restores=0, clock_steps=0)
        self.delivery = Delivery(self.hub, self.slow_consumers, self.database, state)
        for listener in (self.slow_consumers, self.delivery, RoomListState(self.hub)):
            self.hub.add_listener(listener)

    async def read(self, query: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        asked = PendingQuery(self._log, lambda reads: query(reads, *args))
        self.reads.append(asked)
        return await asked.answered

    read_directly = read

    def start(self, work: Awaitable[None]) -> "asyncio.Future[None]":
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Future[None]") -> None:
        self.tasks.discard(task)
        if not task.cancelled():
            task.result()  # what fails in a callback reaches the loop's handler

    def sweep(self) -> None:
        _ = self.start(poll_changes(self.delivery, 15))

    def repair(self) -> bool:
        if self.delivery.gaps.empty():
            return False
        _ = self.start(repair(self.delivery, self.delivery.gaps.get_nowait()))
        return True

    def recover(self) -> None:
        queue = self.slow_consumers.backfill_queue
        if not queue.empty():
            room = queue.get_nowait()
            _ = self.start(backfill(self.hub, self.slow_consumers, self.database, room))

    def die(self) -> None:
        for task in self.tasks:
            task.cancel()
        for read in self.reads:
            read.answered.cancel()


class FakeClient:
    """A device: a position that survives its sockets, and the events that it has applied."""

    def __init__(self, log: FakeLog, user: UUID) -> None:
        self._log = log
        self.user = user
        self.position = RoomCursor(0)
        self.taken: list[int] = []
        self.process: FakeProcess | None = None
        self.socket: Connection | None = None
        self.writer: FakeWriter | None = None
        self.page: PendingQuery | None = None
        self.out = False  # the server has closed the room
        self._next = 0  # what the server has to send next; 0: nothing
        self._opening: asyncio.Future[None] | None = None

    def connect(self, process: FakeProcess, is_slow: bool = False) -> None:
        self.process = process
        actor = Actor(self.user, UUID(int=9), is_admin=False, expires_at=AT)
        self.writer = writer = cast(Any, FakeWriter(self.hear))
        writer.is_slow = is_slow
        self.socket = Connection(writer, actor, 0.0, process.hub.coalescer.schedule)
        process.hub.register(self.socket)
        self.open()

    def open(self) -> None:
        """One frame after the other: not while the last one is being handled."""
        if self.process and self.socket and (self._opening is None or self._opening.done()):
            self.out = False
            self._opening = self.process.start(self._open(self.process, self.socket))

    async def _open(self, process: FakeProcess, socket: Connection) -> None:
        wanted = RoomPosition(room=ROOM, since=self.position.seq)
        await open_rooms(
            process.delivery, socket, [wanted], None, LIMITS.catchup_events_per_request
        )

    def disconnect(self) -> None:
        if self.process and self.socket:
            self.process.hub.unregister(self.socket)
        self.process = self.socket = self.writer = self._opening = None

    def hear(self, frame: Any) -> None:
        if self.socket is None:
            return  # it went before this arrived
        match frame:
            case RoomOpened():
                assert frame.state != "reset", "the log has all that this client was given"
                self._next = 1 + (frame.from_ if frame.resume is None else frame.resume)
                self.position.opened(frame, EPOCH, from_start=True)
            case RoomClosed() | ErrorFrame():
                self.out, self._next = True, 0
            case _:
                assert frame.seq == self._next, f"{frame.seq} instead of {self._next}"
                self._next += 1
                assert self._log.may_see(self.user, frame.seq), (
                    f"{frame.seq} is not for {self.user}"
                )
                self.position.add([frame])
        self._take()

    def ask_for_page(self) -> None:
        """GET /events, as after `limited`."""
        gap = self.position.gap()
        if gap and self.page is None:
            self.page = PendingQuery(self._log, lambda reads: self._page(reads, *gap))

    async def _page(self, _reads: FakeReads, after: int, until: int) -> list[Event]:
        if self.user not in self._log.members:
            return []
        return self._log.events[after:until][:2]

    async def turn_page(self) -> None:
        assert self.page is not None
        page, self.page = self.page, None
        if not page.seen:
            await page.see()
        page.answer()
        self.position.add(page.answered.result())
        self._take()

    def _take(self) -> None:
        for event in self.position.pop_ready(1000):
            assert event == self._log.events[event.seq - 1], "as it was committed"
            self.taken.append(event.seq)
        assert self.taken == list(range(1, len(self.taken) + 1)), "dense, in order, once"
