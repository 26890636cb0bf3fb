"""Read markers that move fast are few commits; marking as unread is seen by the user's sockets."""

import asyncio
import time
from typing import Any

import pytest

from app.application import paced_commits
from app.messages import read_markers
from app.messages.read_markers import ReadMarkerQueue
from app.messages.service import mark_read
from app.persistence.repositories.room_lists import RoomListRow
from app.wire.user_events import UserEventType
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from testkit.server import HOUR_MS, TestServer, new_session
from testkit.waiting import eventually
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.user_logs import user_log

TEXTS = [str(n) for n in range(4, 24)]


async def moves(server: TestServer, person: Person) -> int:
    events = await user_log(server.context.database, person)
    return sum(event.type == UserEventType.ROOM_READ for event in events)


def queue_of(server: DedicatedServer) -> ReadMarkerQueue:
    queue: ReadMarkerQueue = server.running.context.mark_read.__self__  # type: ignore[attr-defined]
    return queue


def waiting_seqs(server: DedicatedServer) -> list[int]:
    return [queued.value for queued in queue_of(server)._moves._queued.values()]


def is_locked_twice(server: DedicatedServer) -> bool:
    """One commit is going on, and another one waits for it."""
    [lock] = queue_of(server)._moves._locks.values()
    return lock.locked() and bool(lock._waiters)


async def test_moves_of_a_marker_within_a_second_are_two_commits(
    server: TestServer, ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, *TEXTS)
    begun = time.monotonic()
    answers = await asyncio.gather(
        *(bob.put(f"/rooms/{room}/read", seq=seq) for seq in range(4, 14))
    )
    seqs = [assert_ok(answer)["seq"] for answer in answers]
    # All but the first, which is any of them, are answered with the highest.
    assert sorted(seqs)[1:] == [13] * 9
    assert (await bob.room(room))["read_seq"] == 13
    assert await moves(server, bob) <= 2 + (time.monotonic() - begun)


async def test_moves_of_a_marker_on_a_socket_are_answered_with_the_highest(
    server: TestServer, ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, *TEXTS)
    peer, writer = await peers.join(bob, room), await peers.join(ada, room)
    begun = time.monotonic()
    for seq in range(4, 14):
        await peer.send("read", id=seq, room=room, seq=seq)
    for seq in range(4, 14):
        assert (await peer.expect("ack", id=seq))["seq"] >= seq
    await writer.expect("read", seq=13)
    assert await moves(server, bob) <= 2 + (time.monotonic() - begun)
    assert len(writer.of("read")) <= 2 + (time.monotonic() - begun)


async def test_a_marker_that_waits_does_not_keep_the_later_frames_of_its_socket_waiting(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced_commits, "INTERVAL_S", HOUR_MS / 1000)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, *TEXTS)
    peer = await peers.join(bob)
    for seq in range(4, 14):
        await peer.send("read", id=seq, room=room, seq=seq)
    assert (await peer.says(room, "goes on"))["seq"] == 24
    await peer.expect("ack", id=4)
    await queue_of(server).close()
    for seq in range(5, 14):
        assert (await peer.expect("ack", id=seq))["seq"] == 24  # who writes has read
    assert await moves(server.running, bob) <= 1  # none if the message was first


async def test_markers_of_other_rooms_and_users_do_not_wait(
    start: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced_commits, "INTERVAL_S", HOUR_MS / 1000)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    rooms = [await ada.makes_room("private", bob) for _ in range(3)]
    for room in rooms:
        await ada.says(room, "4", "5")
        assert assert_ok(await bob.put(f"/rooms/{room}/read", seq=4))["seq"] == 4
        assert_ok(await ada.post(f"/rooms/{room}/unread", seq=4))
    assert waiting_seqs(server) == []


