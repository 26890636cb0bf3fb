"""A member who is removed while a room is being opened sees no more than one who is removed
later."""

from typing import Any
from uuid import UUID

import pytest

from app.persistence.repositories.memberships import Memberships
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from tests.realtime.dedicated_server import StartServer
from tests.realtime.hooks import PausedQuery
from tests.realtime.test_removal import check_farewell


@pytest.mark.parametrize("room_is_open", [True, False], ids=["open", "not open"])
async def test_a_removal_during_catch_up_is_the_last_event(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch, *, room_is_open: bool
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, "missed")
    peer = await peers.join(bob)
    if room_is_open:
        await peers.join(ada, room)
    held = PausedQuery(server, monkeypatch, "load_catch_up")
    await peer.send("open", id="o", rooms=[{"room": room, "since": 0}])
    reading = await held.next()
    await ada.says(room, "during")
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await ada.says(room, "after")
    reading.set()
    await peer.expect("room.opened", seq=4)
    await peer.expect("room.closed")
    await peer.settled()
    assert check_farewell(peer, room, 1, "removed") == 6


async def go(ada: Person, bob: Person, room: str, reason: str) -> None:
    if reason == "left":
        assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    else:
        assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)


@pytest.mark.parametrize("reason", ["removed", "left"])
@pytest.mark.parametrize("kind", ["private", "public"])
@pytest.mark.parametrize("by_hello", [True, False], ids=["hello", "open"])
async def test_a_removal_before_the_catch_up_is_read_is_the_last_event(
    start: StartServer,
    peers: Peers,
    monkeypatch: pytest.MonkeyPatch,
    *,
    kind: str,
    reason: str,
    by_hello: bool,
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room(kind, bob)
    await ada.says(room, "missed")
    held = PausedQuery(server, monkeypatch, "load_catch_up", before=True)
    position = {"room": room, "since": 2}
    if by_hello:
        peer = await peers.dial(server.url)
        await peer.send("hello", id="o", token=bob.access, rooms=[position])
    else:
        peer = await peers.join(bob)
        await peer.send("open", id="o", rooms=[position])
    reading = await held.next()
    await go(ada, bob, room, reason)
    await ada.says(room, "after")
    reading.set()
    await peer.expect("room.opened", id="o", seq=5, state="ok", **{"from": 2})
    await peer.expect("room.closed")
    await ada.says(room, "later")
    await peer.settled()
    assert check_farewell(peer, room, 3, reason) == 5
    assert not server.hub.rooms
    assert not any(server.hub.member_connections(UUID(room)))


async def test_a_member_who_comes_back_after_the_removal_gets_it_once(
    start: StartServer, peers: Peers
) -> None:
    """From a position before the removal; from a later one, or without one, the room is not
    found."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, "missed")
    await go(ada, bob, room, "removed")
    await ada.says(room, *"abc")
    peer = await peers.join(bob)
    assert (await peer.opens(room, since=3))["state"] == "ok"
    await peer.expect("room.closed", seq=5, reason="removed")
    await peer.settled()
    assert check_farewell(peer, room, 4, "removed") == 5
    for since in (5, 6, 8, 9, 2**53 - 1, None):
        assert (await peer.opens(room, since=since))["code"] == "not_found"
    eve = await peers.join(await server.person("eve"))
    assert (await eve.opens(room, since=0))["code"] == "not_found"
    assert (await bob.get(f"/rooms/{room}/events")).status_code == 404


async def test_a_long_catch_up_to_the_removal_is_limited(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"catchup_events_per_room": 10})
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, *map(str, range(20)))
    await go(ada, bob, room, "removed")
    await ada.says(room, *map(str, range(20)))
    peer = await peers.join(bob)
    opened = await peer.opens(room, since=0)
    assert (opened["state"], opened["from"], opened["seq"]) == ("limited", 0, 24)
    assert opened["resume"] == 19
    await peer.expect("room.closed", seq=24)
    await peer.settled()
    assert check_farewell(peer, room, 20, "removed") == 24


async def test_members_and_removed_members_catch_up_in_one_batch(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each gets its own events, although one query reads for both."""
    server = await start()
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    room, other = await ada.makes_room("private", bob, eve), await ada.makes_room("private", bob)
    await go(ada, bob, room, "removed")
    await go(ada, eve, room, "left")
    await ada.says(room, "after")
    held = PausedQuery(server, monkeypatch, "load_catch_up", before=True)
    sockets = [await peers.dial(server.url) for _ in range(3)]
    positions = [{"room": room, "since": 2}, {"room": other, "since": 2}]
    for peer, person in zip(sockets, (ada, bob, eve), strict=True):
        await peer.send("hello", token=person.access, rooms=positions)
        await peer.expect("rooms")
    (await held.next()).set()
    of_ada, of_bob, of_eve = sockets
    await of_ada.has(room, 7)
    await of_bob.expect("room.closed", room=room)
    await of_eve.expect("room.closed", room=room)
    assert (await of_eve.expect("error", room=other))["code"] == "not_found"
    assert of_ada.seqs(room) == [3, 4, 5, 6, 7]
    assert check_farewell(of_bob, room, 3, "removed") == 5
    assert check_farewell(of_eve, room, 3, "left") == 6
    await of_bob.has(other, 3)
    assert of_bob.of("room.closed", room=other) == []


async def test_a_rejoin_between_the_catch_up_queries_is_reported_by_an_entry(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user was no member, and now the removal is over: nothing can be read up to it. The entry
    shows the new membership."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    await go(ada, bob, room, "removed")
    await peer.loses(room)
    assert not peer.updates(room)
    ended_extents = Memberships.ended_extents

    async def later(self: Memberships, pairs: Any) -> Any:
        monkeypatch.undo()
        assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
        return await ended_extents(self, pairs)

    monkeypatch.setattr(Memberships, "ended_extents", later)
    assert (await peer.opens(room, since=2))["code"] == "not_found"
    await peer.lists(room)
    assert (await peer.opens(room, since=2))["state"] == "ok"
    await peer.has(room, 5)
    assert peer.seqs(room) == [3, 4, 5]


async def test_a_removal_and_rejoin_during_catch_up_do_not_evict(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log already contains the rejoin; a later removal evicts."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await peers.join(ada, room)
    peer = await peers.join(bob)
    held = PausedQuery(server, monkeypatch, "load_catch_up", before=True)
    await peer.send("open", id="o", rooms=[{"room": room, "since": 3}])
    reading = await held.next()
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await ada.says(room, "while away")
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    reading.set()
    await peer.expect("room.opened", seq=6, state="ok")
    await ada.says(room, "live")
    await peer.has(room, 7)
    await peer.settled()
    assert peer.seqs(room) == [4, 5, 6, 7]
    assert peer.of("room.closed") == []
    # It counts as a member's socket, too.
    await peer.ask("close", rooms=[room])
    await ada.says(room, "counted")
    await peer.lists(room, seq=8)
    assert peer.entry(room)["unread"] >= 1


async def test_two_removals_during_catch_up_evict_at_the_first(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events between two removals after the log was read are not sent."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await peers.join(ada, room)
    peer = await peers.join(bob)
    held = PausedQuery(server, monkeypatch, "load_catch_up")
    await peer.send("open", id="o", rooms=[{"room": room, "since": 3}])
    reading = await held.next()
    for _ in range(2):
        assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
        await ada.says(room, "while away")
        assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    reading.set()
    await peer.expect("room.closed")
    await peer.settled()
    assert check_farewell(peer, room, 4, "removed") == 4
