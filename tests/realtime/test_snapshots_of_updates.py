"""The snapshot of an update of the list is as good as that of `hello`."""

import pytest

from testkit.answers import assert_ok
from testkit.peer import Peer, Peers
from testkit.people import Person
from testkit.waiting import eventually
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.hooks import LossyBus, PausedQuery
from tests.realtime.room_lists import ListReplica, differences, entries, gone, listed

POLLING = {"change_poll_interval_ms": 100, "change_poll_interval_degraded_ms": 50}


@pytest.fixture
async def server(start: StartServer, no_overlap: None) -> DedicatedServer:
    """Its snapshots become newer with each poll, and nothing is listed that did not change."""
    return await start(realtime=POLLING)


def snapshots(peer: Peer) -> list[str]:
    return [frame["snapshot"] for frame in peer.list_updates() if "snapshot" in frame]


async def newer_snapshot(writer: Person, reader: Person, peer: Peer, *rooms: str) -> str:
    """The snapshot of an update after everything that has happened in these rooms: there is one
    as soon as the first message of the last room that is after a poll is sent."""

    async def is_newer() -> bool:
        before = len(snapshots(peer))
        await writer.says(rooms[-1], "an update, please")
        await peer.until(lambda: len(snapshots(peer)) > before)
        frames = await listed(reader, snapshots(peer)[-1])
        assert not frames[0]["full"]
        return not entries(frames).keys() & set(rooms[:-1])

    await eventually(is_newer)
    return snapshots(peer)[-1]


async def test_a_hello_with_the_snapshot_of_an_update_gets_what_changed_after_it(
    server: DedicatedServer, peers: Peers
) -> None:
    ada, bob = await server.person("ada"), await server.person("bob")
    said, named, read, left, removed, again, same, busy = [
        await ada.makes_room("private", bob, name=name) for name in "abcdefgh"
    ]
    await ada.says(read, "to be read")
    peer = await peers.join(bob)
    replica = ListReplica()
    rooms = (said, named, read, left, removed, again, same, busy)
    snapshot = await newer_snapshot(ada, bob, peer, *rooms)
    replica.apply(peer.of("rooms"))
    assert replica.snapshot == snapshot
    await peer.leave()
    await ada.says(said, "hi")
    assert_ok(await ada.patch(f"/rooms/{named}", name="new name"))
    assert_ok(await bob.put(f"/rooms/{read}/read", seq=4))
    assert_ok(await bob.post(f"/rooms/{left}/leave"), 204)
    assert_ok(await ada.delete(f"/rooms/{removed}/members/{bob.id}"), 204)
    assert_ok(await ada.delete(f"/rooms/{again}/members/{bob.id}"), 204)
    assert_ok(await ada.post(f"/rooms/{again}/members", users=[bob.id]))
    new = await ada.makes_room("direct", bob)
    frames = await listed(bob, snapshot)
    assert not frames[0]["full"]
    assert entries(frames).keys() - {busy} == {said, named, read, again, new}
    assert gone(frames) == {left, removed}
    replica.apply(frames)
    assert differences(replica, await listed(bob)) == []


async def test_what_changes_while_an_update_is_read_is_after_its_snapshot(
    server: DedicatedServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the user alone, and of the room: the update has neither."""
    ada, bob = await server.person("ada"), await server.person("bob")
    room, marked = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    (said,) = await ada.says(marked, "to be read")
    peer = await peers.join(bob)
    replica = ListReplica()
    held = PausedQuery(server, monkeypatch, "_entries")
    await ada.says(room, "one")
    updating = await held.next()
    assert_ok(await bob.put(f"/rooms/{marked}/read", seq=said))
    await ada.says(room, "two")
    polled = server.realtime.delivery.checked_at
    await eventually(lambda: server.realtime.delivery.checked_at != polled)
    # The next update would repair it.
    server.realtime.room_list.state.stale.clear()
    updating.set()
    await peer.lists(room, seq=4)
    replica.apply(peer.of("rooms"))
    await peer.leave()
    replica.apply(await listed(bob, replica.snapshot))
    assert replica.rooms[marked]["read_seq"] == said
    assert differences(replica, await listed(bob)) == []


async def test_an_event_that_was_lost_is_after_the_snapshots_of_updates(
    start: StartServer, no_overlap: None, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing finds the lost event: the position of the user's log stays before it, although later
    events come."""
    server = await start(realtime=POLLING)
    ada, bob = await server.person("ada"), await server.person("bob")
    lost, heard = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    for room in (lost, heard):
        await ada.says(room, "to be read")
    peer = await peers.join(bob)
    await newer_snapshot(ada, bob, peer, lost, heard)
    monkeypatch.setattr(server.realtime.delivery.user_logs, "compare", _compare_nothing)
    loss = LossyBus(server, drops_all=True)
    assert_ok(await bob.put(f"/rooms/{lost}/read", seq=4))
    loss.drops_all = False
    for seq in (4, 5):
        assert_ok(await bob.put(f"/rooms/{heard}/read", seq=seq))
        await peer.lists(heard, read_seq=seq)
    assert not any(entry["read_seq"] == 4 for entry in peer.updates(lost))
    assert lost in entries(await listed(bob, snapshots(peer)[-1]))


async def _compare_nothing(*_: object) -> None:
    pass


async def test_an_update_has_no_snapshot_unless_rooms_were_compared_lately(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A publication of a room may have been lost since: only the poll would find that."""
    server = await start(realtime=POLLING)
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    await eventually(lambda: server.realtime.delivery.checked_at)
    await ada.says(room, "hello")
    await peer.lists(room, seq=4)
    assert snapshots(peer)
    before = len(snapshots(peer))
    monkeypatch.setattr("app.realtime.delivery.delivery.MAX_CHECK_AGE_S", -1.0)
    await ada.says(room, "hello")
    await peer.lists(room, seq=5)
    assert len(snapshots(peer)) == before


async def test_the_snapshot_of_an_update_is_not_after_mentions_in_an_open_room(
    server: DedicatedServer, peers: Peers
) -> None:
    """A client cannot tell from events whether it was mentioned. It may come back without opening
    the room again."""
    ada, bob = await server.person("ada"), await server.person("bob")
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(bob, room)
    replica = ListReplica()
    await ada.says(room, f"@{bob.username}")
    await peer.has(room, 4)
    delivery = server.realtime.delivery
    for _ in range(2):
        checked_at = delivery.checked_at
        await eventually(lambda: delivery.checked_at != checked_at)  # noqa: B023 - awaited here
    await ada.says(other, "an update, please")
    await peer.lists(other, seq=4)
    replica.apply(peer.of("rooms"))
    await peer.leave()
    replica.apply(await listed(bob, replica.snapshot))
    assert replica.rooms[room]["mentions"] == 1
