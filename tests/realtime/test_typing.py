"""Typing indicators, for members who have the room open."""

from datetime import timedelta
from uuid import UUID

import pytest

from app.core.clock import now
from app.core.publications import Publication
from app.realtime.typing import indicator, state
from app.wire.events import PublicationKind
from testkit.answers import assert_ok
from testkit.peer import Frame, Peer, Peers
from testkit.people import Person
from testkit.waiting import eventually, pause
from tests.realtime.dedicated_server import DedicatedServer, StartServer


@pytest.fixture(autouse=True)
def _quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indicator, "TICK_S", 0.02)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Typing does not expire on a slow machine."""
    monkeypatch.setattr(state, "TYPING_TTL_S", 3600.0)


async def types(peer: Peer, room: str) -> None:
    await peer.send("typing", room=room)


async def shows(peer: Peer, room: str, *people: Person) -> Frame:
    """Return once the newest list has these users."""
    users = {person.id for person in people}

    def newest() -> Frame | None:
        frames = peer.of("typing", room=room)
        return frames[-1] if frames and set(frames[-1]["users"]) == users else None

    await peer.until(newest, f"typing {[person.username for person in people]}")
    found = newest()
    assert found is not None
    return found


async def test_typing_is_sent_to_other_members(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob, eve)
    sockets = [await peers.join(person, room) for person in (ada, bob, eve)]
    second, closed = await peers.join(ada, room), await peers.join(eve)
    await types(sockets[0], room)
    for peer in sockets[1:]:
        assert await shows(peer, room, ada) == {
            "type": "typing",
            "room": room,
            "users": [ada.id],
            "ttl_ms": 6000,
        }
    await types(sockets[1], room)
    await shows(sockets[2], room, ada, bob)
    await shows(sockets[0], room, bob)
    await shows(second, room, bob)
    for peer in (sockets[0], second):
        assert all(ada.id not in frame["users"] for frame in peer.of("typing"))
    assert closed.of("typing") == []
    assert len(await ada.log(room)) == 4, "nothing of it is in the log"


async def test_a_message_ends_typing(ada: Person, bob: Person, peers: Peers) -> None:
    room = await ada.makes_room("private", bob)
    here, there = await peers.join(ada, room), await peers.join(bob, room)
    await types(here, room)
    await shows(there, room, ada)
    await here.says(room)
    await shows(there, room)
    assert here.of("typing") == []


@pytest.mark.setting("CHAT_LIMITS__TYPING_INTERVAL_S")
async def test_typing_expires(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "TYPING_TTL_S", 0.3)
    server = await start(limits={"typing_interval_s": 0.001})
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    here, there = await peers.join(ada, room), await peers.join(bob, room)
    await types(here, room)
    await there.until(lambda: [f["users"] for f in there.of("typing")][:2] == [[ada.id], []])
    # Who goes on writing is named again, so that clients do not drop them.
    before = len(there.of("typing"))
    for n in range(1, 4):
        await types(here, room)
        await there.until(lambda: len(there.of("typing")) >= before + n)  # noqa: B023
    kept = server.realtime.typing.state
    await eventually(lambda: not kept._rooms and not kept._next_allowed)


async def test_typing_is_rate_limited_per_room(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"typing_interval_s": 3600})
    ada, bob = await server.person("ada"), await server.person("bob")
    rooms = [await ada.makes_room("private", bob) for _ in range(2)]
    here, there = await peers.join(ada, *rooms), await peers.join(bob, *rooms)
    for _ in range(20):
        await types(here, rooms[0])
    await shows(there, rooms[0], ada)
    await types(here, rooms[1])
    await shows(there, rooms[1], ada)
    await pause(5 * indicator.TICK_S)
    await there.settled()
    assert here.of("error") == []
    assert len(there.of("typing", room=rooms[0])) == 1


async def test_a_user_who_may_write_nothing_is_not_typing(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"typing_interval_s": 0.001})
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    adas, bobs = await peers.join(ada, room), await peers.join(bob, room)
    await types(bobs, room)
    await shows(adas, room, bob)
    time_out = f"/rooms/{room}/time-outs/{bob.id}"
    until = (now() + timedelta(hours=1)).isoformat()
    assert_ok(await ada.put(time_out, until=until))
    await shows(adas, room)
    await bobs.has(room, (await ada.room(room))["seq"])
    refused = await bobs.ask("typing", room=room)
    assert (refused["code"], refused["room"]) == ("forbidden", room)
    assert "timed out" in refused["detail"]
    assert_ok(await ada.delete(time_out), 204)
    await types(bobs, room)
    await shows(adas, room, bob)
    only_threads = {"deny": ["send"], "allow": ["send_in_threads"]}
    permissions = f"/rooms/{room}/permissions/users/{bob.id}"
    assert_ok(await ada.put(permissions, **only_threads))
    assert_ok(await ada.put(permissions, deny=["send", "send_in_threads"]))
    await bobs.has(room, (await ada.room(room))["seq"])
    assert (await bobs.ask("typing", room=room))["code"] == "forbidden"
    assert_ok(await ada.put(permissions, **only_threads))
    await bobs.has(room, (await ada.room(room))["seq"])
    count = len(bobs.frames)
    await types(bobs, room)
    await bobs.settled()
    assert "error" not in {frame["type"] for frame in bobs.frames[count:-1]}


async def test_typing_needs_an_open_room(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    there = await peers.join(bob, room)
    for peer in (await peers.join(ada), await peers.join(eve)):
        error = await peer.ask("typing", room=room)
        assert (error["code"], error["room"]) == ("not_found", room)
    here = await peers.join(ada, room)
    await types(here, room)
    await shows(there, room, ada)
    assert len(there.of("typing")) == 1


@pytest.mark.setting("CHAT_LIMITS__LARGE_ROOM_MEMBERS")
async def test_typing_is_not_sent_in_large_rooms(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"large_room_members": 3})
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    huge, other = await ada.makes_room("private", bob, eve), await ada.makes_room("private", bob)
    here, there = await peers.join(ada, huge, other), await peers.join(bob, huge, other)
    assert (await here.ask("presence.subscribe", users=[]))["type"] == "presence"
    await types(here, huge)
    await types(here, other)
    await shows(there, other, ada)
    assert there.of("typing", room=huge) == []
    assert here.of("error") == []


async def test_a_removed_member_is_not_typing_and_is_sent_no_typing(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob, eve)
    here, out, there = [await peers.join(person, room) for person in (ada, bob, eve)]
    await types(out, room)
    await shows(there, room, bob)
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await shows(there, room)
    await out.expect("room.closed")
    await types(here, room)
    await shows(there, room, ada)
    await out.settled()
    assert out.of("typing") == []
    assert (await out.ask("typing", room=room))["code"] == "not_found"


def whisper(server: DedicatedServer, room: str, person: Person, seq: int) -> None:
    """Publish as another process."""
    server.realtime.delivery.on_publication(
        Publication(PublicationKind.TYPING, UUID(room), seq, UUID(person.id))
    )


async def test_typing_publications_that_are_late_or_early_are_dropped(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    room = await ada.makes_room("private", bob, eve)
    there = await peers.join(ada, room)
    whisper(server, room, eve, seq=5)  # the room here is at 4: who sees it is not known yet
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await there.has(room, 5)
    whisper(server, room, bob, seq=4)  # said before he was removed
    await pause(5 * indicator.TICK_S)
    await there.settled()
    assert there.of("typing") == []
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    await there.has(room, 6)
    whisper(server, room, bob, seq=6)
    await shows(there, room, bob)


async def test_at_most_20_users_are_typing_in_a_room(start: StartServer, peers: Peers) -> None:
    server = await start()
    ada = await server.person("ada")
    people = [await server.person(f"p{n}") for n in range(state.MAX_TYPING + 3)]
    room = await ada.makes_room("private", *people)
    there = await peers.join(ada, room)
    for peer in [await peers.join(person, room) for person in people]:
        await types(peer, room)
    await there.until(
        lambda: (
            len(there.of("typing")[-1:])
            and len(there.of("typing")[-1]["users"]) == state.MAX_TYPING
        )
    )
    await there.settled()
    assert max(len(frame["users"]) for frame in there.of("typing")) == state.MAX_TYPING
