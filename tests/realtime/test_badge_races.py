"""Badges that race with removals, rejoins, room lists and lost publications."""

import asyncio
from uuid import UUID

import pytest

from testkit.answers import assert_ok
from testkit.peer import Peer, Peers
from tests.realtime.dedicated_server import StartServer
from tests.realtime.hooks import LossyBus, PausedQuery, QueryCounter
from tests.realtime.test_removal import after


async def test_a_count_from_before_the_removal_is_not_sent_after_it(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(bob, room)
    held = PausedQuery(server, monkeypatch, "_badges")
    await ada.says(room, "hi")
    await peer.ask("read", room=room, seq=4)
    counting = await held.next()
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    closed = await peer.expect("room.closed")
    counting.set()
    await ada.says(other, "counted later")
    await peer.expect("room.bumped")
    assert [b["room"] for f in after(peer, closed) for b in f.get("rooms", [])] == [other]
    assert UUID(room) not in next(iter(server.hub.connections)).member_rooms


async def test_a_count_from_before_the_return_does_not_close_the_room(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    held = PausedQuery(server, monkeypatch, "_badges")
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    counting = await held.next()
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    assert (await peer.opens(room, since=5))["state"] == "ok"
    counting.set()
    await ada.says(room, "hi")
    await ada.says(other, "counted later")
    await peer.expect("room.bumped")
    assert peer.seqs(room) == [6]
    assert peer.of("room.closed") == []


@pytest.mark.parametrize("reason", ["left", "removed"])
async def test_the_reason_for_a_closed_room_is_known_although_the_event_was_lost(
    start: StartServer, peers: Peers, reason: str
) -> None:
    server = await start()  # without a change poll
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await bob.says(room, "hi")
    peer = await peers.join(bob)
    LossyBus(server, drops_all=True)
    if reason == "left":
        assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    else:
        assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    server.hub.notify_counts_changed(UUID(room))
    assert (await peer.expect("room.closed", room=room))["reason"] == reason


async def test_a_member_who_opens_a_room_gets_its_badge_although_the_join_event_was_lost(
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
    assert (await peer.expect("room.bumped"))["rooms"][0]["unread"] == 1


async def test_late_publications_of_a_room_opened_meanwhile_update_its_badge(
    start: StartServer, peers: Peers
) -> None:
    """A client that opens the room reads it before the publication arrives. Members who have it
    closed still get the badge, and joins and leaves."""
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
    assert (await peer.expect("room.bumped"))["rooms"][0] | {"seq": 0, "read_seq": 0} == {
        "room": room,
        "seq": 0,
        "read_seq": 0,
        "unread": 1,
        "mentions": 0,
    }
    await removed.expect("room.closed", room=room)
    assert (await added.expect("room.bumped"))["rooms"][0]["room"] == other


async def test_badges_are_sent_after_the_room_list_that_they_are_newer_than(
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
    await ada.says(room, "counted, but not in the list")
    counted = asyncio.create_task(reads.until("_badges"))
    await ada.says(elsewhere, "so that something is counted")
    await counted
    listing.set()
    bump = await peer.expect("room.bumped")
    assert bump["rooms"][0]["unread"] == 1
    order = [frame["type"] for frame in peer.frames if frame["type"] != "ping"]
    assert order == ["welcome", "rooms", "room.bumped"]


async def test_a_removal_that_is_published_again_closes_the_room_once(
    start: StartServer, peers: Peers
) -> None:
    """The bus may be later than the log, and may repeat itself. It does not matter whether the room
    was open."""
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
        for peer in (opened, closed):
            await peer.until(lambda: other in bumped_rooms(peer))  # noqa: B023 - awaited here
            assert len(peer.of("room.closed", room=room)) == 1, number


def bumped_rooms(peer: Peer) -> set[str]:
    return {badge["room"] for frame in peer.of("room.bumped") for badge in frame["rooms"]}
