"""Slow consumers get everything that they may see, once, or are disconnected, and delay no other
client.

The kernel buffers only a few kilobytes for each socket here, so that little makes a consumer slow.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest

from app.realtime.hub.connection import Connection
from app.realtime.slow_consumers import limits
from app.realtime.slow_consumers.limits import SendDelayTracker
from app.wire.errors import Busy
from app.wire.frames import encode, error_frame
from testkit.answers import assert_ok
from testkit.peer import Peer, Peers
from testkit.people import Person
from testkit.server import limit_send_buffers
from testkit.waiting import eventually, pause
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.hooks import PausedQuery, QueryCounter

LARGE = "🙂" * 3900
# What one room can put into a socket's buffer before it lags: the mark, and one turn.
MOST_WAITING = 64 * 1024 + 3 * 16_000


async def slow_server(start: StartServer, **realtime: float) -> DedicatedServer:
    server = await start(realtime=realtime)
    limit_send_buffers(server.running)
    return server


async def stall(server: DedicatedServer, peer: Peer, room: str, writer: Person) -> Connection:
    """The server's end of a peer that does not read, once it lags in the room and no other peer
    does."""
    peer.stops_reading()
    followed = server.hub.rooms[UUID(room)]
    before, own = lagging(server, room), peer.connection.local_address
    others = [socket for socket in followed.live if socket._writer.client != own]
    while len(lagging(server, room)) == len(before):
        await writer.says(room, LARGE)
        await eventually(lambda: not any(socket.unsent_bytes() for socket in others))
    (end,) = lagging(server, room) - before
    return end


def lagging(server: DedicatedServer, room: str) -> set[Connection]:
    channel = server.hub.rooms[UUID(room)]
    return set(server.realtime.slow_consumers.lagging.get(channel, ()))


def goes_on(peer: Peer) -> None:
    peer.connection.transport.resume_reading()


async def test_a_slow_consumer_gets_everything_once_it_reads(
    start: StartServer, peers: Peers
) -> None:
    server = await slow_server(start)
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("public", bob)
    fast = await peers.join(ada, room)
    slow = await peers.join(bob, room, small_window=True)
    end = await stall(server, slow, room, ada)
    begun = (await ada.room(room))["seq"]
    for number in range(120):
        await ada.says(room, f"{number}" * 100)
    assert end._writer.buffered_bytes() < MOST_WAITING
    await fast.has(room, begun + 120)  # it did not wait
    goes_on(slow)
    await slow.has(room, begun + 120)
    await eventually(lambda: end in server.hub.rooms[UUID(room)].live)
    await ada.says(room, "live again")
    await slow.has(room, begun + 121)
    assert slow.seqs(room) == list(range(4, begun + 122))
    texts = [event["message"]["text"] for event in slow.of("message.created")]
    assert texts[-121:] == [f"{number}" * 100 for number in range(120)] + ["live again"]


async def test_a_consumer_that_is_slow_repeatedly_gets_everything(
    start: StartServer, peers: Peers
) -> None:
    """The rest of the log exceeds the limit of a slow consumer, and grows meanwhile."""
    server = await slow_server(start)
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(3)]
    slow = await peers.join(ada, *rooms, small_window=True)
    (end,) = server.hub.connections
    writing = asyncio.create_task(write(ada, rooms, 25))
    for _ in range(8):
        slow.stops_reading()
        while not end.write_paused:
            await ada.says(rooms[0], LARGE)
        goes_on(slow)
        await asyncio.sleep(0)
    await writing
    for room in rooms:
        head = (await ada.room(room))["seq"]
        await slow.has(room, head)
        assert slow.seqs(room) == list(range(3, head + 1))


async def write(person: Person, rooms: list[str], count: int) -> None:
    for _ in range(count):
        for room in rooms:
            await person.says(room, LARGE)


async def test_slow_consumers_of_one_room_share_backfill_pages(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await slow_server(start)
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("public", bob)
    sockets = [await peers.join(bob, room, small_window=True) for _ in range(8)]
    for peer in sockets:
        peer.stops_reading()
    while len(lagging(server, room)) < 8:
        await ada.says(room, LARGE)
    reads = QueryCounter(server, monkeypatch)
    for number in range(60):
        await ada.says(room, f"{number}")
    assert not reads.count["read_backfill"]
    head = (await ada.room(room))["seq"]
    held = PausedQuery(server, monkeypatch, "read_backfill", before=True)
    for peer in sockets:
        goes_on(peer)
    first = await held.next()
    await eventually(lambda: not any(socket.write_paused for socket in lagging(server, room)))
    first.set()
    for peer in sockets:
        await peer.has(room, head)
        assert peer.seqs(room) == list(range(4, head + 1))
    assert reads.count["read_backfill"] < 8  # one for whoever was the first, then for all together


async def test_a_consumer_far_behind_does_not_delay_others(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await slow_server(start)
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("public", bob)
    last, first = [await peers.join(bob, room, small_window=True) for _ in range(2)]
    await stall(server, last, room, ada)
    for _ in range(60):
        await ada.says(room, "x")
    await stall(server, first, room, ada)
    await ada.says(room, "the newest")
    head = (await ada.room(room))["seq"]
    held = PausedQuery(server, monkeypatch, "read_backfill", times=3)
    goes_on(last)
    reading = await held.next()
    goes_on(first)
    await eventually(lambda: not any(s.write_paused for s in server.hub.connections))
    reading.set()
    (await held.next()).set()  # the second round: one page for each of both
    (await held.next()).set()
    for peer in (first, last):
        await peer.has(room, head)
        assert peer.seqs(room) == list(range(4, head + 1))


async def test_a_removal_ends_a_lagging_subscription_exactly_there(
    start: StartServer, peers: Peers
) -> None:
    server = await slow_server(start)
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("public", bob)
    slow = await peers.join(bob, room, small_window=True)
    end = await stall(server, slow, room, ada)
    await ada.says(room, "one", "two")
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    removed = (await ada.room(room))["seq"]
    await ada.says(room, "not for bob", "nor this")
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    await ada.says(room, "since he is back")
    goes_on(slow)
    closed = await slow.expect("room.closed", room=room)
    assert (closed["reason"], closed["seq"]) == ("removed", removed)
    assert slow.seqs(room) == list(range(4, removed + 1))
    # He is told of the room again, and opens it.
    await slow.lists(room)
    assert UUID(room) not in end.subscriptions
    opened = await slow.opens(room, since=removed)
    await slow.has(room, opened["seq"])
    assert slow.seqs(room) == list(range(4, opened["seq"] + 1))


async def test_a_lagging_subscription_gets_no_message_that_was_changed_after_the_removal(
    start: StartServer, peers: Peers
) -> None:
    server = await slow_server(start)
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("public", bob)
    slow = await peers.join(bob, room, small_window=True)
    await stall(server, slow, room, ada)
    [changed] = await ada.says(room, "one")
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    path = f"/rooms/{room}/messages/{changed}"
    assert_ok(await ada.patch(path, text="secret", version=1))
    goes_on(slow)
    closed = await slow.expect("room.closed", room=room)
    assert closed["seq"] == changed + 1
    assert changed not in slow.seqs(room)


async def test_a_removal_while_a_slow_consumer_opens_the_room(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await slow_server(start)
    ada, bob = await server.person("ada"), await server.person("bob")
    room, loud = await ada.makes_room("public", bob), await ada.makes_room("public", bob)
    slow = await peers.join(bob, loud, small_window=True)
    await stall(server, slow, loud, ada)
    held = PausedQuery(server, monkeypatch, "load_catch_up")
    await slow.send("open", rooms=[{"room": room, "since": 0}])
    opening = await held.next()
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await ada.says(room, "not for bob")
    opening.set()
    goes_on(slow)
    closed = await slow.expect("room.closed", room=room)
    assert closed["seq"] == 4
    await slow.settled()
    assert slow.seqs(room) == [1, 2, 3, 4]


async def test_a_slow_consumer_gets_acks_and_errors(start: StartServer, peers: Peers) -> None:
    """Also the rooms that it opens; a lagging room can be closed and opened again."""
    server = await slow_server(start)
    ada, bob = await server.person("ada"), await server.person("bob")
    room, other = await ada.makes_room("public", bob), await ada.makes_room("public", bob)
    slow = await peers.join(bob, room, small_window=True)
    await stall(server, slow, room, ada)
    await slow.send("message.send", id="s", room=room, nonce="n", text="hi")
    await slow.send("read", id="r", room=other, seq=99)
    await slow.send("nothing", id="e")
    await slow.send("open", id="o", rooms=[{"room": other, "since": 0}])
    await slow.send("close", id="c", rooms=[room])
    await slow.send("open", id="a", rooms=[{"room": room, "since": 3}])
    await eventually(lambda: UUID(other) in server.hub.rooms)
    goes_on(slow)
    for name in "sr":
        await slow.expect("ack", id=name)
    await slow.expect("error", id="e")
    await slow.expect("room.opened", id="o")
    await slow.expect("room.closed", id="c")
    again = await slow.expect("room.opened", id="a")
    head = (await ada.says(room, "after"))[0]
    await slow.has(room, head)
    begin = again.get("resume", 3)
    assert slow.seqs(room)[-(head - begin) :] == list(range(begin + 1, head + 1))
    assert (await ada.says(other, "after"))[0] == 4
    await slow.has(other, 4)
    assert slow.seqs(other) == [1, 2, 3, 4]


async def test_volatile_frames_are_dropped_for_a_slow_consumer(
    start: StartServer, peers: Peers
) -> None:
    server = await slow_server(start)
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    room = await ada.makes_room("public", bob, eve)
    fast = await peers.join(ada, room)
    slow = await peers.join(bob, room, small_window=True)
    slow.stops_reading()
    (end,) = server.hub.by_user[UUID(bob.id)]
    seq = 0
    while end._writer.buffered_bytes() < 17_000:
        (seq,) = await ada.says(room, LARGE)
    assert end in server.hub.rooms[UUID(room)].live
    assert_ok(await eve.put(f"/rooms/{room}/read", seq=seq))
    await fast.expect("read", seq=seq)
    goes_on(slow)
    await slow.has(room, seq)
    await slow.settled()
    assert slow.of("read") == []
    seq = (await ada.says(room, "x"))[0]
    assert_ok(await eve.put(f"/rooms/{room}/read", seq=seq))
    await slow.expect("read", seq=seq)


async def test_list_updates_wait_until_a_slow_consumer_reads(
    start: StartServer, peers: Peers
) -> None:
    server = await slow_server(start)
    ada, bob = await server.person("ada"), await server.person("bob")
    room, other = await ada.makes_room("public", bob), await ada.makes_room("public", bob)
    slow, fast = await peers.join(bob, room, small_window=True), await peers.join(bob)
    await stall(server, slow, room, ada)
    for number in range(1, 4):
        await ada.says(other, "x")
        await fast.lists(other, unread=number)
    goes_on(slow)
    await slow.lists(other)
    assert [entry["unread"] for entry in slow.updates(other)] == [3]


async def test_a_failed_backfill_is_retried(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.realtime.slow_consumers.backfill.RETRY_S", 0.01)
    server = await slow_server(start)
    ada = await server.person()
    room = await ada.makes_room()
    slow = await peers.join(ada, room, small_window=True)
    await stall(server, slow, room, ada)
    (head,) = await ada.says(room, "missed")
    reads = QueryCounter(server, monkeypatch)
    reads.failures["read_backfill"] = [Busy("a test"), RuntimeError("a defect"), Busy("a test")]
    goes_on(slow)
    await slow.has(room, head)
    assert slow.seqs(room) == list(range(3, head + 1))


async def test_a_slow_consumer_that_disconnects_leaves_nothing_behind(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await slow_server(start)
    ada = await server.person()
    room = await ada.makes_room()
    slow = await peers.join(ada, room, small_window=True)
    await stall(server, slow, room, ada)
    await ada.says(room, "missed")
    held = PausedQuery(server, monkeypatch, "read_backfill")
    goes_on(slow)
    reading = await held.next()
    slow.connection.transport.abort()
    await eventually(lambda: not server.hub.connections)
    reading.set()
    await eventually(lambda: not server.running.uvicorn.server_state.tasks)
    assert (server.hub.rooms, server.hub._members) == ({}, {})
    assert server.realtime.slow_consumers.backfill_queue.empty()


# The end of patience.


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TICK_S", 0.05)


@contextmanager
def patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No consumer is disconnected, however long it takes to make one slow."""
    with monkeypatch.context() as patch:
        patch.setattr(limits, "_exceeded_limit", lambda *_: None)
        yield


