"""Badges of closed rooms: exact counts, coalesced, and rooms that appear and disappear."""

import asyncio
import time
from typing import Any

import pytest

from testkit.answers import assert_ok
from testkit.peer import Peer, Peers
from testkit.people import Person
from tests.realtime.dedicated_server import StartServer


def bump(peer: Peer, room: str) -> dict[str, int]:
    """The newest badge of a room."""
    found = [e for frame in peer.of("room.bumped") for e in frame["rooms"] if e["room"] == room]
    return found[-1] if found else {}


async def counted(peer: Peer, room: str, **fields: int) -> None:
    """Return once the newest badge of the room has these counts."""
    await peer.until(lambda: fields.items() <= bump(peer, room).items(), f"{fields}")


async def test_the_badge_of_a_closed_room_is_exact(ada: Person, bob: Person, peers: Peers) -> None:
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    await ada.says(room, "one", f"two @{bob.username}", f"@{bob.username.upper()}: three")
    await ada.says(other, f"@{ada.username} @nobody")
    await bob.says(room, "my own is not unread")
    await peer.until(lambda: bump(peer, room).get("seq") == 7 and bump(peer, other))
    assert bump(peer, room) == {"room": room, "seq": 7, "read_seq": 3, "unread": 3, "mentions": 2}
    assert bump(peer, other) == {"room": other, "seq": 4, "read_seq": 3, "unread": 1, "mentions": 0}
    assert peer.seqs(room) == []


def counts(room: dict[str, Any]) -> tuple[int, int]:
    return room["unread"], room["mentions"]


@pytest.mark.setting("CHAT_LIMITS__MAX_UNREAD")
async def test_counts_beyond_the_maximum_are_one_more_than_it(
    start: StartServer, peers: Peers
) -> None:
    """In the room, in the list of `hello`, in the answer to a read marker and in badges."""
    server = await start(limits={"max_unread": 3})
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, *[f"@{bob.username}"] * 3)
    assert counts(await bob.room(room)) == (3, 3)
    await ada.says(room, f"@{bob.username}", "8", "9")
    assert counts(await bob.room(room)) == (4, 4)
    peer = await peers.join(bob)
    (welcome,), (room_list,) = peer.of("welcome"), peer.of("rooms")
    assert welcome["limits"]["max_unread"] == 3
    assert counts(room_list["rooms"][0]) == (4, 4)
    await ada.says(room, "10")
    await counted(peer, room, seq=10, unread=4, mentions=4)
    assert counts(assert_ok(await bob.put(f"/rooms/{room}/read", seq=5))) == (4, 2)
    assert counts(assert_ok(await bob.put(f"/rooms/{room}/read", seq=7))) == (3, 0)
    await counted(peer, room, read_seq=7, unread=3, mentions=0)


async def test_many_messages_cause_few_badge_updates(start: StartServer, peers: Peers) -> None:
    server = await start(realtime={"badge_interval_ms": 300})
    ada, bob = await server.person("ada"), await server.person("bob")
    rooms = [await ada.makes_room("private", bob) for _ in range(3)]
    peer = await peers.join(bob)
    begun = time.monotonic()
    await asyncio.gather(*(ada.says(room, *"abcdefghij") for room in rooms))
    await peer.until(lambda: all(bump(peer, room).get("unread") == 10 for room in rooms))
    assert len(peer.of("room.bumped")) <= 2 + (time.monotonic() - begun) / 0.3  # of 30 messages


async def test_an_open_room_gets_no_badge(ada: Person, bob: Person, peers: Peers) -> None:
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(bob, room)
    await ada.says(room, "seen")
    await ada.says(other, "counted")
    await peer.until(lambda: bump(peer, other))
    assert not bump(peer, room)
    await peer.ask("close", rooms=[room])
    await ada.says(room, "not seen")
    await peer.until(lambda: bump(peer, room))
    assert bump(peer, room)["unread"] == 2


async def test_a_new_room_gets_a_badge_at_once(ada: Person, bob: Person, peers: Peers) -> None:
    old = await ada.makes_room()
    peer = await peers.join(bob)
    direct = await ada.makes_room("direct", bob)
    await peer.until(lambda: bump(peer, direct))
    assert_ok(await ada.post(f"/rooms/{old}/members", users=[bob.id]))
    await peer.until(lambda: bump(peer, old))
    assert bump(peer, old) == {"room": old, "seq": 3, "read_seq": 3, "unread": 0, "mentions": 0}
    await ada.says(old, "hi")
    await peer.until(lambda: bump(peer, old)["unread"] == 1)


async def test_a_room_that_is_opened_at_once_gets_a_badge_when_closed(
    ada: Person, bob: Person, peers: Peers
) -> None:
    """Also if the room was opened before its first badge."""
    room = await ada.makes_room()
    peer = await peers.join(bob)
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    await peer.opens(room)
    await peer.ask("close", rooms=[room])
    await ada.says(room, "hi")
    await peer.until(lambda: bump(peer, room).get("unread") == 1)


async def test_a_room_is_closed_for_a_removed_member(
    ada: Person, bob: Person, peers: Peers
) -> None:
    gone, left = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    assert_ok(await ada.delete(f"/rooms/{gone}/members/{bob.id}"), 204)
    assert (await peer.expect("room.closed", room=gone))["reason"] == "removed"
    assert_ok(await bob.post(f"/rooms/{left}/leave"), 204)
    assert (await peer.expect("room.closed", room=left))["reason"] == "left"
    await ada.says(gone, "unheard")
    await ada.says(left, "unheard")
    again = await ada.makes_room("private", bob)
    await peer.until(lambda: bump(peer, again))
    assert not bump(peer, gone)
    assert not bump(peer, left)
    assert len(peer.of("room.closed")) == 2


async def test_a_member_who_comes_back_gets_badges_again(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    for _ in range(3):
        assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
        assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    await ada.says(room, "hi")
    await peer.until(lambda: bump(peer, room).get("unread") == 1)


async def test_badges_of_large_rooms_are_updated_less_often(
    start: StartServer, peers: Peers
) -> None:
    server = await start(
        limits={"large_room_members": 2},
        realtime={"badge_interval_ms": 20, "badge_interval_large_ms": 300},
    )
    ada, bob = await server.person("ada"), await server.person("bob")
    huge = await ada.makes_room("private", bob)
    small = await bob.makes_room("private")
    peer, _ = await peers.join(bob), await peers.join(ada)
    begun = time.monotonic()
    for number in range(1, 13):
        await ada.says(huge, "x")
        await bob.says(small, "x")
        await counted(peer, small, seq=2 + number)
    await peer.until(lambda: bump(peer, huge).get("unread") == 12)
    of_huge = [f for f in peer.of("room.bumped") if f["rooms"][0]["room"] == huge]
    assert len(of_huge) <= 2 + (time.monotonic() - begun) / 0.3
