"""What one iteration of the event loop writes, and in which order."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.core.actor import Actor
from app.core.clock import now
from app.realtime.hub.connection import Connection, RoomChannel, Subscription
from app.realtime.transport import write_coalescer as turn_module
from app.realtime.transport.write_coalescer import WriteCoalescer

pytestmark = pytest.mark.embedded


class Writer:
    """An output that accepts everything at once."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write_frames(self, frames: bytes) -> None:
        self.writes.append(frames)

    def buffered_bytes(self) -> int:
        return 0


def follow(turn: WriteCoalescer, room: RoomChannel) -> Writer:
    out: Any = Writer()
    actor = Actor(uuid4(), UUID(int=9), is_admin=False, expires_at=now())
    socket = Connection(out, actor, 0.0, turn.schedule)
    room.live[socket] = Subscription(socket, room)
    writer: Writer = out
    return writer


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_frames_of_one_loop_iteration_leave_in_one_write() -> None:
    turn, room, other = WriteCoalescer(1000), RoomChannel(uuid4()), RoomChannel(uuid4())
    writer = follow(turn, room)
    socket = next(iter(room.live))
    other.live[socket] = Subscription(socket, other)
    turn.add(room, b"a")
    turn.add(room, b"b")
    turn.add(other, b"c")
    socket.send_raw(b"ack")
    await turns(3)
    [written] = writer.writes
    assert sorted(written.decode().replace("ack", "!")) == ["!", "a", "b", "c"]


async def test_an_ack_leaves_together_with_its_event() -> None:
    """The send learns of its COMMIT one iteration after the publication."""
    turn, room = WriteCoalescer(1000), RoomChannel(uuid4())
    writer = follow(turn, room)
    socket = next(iter(room.live))
    turn.add(room, b"event")
    asyncio.get_running_loop().call_soon(socket.send_raw, b"ack")
    await turns(3)
    assert len(writer.writes) == 1


async def test_a_large_room_is_written_in_slices_between_other_rooms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turn_module, "SLICE_SIZE", 10)
    turn, large, small = WriteCoalescer(1000), RoomChannel(uuid4()), RoomChannel(uuid4())
    crowd = [follow(turn, large) for _ in range(35)]
    few = follow(turn, small)
    turn.add(large, b"large")
    turn.flush()
    assert sum(len(writer.writes) for writer in crowd) == 10
    turn.add(small, b"small")
    turn.add(large, b"again")
    turn.flush()
    assert few.writes == [b"small"]
    assert sum(len(writer.writes) for writer in crowd) == 20
    await turns(20)
    assert {b"".join(writer.writes) for writer in crowd} == {b"largeagain"}
    # Who waited for a slice has had both at once.
    assert sum(len(writer.writes) == 1 for writer in crowd) == 25