async def test_marking_as_unread_wins_over_moves_that_wait(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those are committed and answered first."""
    monkeypatch.setattr(paced_commits, "INTERVAL_S", HOUR_MS / 1000)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, *TEXTS)
    writer = await peers.join(ada, room)
    assert assert_ok(await bob.put(f"/rooms/{room}/read", seq=5))["seq"] == 5
    waiting = [asyncio.create_task(bob.put(f"/rooms/{room}/read", seq=seq)) for seq in (9, 11, 10)]
    await eventually(lambda: waiting_seqs(server) == [11])
    unread = assert_ok(await bob.post(f"/rooms/{room}/unread", seq=8))
    assert unread == {"seq": 7, "unread": 16, "mentions": 0}
    assert [assert_ok(await one)["seq"] for one in waiting] == [11] * 3
    assert (await bob.room(room))["read_seq"] == 7
    assert await moves(server.running, bob) == 3
    await writer.expect("read", seq=11)
    await writer.settled()
    assert [frame["seq"] for frame in writer.of("read")] == [5, 11]


async def test_marking_as_unread_waits_for_a_move_that_is_being_committed(
    start: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client need not wait for the answer to the move."""
    begun, release = asyncio.Event(), asyncio.Event()

    async def mark_read_late(*args: Any) -> RoomListRow:
        begun.set()
        await release.wait()
        return await mark_read(*args)

    monkeypatch.setattr(read_markers, "mark_read", mark_read_late)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, *TEXTS)
    move = asyncio.create_task(bob.put(f"/rooms/{room}/read", seq=11))
    await begun.wait()
    unread = asyncio.create_task(bob.post(f"/rooms/{room}/unread", seq=8))
    await eventually(lambda: is_locked_twice(server))
    release.set()
    assert assert_ok(await move)["seq"] == 11
    assert assert_ok(await unread)["seq"] == 7
    assert (await bob.room(room))["read_seq"] == 7


async def test_a_stop_of_the_server_commits_the_moves_that_wait(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a request, which is answered, and of a socket, which is closed."""
    monkeypatch.setattr(paced_commits, "INTERVAL_S", 10.0)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    rooms = [await ada.makes_room("private", bob) for _ in range(2)]
    for room in rooms:
        await ada.says(room, *TEXTS)
        assert_ok(await bob.put(f"/rooms/{room}/read", seq=5))
    peer = await peers.join(bob)
    await peer.send("read", room=rooms[0], seq=9)
    await eventually(lambda: waiting_seqs(server) == [9])
    request = asyncio.create_task(bob.put(f"/rooms/{rooms[1]}/read", seq=11))
    await eventually(lambda: waiting_seqs(server) == [9, 11])
    await server.running.stop()
    assert assert_ok(await request)["seq"] == 11
    await server.running.start()
    assert [(await bob.room(room))["read_seq"] for room in rooms] == [9, 11]


async def test_a_refused_move_is_refused_for_all_that_wait(
    start: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced_commits, "INTERVAL_S", HOUR_MS / 1000)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, *TEXTS)
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=5))
    waiting = [asyncio.create_task(bob.put(f"/rooms/{room}/read", seq=seq)) for seq in (9, 11)]
    await eventually(lambda: waiting_seqs(server) == [11])
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await queue_of(server).close()
    assert [(await one).status_code for one in waiting] == [404, 404]


async def test_marking_as_unread_reaches_the_other_sockets_of_the_user_only(
    start: StartServer, peers: Peers
) -> None:
    """Forward it is a `read` for the others who have the room open; back it is not."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, "4", f"5 @{bob.username}", "6")
    closed, opened = (
        await peers.join(bob),
        await peers.join(await new_session(server.running, bob), room),
    )
    writer, away = await peers.join(ada, room), await peers.join(ada)
    assert_ok(await bob.post(f"/rooms/{room}/unread", seq=7))
    for peer in (closed, opened):
        await peer.lists(room, read_seq=6, unread=0, mentions=0)
    await writer.expect("read", user=bob.id, seq=6)
    assert_ok(await bob.post(f"/rooms/{room}/unread", seq=5))
    for peer in (closed, opened):
        await peer.lists(room, read_seq=4, unread=2, mentions=1)
        assert peer.of("read") == []
    await writer.settled()
    await away.settled()
    assert [frame["seq"] for frame in writer.of("read")] == [6]
    assert not away.updates(room)


async def test_a_message_moves_the_marker_on_the_senders_other_sockets(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, f"@{bob.username}")
    other = await peers.join(bob)
    await bob.says(room, "who writes has read")
    await other.lists(room, seq=5, read_seq=5, unread=0, mentions=0)
