"""Updates of the list of rooms that race with removals, rejoins, hellos and lost publications."""

import asyncio
from uuid import UUID

import pytest

from testkit.answers import assert_ok
from testkit.peer import Peers
from tests.realtime.dedicated_server import StartServer
from tests.realtime.hooks import LossyBus, PausedQuery, QueryCounter
from tests.realtime.test_removal import after


async def test_an_entry_from_before_the_removal_is_not_sent_after_it(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(bob, room)
    held = PausedQuery(server, monkeypatch, "_entries")
    await ada.says(room, "hi")
    await peer.ask("read", room=room, seq=4)
    counting = await held.next()
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    closed = await peer.expect("room.closed")
    counting.set()
    await ada.says(other, "listed later")
    await peer.lists(other, unread=1)
    later = [entry["room"] for frame in after(peer, closed) for entry in frame.get("rooms", [])]
    assert set(later) == {other}
    assert UUID(room) not in next(iter(server.hub.connections)).member_rooms


async def test_an_update_from_before_the_return_does_not_close_the_room(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    held = PausedQuery(server, monkeypatch, "_entries")
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    counting = await held.next()
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    assert (await peer.opens(room, since=5))["state"] == "ok"
    counting.set()
    await ada.says(room, "hi")
    await ada.says(other, "listed later")
    await peer.lists(other, unread=1)
    assert peer.seqs(room) == [6]
    assert peer.of("room.closed") == []
    assert not peer.gone(room)


async def test_a_member_who_opens_a_room_gets_its_entry_although_the_join_event_was_lost(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room()
    peer = await peers.join(bob)
    loss = LossyBus(server, drops_all=True)
    await bob.post(f"/rooms/{room}/join")
    loss.drops_all = False
    await peer.opens(room)
    await peer.ask("close", rooms=[room])
    await ada.says(room, "hi")
    await peer.lists(room, unread=1)


async def test_late_publications_of_a_room_opened_meanwhile_update_its_entry(
    start: StartServer, peers: Peers
) -> None:
    """A client that opens the room reads it before the publication arrives. Members who have it
    closed still get the entry, and joins and leaves."""
    server = await start()
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    room = await ada.makes_room("private", bob, eve)
    other = await ada.makes_room("private")
    peer, removed, added = await peers.join(bob), await peers.join(eve), await peers.join(eve)
    loss = LossyBus(server, drops_all=True)
    await ada.says(room, "hi")
    await ada.delete(f"/rooms/{room}/members/{eve.id}")
    await ada.post(f"/rooms/{other}/members", users=[eve.id])
    await peers.join(ada, room, other)
    for publication in loss.dropped:
        server.hear(publication)
    await peer.lists(room, unread=1, mentions=0)
    await removed.loses(room)
    await added.lists(other)


async def test_updates_are_sent_after_the_room_list_that_they_are_newer_than(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(realtime={"badge_interval_ms": 10})
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    witness = await server.person("eve")
    elsewhere = await ada.makes_room("private", witness)
    await peers.join(witness)
    held, reads = (
        PausedQuery(server, monkeypatch, "load_room_list"),
        QueryCounter(server, monkeypatch),
    )
    peer = await peers.dial(server.url)
    await peer.send("hello", token=bob.access)
    listing = await held.next()
    await ada.says(room, "not in the list that was read")
    updated = asyncio.create_task(reads.until("_entries"))
    await ada.says(elsewhere, "so that an update is read")
    await updated
    listing.set()
    await peer.lists(room, unread=1)
    (listed, *_) = lists = peer.of("rooms")
    assert listed["full"]
    assert [entry["unread"] for entry in listed["rooms"]] == [0]
    assert not any(frame["full"] for frame in lists[1:])


async def test_a_removal_that_is_published_again_closes_the_room_once(
    start: StartServer, peers: Peers
) -> None:
    """The bus may be later than the log, and may repeat itself."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    opened, closed = await peers.join(bob, room), await peers.join(bob)
    loss = LossyBus(server, drops_all=True)
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    loss.drops_all = False
    for number in range(3):
        for publication in loss.dropped:
            server.hear(publication)
        other = await ada.makes_room("private", bob)
        for peer, closings in ((opened, 1), (closed, 0)):
            await peer.lists(other)
            await peer.loses(room)
            assert len(peer.of("room.closed", room=room)) == closings, number
            assert not peer.updates(room)