async def test_a_consumer_that_reads_nothing_is_disconnected(
    often: None, start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await slow_server(start, send_stall_timeout_s=0.5)
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("public", bob)
    fast = await peers.join(ada, room)
    slow = await peers.join(bob, room, small_window=True)
    with patience(monkeypatch):
        end = await stall(server, slow, room, ada)
    await eventually(lambda: end not in server.hub.connections)
    await eventually(lambda: end._writer not in server.running.uvicorn.server_state.connections)
    goes_on(slow)
    assert await slow.closed() in {1006, 4014}
    await fast.settled()
    # It comes back where it was, and has missed nothing.
    position = max(slow.seqs(room), default=3)
    head = (await ada.room(room))["seq"]
    back = await peers.join(bob, (room, position))
    await back.has(room, head)
    assert back.seqs(room) == list(range(position + 1, head + 1))


async def test_a_consumer_that_leaves_a_few_bytes_unread_is_disconnected(
    often: None, start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if no subscription lags: a peer that only sends is disconnected, too."""
    server = await slow_server(start, send_stall_timeout_s=0.5)
    ada = await server.person()
    slow = await peers.join(ada, small_window=True)
    slow.stops_reading()
    (end,) = server.hub.connections
    with patience(monkeypatch):
        for _ in range(200):
            await slow.send("nothing", id="x" * 32)
        await eventually(end._writer.buffered_bytes)
    await eventually(lambda: end not in server.hub.connections)
    assert not end.write_paused


async def test_a_consumer_that_reads_too_slowly_is_disconnected(
    often: None, start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads all the time and never stalls, but the queued bytes get too old."""
    server = await slow_server(start, max_send_delay_s=1)
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("public", bob)
    slow = await peers.join(bob, room, small_window=True)
    with patience(monkeypatch):
        end = await stall(server, slow, room, ada)
    while end in server.hub.connections:
        goes_on(slow)
        await asyncio.sleep(0)
        slow.stops_reading()
        await pause(0.02)
        while end in server.hub.connections and not end.write_paused:
            await ada.says(room, LARGE)


@pytest.mark.setting("CHAT_LIMITS__SEND_BUFFER_BYTES")
async def test_a_consumer_with_a_megabyte_unread_is_disconnected(
    start: StartServer, peers: Peers
) -> None:
    """Only answers to its own frames can fill the buffer that far."""
    server = await start(limits={"send_buffer_bytes": 65536})
    limit_send_buffers(server.running)
    ada = await server.person()
    slow = await peers.join(ada, small_window=True)
    slow.stops_reading()
    (end,) = server.hub.connections
    most = 0
    while end in server.hub.connections:
        await slow.send("nothing", id="x" * 32)
        await asyncio.sleep(0)
        most = max(most, end._writer.buffered_bytes())
    answer = len(encode(error_frame(Busy("x" * 200), "x" * 32)))
    assert most < 65536 + 1000 * answer


def test_the_send_delay_is_the_age_of_the_oldest_byte() -> None:
    waits = SendDelayTracker(0.0)
    waits.sample(0.0, written=100, buffered=100)
    waits.sample(1.0, written=200, buffered=200)
    assert (waits.age_s(1.0), waits.stalled_s(1.0)) == (1.0, 1.0)
    waits.sample(2.0, written=300, buffered=201)  # not all of the first hundred
    assert (waits.age_s(2.0), waits.stalled_s(2.0)) == (2.0, 0.0)
    waits.sample(3.0, written=300, buffered=200)
    assert (waits.age_s(3.0), waits.stalled_s(5.0)) == (2.0, 2.0)
    waits.sample(6.0, written=300, buffered=1)
    assert waits.age_s(6.0) == 4.0


def test_the_send_delay_tracker_does_not_grow_without_writes() -> None:
    waits = SendDelayTracker(0.0)
    for second in range(100):
        waits.sample(float(second), written=100, buffered=100)
    assert len(waits._write_marks) == 1
