"""Presence subscriptions: visibility and changes."""

import asyncio
import time
from uuid import uuid4

import pytest

from app.realtime.hub.connection import VOLATILE_THRESHOLD_BYTES
from app.realtime.presence import updates
from app.wire.errors import Busy
from testkit.answers import assert_ok
from testkit.peer import Frame, Peer, Peers
from testkit.people import UNKNOWN_ID, Person
from testkit.waiting import eventually
from tests.realtime.dedicated_server import StartServer
from tests.realtime.hooks import PausedQuery, QueryCounter


async def watched(peer: Peer, *people: Person | str) -> dict[str, str]:
    """The answer to `presence.subscribe`: states by user, in the order of the request."""
    users = [person if isinstance(person, str) else person.id for person in people]
    answer = await peer.ask("presence.subscribe", users=users)
    assert answer["type"] == "presence", answer
    return states(answer)


def states(frame: Frame) -> dict[str, str]:
    assert all(one.keys() == {"user", "state"} for one in frame["users"])
    return {one["user"]: one["state"] for one in frame["users"]}


def changes(peer: Peer) -> list[dict[str, str]]:
    return [states(frame) for frame in peer.of("presence") if "id" not in frame]


async def told(peer: Peer, person: Person, state: str) -> None:
    """The newest state of this person that the socket received."""

    def newest() -> str | None:
        found = [states(f) for f in peer.of("presence")]
        return next((f[person.id] for f in reversed(found) if person.id in f), None)

    await peer.until(lambda: newest() == state, f"{person.username} {state}")


async def test_a_presence_subscription_returns_current_states(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    await ada.makes_room("private", bob, eve)
    peer = await peers.join(ada)
    await peers.join(bob)
    await watched(peer, ada, bob)
    await told(peer, bob, "online")
    await told(peer, ada, "online")
    found = await watched(peer, eve, bob, ada, bob)
    assert list(found.items()) == [
        (eve.id, "offline"),
        (bob.id, "online"),
        (ada.id, "online"),
    ]
    assert await watched(peer) == {}


async def test_presence_changes_are_sent(start: StartServer, peers: Peers) -> None:
    server = await start(realtime={"presence_grace_s": 0})
    ada, bob = await server.person("ada"), await server.person("bob")
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    assert await watched(peer, bob) == {bob.id: "offline"}
    phone, laptop = await peers.join(bob), await peers.join(bob)
    await told(peer, bob, "online")
    await phone.leave()
    await eventually(lambda: len(server.hub.connections) == 2)
    assert await watched(peer, bob) == {bob.id: "online"}
    await laptop.leave()
    await told(peer, bob, "offline")
    assert changes(peer) == [{bob.id: "online"}, {bob.id: "offline"}]


async def test_a_reconnect_within_the_presence_grace_is_not_sent(
    start: StartServer, peers: Peers
) -> None:
    server = await start(realtime={"presence_grace_s": 3600})
    ada, bob = await server.person("ada"), await server.person("bob")
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    for _ in range(3):
        phone = await peers.join(bob)
        await watched(peer, bob)
        await told(peer, bob, "online")
        await phone.leave()
        await eventually(lambda: len(server.hub.connections) == 1)
        assert await watched(peer, bob) == {bob.id: "online"}
    # Nothing but that he came, which may be after the first answer.
    assert changes(peer) in ([], [{bob.id: "online"}])


async def test_a_disconnected_user_is_offline_after_the_presence_grace(
    start: StartServer, peers: Peers
) -> None:
    server = await start(realtime={"presence_grace_s": 1})
    ada, bob = await server.person("ada"), await server.person("bob")
    await ada.makes_room("private", bob)
    peer, phone = await peers.join(ada), await peers.join(bob)
    await watched(peer, bob)
    await told(peer, bob, "online")
    gone_at = time.monotonic()
    await phone.leave()
    await told(peer, bob, "offline")
    assert time.monotonic() - gone_at >= 1


async def test_presence_is_visible_only_to_users_who_share_a_room(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    await peers.join(bob)
    await peers.join(eve)
    nobody = str(uuid4())
    await watched(peer, bob, eve)
    await told(peer, bob, "online")
    seen = {bob.id: "online", eve.id: "unknown", nobody: "unknown", UNKNOWN_ID: "unknown"}
    assert await watched(peer, bob, eve, nobody, UNKNOWN_ID) == seen
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[eve.id]))
    await told(peer, eve, "online")
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await told(peer, bob, "unknown")
    other = await bob.makes_room("public")
    assert_ok(await ada.post(f"/rooms/{other}/join"))
    await told(peer, bob, "online")


