"""The frame loop of one connection: what the application reads and what the server is asked."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from app.client import rooms as rooms_module
from app.client.close_policy import ConnectionLost
from app.client.errors import RequestRejected, Unreachable
from app.client.event_queue import EventQueue, Reset, RoomLost
from app.client.frame_loop import FrameLoop
from app.client.room_subscription import RoomServices, RoomSubscription
from app.client.rooms import Rooms
from app.client.send_queue import SendQueue
from app.wire.client_frames import Close, Open, Pong, SendMessage
from app.wire.errors import ErrorCode, Retry
from app.wire.frames import Ack, ErrorFrame, Ping, RoomClosed, RoomHead
from testkit.waiting import LIMIT_S, eventually, limit, pause
from tests.client.doubles import (
    EPOCH,
    OTHER,
    ROOM,
    FakeConnection,
    FakeLog,
    drain,
    event,
    opened,
    seqs,
    settle,
)


@dataclass
class Bench:
    """A frame loop over `wire`; the application has read nothing of `queue`."""

    log: FakeLog
    wire: FakeConnection
    queue: EventQueue
    rooms: Rooms
    tasks: asyncio.TaskGroup
    from_start: bool
    send_queue: SendQueue = field(default_factory=SendQueue)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ids: Iterator[int] = field(default_factory=itertools.count)

    def open(self, since: int | None, room: UUID = ROOM) -> RoomSubscription:
        services = RoomServices(
            queue=self.queue,
            from_start=self.from_start,
            read=self.log.read,
            spawn=self.tasks.create_task,
            wake=self.wake.set,
            lost=self.rooms.drop,
        )
        return self.rooms.open(room, since, None, services)

    async def hear(self, *frames: BaseModel) -> None:
        self.wire.say(*frames)
        await settle(30 + 3 * len(frames))

    def frame_loop(self) -> FrameLoop:
        return FrameLoop(
            self.wire.as_connection(), self.rooms, self.send_queue, self.queue, self.ids, self.wake
        )

    def said(self, kind: type[BaseModel]) -> list[Any]:
        return [frame for frame in self.wire.sent if isinstance(frame, kind)]


@asynccontextmanager
async def bench(
    head: int = 100, *, max_queued_events: int = 1000, from_start: bool = False, page: int = 100
) -> AsyncIterator[Bench]:
    rooms = Rooms()
    queue = EventQueue(max_queued_events, rooms.advance)
    async with asyncio.TaskGroup() as tasks:
        it = Bench(FakeLog(head, page), FakeConnection(), queue, rooms, tasks, from_start)
        running = tasks.create_task(_until_dropped(it.frame_loop()))
        yield it
        it.wire.stop()
        await running
        rooms.stop(Unreachable("the test is over"))


async def _until_dropped(frame_loop: FrameLoop) -> None:
    with suppress(ConnectionLost):
        await frame_loop.run()


FRAMES = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.integers(1, 20)),
        st.tuples(st.just("ack"), st.integers(1, 20)),
        st.tuples(st.just("read ack"), st.integers(1, 20)),
    ),
    max_size=40,
)


@given(frames=FRAMES, since=st.integers(0, 20), page=st.integers(1, 5))
async def test_acks_never_move_a_position(
    frames: list[tuple[str, int]], since: int, page: int
) -> None:
    """Acks of any seq among lost, duplicated and reordered events: the log is still delivered."""
    async with bench(20, page=page) as it:
        it.open(since)
        await it.hear(opened(since, 20))
        for number, (kind, seq) in enumerate(frames):
            frame = event(seq) if kind == "event" else Ack(id=number, room=ROOM, seq=seq)
            before = it.rooms.position(ROOM)
            await it.hear(frame)
            assert kind == "event" or it.rooms.position(ROOM) == before
        await it.hear(opened(20, 20, "limited", 20))
        await settle(300)
        assert seqs(drain(it.queue)) == list(range(since + 1, 21))


async def test_a_limited_room_is_paged_before_live_events() -> None:
    async with bench(60, page=7) as it:
        room = it.open(0)
        await it.hear(opened(0, 60, "limited", 50), *(event(seq) for seq in range(51, 61)))
        assert (await room.opened).state == "limited"
        it.log.head = 62
        await it.hear(event(61), event(62))
        await settle(200)
        assert seqs(drain(it.queue)) == list(range(1, 63))
        assert it.log.asked[0] == (0, 50)
        assert all(until <= 50 for _, until in it.log.asked)


async def test_a_gap_is_read_despite_errors() -> None:
    async with bench(9) as it:
        it.open(3)
        it.log.errors.extend(
            [
                Unreachable("away"),
                RequestRejected("busy", "Later.", retry=Retry.AFTER, retry_after_ms=1),
            ]
        )
        await it.hear(opened(3, 3), event(9))
        await eventually(lambda: it.rooms.position(ROOM) == 9)
        assert seqs(drain(it.queue)) == [4, 5, 6, 7, 8, 9]


async def test_backpressure_stops_the_intake_and_loses_nothing() -> None:
    async with bench(500, max_queued_events=10, page=50) as it:
        it.open(0)
        await it.hear(opened(0, 500, "limited", 400), *(event(s) for s in range(401, 501)))
        await settle(200)
        assert it.rooms.position(ROOM) == 10
        read: list[int] = []
        async with limit():
            while len(read) < 500:
                read += seqs([await it.queue.get()])
                assert it.queue.free_slots >= 0
        assert read == list(range(1, 501))


async def test_a_reset_is_delivered_in_order() -> None:
    async with bench(9, from_start=True) as it:
        it.open(3)
        await it.hear(opened(3, 4), event(4), opened(3, 9, "reset"), event(10))
        it.log.head = 10
        await settle(100)
        items = drain(it.queue)
        assert items[1] == Reset(ROOM, 0)
        assert seqs(items) == [4, *range(1, 11)]


async def test_a_page_from_before_a_reset_is_void() -> None:
    async with bench(9) as it:
        it.open(5)
        it.log.open.clear()
        await it.hear(opened(5, 5), event(8))
        await it.hear(opened(5, 3, "reset"))
        it.log.open.set()
        await it.hear(event(4), event(5))
        items = drain(it.queue)
        assert items[0] == Reset(ROOM, 3)
        assert seqs(items) == [4, 5], "6 and 7 were of the log before"


async def test_a_page_of_another_epoch_reopens_the_room() -> None:
    async with bench(9) as it:
        it.open(5)
        await it.hear(opened(5, 5))
        it.log.epoch = "another"
        asked = len(it.said(Open))
        await it.hear(event(9))
        await eventually(lambda: len(it.said(Open)) > asked)
        assert it.said(Open)[-1].rooms[0].epoch == EPOCH
        assert seqs(drain(it.queue)) == []


async def test_an_event_missing_in_the_log_reopens_the_room() -> None:
    """Later events are not delivered over the gap."""
    async with bench(5) as it:
        it.open(5)
        await it.hear(opened(5, 5))
        asked = len(it.said(Open))
        await it.hear(event(9))
        await eventually(lambda: len(it.said(Open)) > asked)
        assert it.said(Open)[-1].rooms[0].since == 5
        assert seqs(drain(it.queue)) == []
        await it.hear(opened(5, 3, "reset"))
        assert drain(it.queue) == [Reset(ROOM, 3)]


async def test_pings_are_answered_and_their_heads_detect_gaps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rooms_module, "HEAD_GRACE_S", 0.02)
    async with bench(9) as it:
        it.open(7)
        it.open(7, OTHER)
        await it.hear(opened(7, 7), opened(7, 7, room=OTHER))
        asked = len(it.said(Open))
        heads = [RoomHead(room=ROOM, seq=8), RoomHead(room=OTHER, seq=8)]
        await it.hear(Ping(n=5, heads=heads), event(8, OTHER))
        await eventually(lambda: len(it.said(Open)) > asked)
        await pause(0.1)  # for whoever asks without a need
        assert [pong.n for pong in it.said(Pong)] == [5]
        again = it.said(Open)[asked:]
        assert [(p.room, p.since) for frame in again for p in frame.rooms] == [(ROOM, 7)]


async def test_room_lost_comes_after_the_gap_is_filled() -> None:
    async with bench(9) as it:
        it.open(5)
        await it.hear(opened(5, 5), event(8), RoomClosed(room=ROOM, reason="removed", seq=8))
        await settle(100)
        items = drain(it.queue)
        assert seqs(items) == [6, 7, 8]
        assert items[-1] == RoomLost(ROOM, "removed")
        assert it.rooms.position(ROOM) is None


async def test_room_lost_waits_for_a_slow_reader() -> None:
    async with bench(9, max_queued_events=2) as it:
        it.open(5)
        await it.hear(opened(5, 5), *map(event, (6, 7, 8)), RoomClosed(room=ROOM, reason="left"))
        assert it.rooms.position(ROOM) == 7
        items = [await asyncio.wait_for(it.queue.get(), LIMIT_S) for _ in range(4)]
        assert seqs(items) == [6, 7, 8]
        assert items[-1] == RoomLost(ROOM, "left")


async def test_a_forbidden_gap_ends_the_room() -> None:
    async with bench(9) as it:
        it.open(5)
        it.log.errors.append(RequestRejected("not_found", "There is no such room."))
        await it.hear(opened(5, 5), event(8), RoomClosed(room=ROOM, reason="removed", seq=8))
        await settle(100)
        assert drain(it.queue) == [RoomLost(ROOM, "removed")]


async def test_a_rejected_open_raises() -> None:
    async with bench() as it:
        room = it.open(None)
        await settle()
        asked = it.said(Open)[0]
        await it.hear(error(asked.id, ErrorCode.NOT_FOUND, Retry.NEVER))
        with pytest.raises(RequestRejected, match="detail"):
            await room.opened
        assert drain(it.queue) == []


async def test_a_rate_limited_open_is_retried() -> None:
    async with bench() as it:
        it.open(None)
        it.open(None, OTHER)
        await settle()
        await it.hear(error(it.said(Open)[0].id, ErrorCode.BUSY, Retry.AFTER))
        await eventually(lambda: len(it.said(Open)) > 1)
        again = it.said(Open)[1:]
        assert [[p.room for p in frame.rooms] for frame in again] == [[ROOM]]


async def test_a_closed_and_reopened_room_is_reopened_at_the_server() -> None:
    async with bench() as it:
        it.open(None)
        await it.hear(opened(9, 9))
        it.rooms.close(ROOM)
        it.wake.set()
        await settle()
        it.open(4)
        await it.hear(RoomClosed(room=ROOM, reason="closed"), event(10))
        kinds = [type(frame) for frame in it.wire.sent]
        assert kinds == [Open, Close, Open]
        await it.hear(opened(4, 9), *(event(seq) for seq in range(5, 11)))
        assert seqs(drain(it.queue)) == [5, 6, 7, 8, 9, 10]


async def test_a_message_beyond_the_frame_limit_is_rejected_locally() -> None:
    async with bench() as it:
        answer = it.send_queue.add(SendMessage(room=ROOM, nonce="n", text="ä" * 9000))
        it.wake.set()
        await settle()
        with pytest.raises(RequestRejected) as refused:
            await answer
        assert refused.value.code == ErrorCode.TOO_LARGE
        assert it.wire.sent == []


def error(frame_id: Any, code: ErrorCode, retry: Retry) -> ErrorFrame:
    after = 10 if retry is Retry.AFTER else None
    return ErrorFrame(
        id=frame_id, code=code, retry=retry, retry_after_ms=after, detail="detail", room=ROOM
    )