async def test_a_removed_member_does_not_see_the_room_s_members_any_more(
    start: StartServer, peers: Peers
) -> None:
    server = await start(realtime={"presence_grace_s": 0})
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    room = await ada.makes_room("private", bob, eve)
    peer, other = await peers.join(bob), await peers.join(eve)
    assert (await watched(peer, ada, eve))[ada.id] == "offline"
    await told(peer, eve, "online")
    assert await watched(other, ada) == {ada.id: "offline"}
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await told(peer, eve, "unknown")
    await told(peer, ada, "unknown")
    before = len(changes(peer))
    await peers.join(ada)
    await told(other, ada, "online")
    await peer.settled()
    assert len(changes(peer)) == before


async def test_presence_visibility_is_refreshed_regularly(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after changes that this process was not notified of."""
    monkeypatch.setattr(updates, "VISIBILITY_REFRESH_S", 0.5)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    await peers.join(bob)
    await watched(peer, bob)
    await told(peer, bob, "online")
    server.redirect_bus(lambda publication: None)
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await told(peer, bob, "unknown")


async def test_a_presence_subscription_replaces_the_last_one(
    start: StartServer, peers: Peers
) -> None:
    server = await start(realtime={"presence_grace_s": 0})
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    await ada.makes_room("private", bob, eve)
    peer = await peers.join(ada)
    await watched(peer, bob)
    await watched(peer, eve)
    await peers.join(bob)
    await peers.join(eve)
    await told(peer, eve, "online")
    await peer.settled()
    assert all(bob.id not in frame for frame in changes(peer))
    await watched(peer)
    assert not server.realtime.presence.by_user
    assert not server.realtime.presence.states


async def test_a_presence_subscription_to_more_than_200_users_is_refused(
    ada: Person, bob: Person, peers: Peers
) -> None:
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    many = [str(uuid4()) for _ in range(199)]
    found = await watched(peer, *many, bob)
    assert found == dict.fromkeys(many, "unknown") | {bob.id: "offline"}
    error = await peer.ask("presence.subscribe", users=[*many, bob.id, ada.id])
    assert (error["code"], error["errors"][0]["path"]) == ("invalid", "users")
    await peers.join(bob)
    await told(peer, bob, "online")  # the list of before holds


async def test_presence_changes_within_a_tick_are_one_frame(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada = await server.person("ada")
    people = [await server.person(f"p{n}") for n in range(10)]
    await ada.makes_room("private", *people)
    peer = await peers.join(ada)
    await watched(peer, *people)
    began = time.monotonic()
    await asyncio.gather(*(peers.join(person) for person in people))
    for person in people:
        await told(peer, person, "online")
    assert len(changes(peer)) <= 2 + (time.monotonic() - began) / updates.TICK_S


async def test_a_disconnect_leaves_no_presence_subscription(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    await watched(peer, bob, ada)
    await peer.leave()
    watches = server.realtime.presence
    await eventually(lambda: not watches.by_connection)
    kept = (watches.by_user, watches.states, watches.visibility_due, watches.state_due)
    assert [len(some) for some in kept] == [0, 0, 0, 0]
    assert not watches.reply_due
    assert not watches.update_due


async def test_presence_frames_do_not_wait_for_the_database(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    peer = await peers.join(ada, room)
    held = PausedQuery(server, monkeypatch, "_visible_users")
    await peer.send("presence.subscribe", id=1, users=[bob.id])
    go = await held.next()
    await peer.says(room)
    # While it was looked up, another list came: only that one counts.
    await peer.send("presence.subscribe", id=2, users=[ada.id])
    go.set()
    answer = await peer.expect("presence", id=2)
    assert states(answer).keys() == {ada.id}
    await peer.settled()
    assert not [f for f in peer.of("presence") if f.get("id") == 1]


@pytest.mark.parametrize("error", [RuntimeError("a defect"), Busy("no database")], ids=repr)
async def test_presence_is_unknown_while_visibility_cannot_be_read(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    QueryCounter(server, monkeypatch).failures["_visible_users"] = [error]
    assert await watched(peer, bob) == {bob.id: "unknown"}
    await told(peer, bob, "offline")


async def test_a_slow_consumer_is_sent_the_current_presence_later(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(realtime={"presence_grace_s": 0})
    ada, bob = await server.person("ada"), await server.person("bob")
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    await watched(peer, bob)
    await told(peer, bob, "offline")
    before = len(changes(peer))
    socket = await server.socket_of(ada, follows=0)
    buffered = VOLATILE_THRESHOLD_BYTES + 1
    monkeypatch.setattr(type(socket._writer), "buffered_bytes", lambda self: buffered)
    phone = await peers.join(bob)
    watches = server.realtime.presence
    await eventually(lambda: watches.update_due and "online" in watches.states.values())
    await phone.leave()
    await eventually(lambda: "offline" in watches.states.values())
    await peer.settled()
    assert len(changes(peer)) == before
    await peers.join(bob)
    await eventually(lambda: "online" in watches.states.values())
    buffered = 0
    await told(peer, bob, "online")
