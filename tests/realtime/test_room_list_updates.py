"""Updates of the list of rooms: complete entries of rooms that are not open, coalesced, and rooms
that appear and disappear."""

import asyncio
import time
from typing import Any

import pytest

from testkit.answers import assert_ok
from testkit.peer import Frame, Peers
from testkit.people import Person
from tests.realtime.dedicated_server import StartServer
from tests.realtime.room_lists import entries, listed


def counts(room: Frame) -> tuple[int, int]:
    return room["unread"], room["mentions"]


def text_of(entry: Frame) -> Any:
    """The text of the newest message."""
    return entry.get("last_message", {}).get("text")


async def test_the_entry_of_a_closed_room_is_exact(ada: Person, bob: Person, peers: Peers) -> None:
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    await ada.says(room, "one", f"two @{bob.username}", f"@{bob.username.upper()}: three")
    await ada.says(other, f"@{ada.username} @nobody")
    await peer.lists(room, seq=6)
    await peer.lists(other, seq=4)
    message = assert_ok(await ada.get(f"/rooms/{room}/messages/6"))
    assert peer.entry(room) == {
        "room": room,
        "kind": "private",
        "name": "A room",
        "topic": "",
        "archived": False,
        "role": "member",
        "seq": 6,
        "read_seq": 3,
        "unread": 3,
        "mentions": 2,
        "last_message": {key: message[key] for key in ("seq", "sender", "at", "text")},
        "permissions": assert_ok(await bob.get(f"/rooms/{room}"))["permissions"],
    }
    await bob.says(room, "who writes has read")
    await peer.lists(room, seq=7, read_seq=7, unread=0, mentions=0)
    assert text_of(peer.entry(room)) == "who writes has read"
    assert (peer.entry(other)["read_seq"], *counts(peer.entry(other))) == (3, 1, 0)
    assert peer.seqs(room) == []


@pytest.mark.parametrize("text", ["x" * 201, "🙂" * 200 + "x", "é" * 200 + "\n" * 50 + "x"])
async def test_the_last_message_is_cut_after_200_characters(
    ada: Person, bob: Person, peers: Peers, text: str
) -> None:
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    await ada.says(room, text)
    await peer.lists(room, unread=1)
    assert text_of(peer.entry(room)) == text[:200]
    assert text_of(await bob.room(room)) == text[:200]


@pytest.mark.setting("CHAT_LIMITS__MAX_UNREAD")
async def test_counts_beyond_the_maximum_are_one_more_than_it(
    start: StartServer, peers: Peers
) -> None:
    """In the room, in the list of `hello`, in the answer to a read marker and in updates."""
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
    await peer.lists(room, seq=10, unread=4, mentions=4)
    assert counts(assert_ok(await bob.put(f"/rooms/{room}/read", seq=5))) == (4, 2)
    assert counts(assert_ok(await bob.put(f"/rooms/{room}/read", seq=7))) == (3, 0)
    await peer.lists(room, read_seq=7, unread=3, mentions=0)


async def test_many_messages_cause_few_updates(start: StartServer, peers: Peers) -> None:
    server = await start(realtime={"badge_interval_ms": 300})
    ada, bob = await server.person("ada"), await server.person("bob")
    rooms = [await ada.makes_room("private", bob) for _ in range(3)]
    peer = await peers.join(bob)
    begun = time.monotonic()
    await asyncio.gather(*(ada.says(room, *"abcdefghij") for room in rooms))
    for room in rooms:
        await peer.lists(room, unread=10)
    assert len(peer.list_updates()) <= 2 + (time.monotonic() - begun) / 0.3  # of 30 messages


async def test_an_open_room_is_in_updates_of_other_rooms_only(
    ada: Person, bob: Person, peers: Peers
) -> None:
    """Once for what has happened in it."""
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(bob, room)
    await ada.says(room, "seen")
    assert_ok(await ada.patch(f"/rooms/{room}", name="Seen"))
    await peer.has(room, 5)
    await ada.says(other, "counted")
    await peer.lists(other, unread=1)
    assert [entry["seq"] for entry in peer.updates(room)] == [5]
    assert peer.entry(room) == entries(await listed(bob))[room]
    await ada.says(other, "counted, too")
    await peer.lists(other, unread=2)
    assert len(peer.updates(room)) == 1


async def test_closing_an_open_room_sends_its_entry(ada: Person, bob: Person, peers: Peers) -> None:
    """Also if nothing happens afterwards: a client cannot tell from events whether it was
    mentioned."""
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob, room)
    await ada.says(room, f"@{bob.username}")
    await peer.has(room, 4)
    await peer.ask("close", rooms=[room])
    await peer.lists(room, seq=4, unread=1, mentions=1)
    await ada.says(room, "not seen")
    await peer.lists(room, seq=5, unread=2)


async def test_a_new_room_is_in_an_update_at_once(ada: Person, bob: Person, peers: Peers) -> None:
    old = await ada.makes_room()
    peer = await peers.join(bob)
    direct = await ada.makes_room("direct", bob)
    await peer.lists(direct, kind="direct", users=sorted([ada.id, bob.id]))
    assert_ok(await ada.post(f"/rooms/{old}/members", users=[bob.id]))
    await peer.lists(old, seq=3, read_seq=3, unread=0, mentions=0)
    assert "last_message" not in peer.entry(old)
    await ada.says(old, "hi")
    await peer.lists(old, unread=1)


async def test_a_room_that_is_opened_at_once_is_in_an_update_when_closed(
    ada: Person, bob: Person, peers: Peers
) -> None:
    """Also if the room was opened before its first entry."""
    room = await ada.makes_room()
    peer = await peers.join(bob)
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    await peer.opens(room)
    await peer.ask("close", rooms=[room])
    await ada.says(room, "hi")
    await peer.lists(room, unread=1)


async def test_a_closed_room_is_gone_for_a_removed_member(
    ada: Person, bob: Person, peers: Peers
) -> None:
    """Without `room.closed`: it was not open."""
    removed, left = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    sockets = [await peers.join(bob), await peers.join(bob)]
    assert_ok(await ada.delete(f"/rooms/{removed}/members/{bob.id}"), 204)
    assert_ok(await bob.post(f"/rooms/{left}/leave"), 204)
    for peer in sockets:
        for room in (removed, left):
            await peer.loses(room)
    await ada.says(removed, "unheard")
    await ada.says(left, "unheard")
    again = await ada.makes_room("private", bob)
    for peer in sockets:
        await peer.lists(again)
        assert not peer.updates(removed)
        assert not peer.updates(left)
        assert peer.of("room.closed") == []


async def test_an_open_room_is_closed_and_then_gone_for_a_removed_member(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    peer, beside = await peers.join(bob, room), await peers.join(bob)
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    closed = await peer.expect("room.closed", room=room)
    assert (closed["reason"], closed["seq"]) == ("removed", 4)
    for each in (peer, beside):
        await each.loses(room)
    before = peer.frames[: peer.frames.index(closed)]
    assert not any(room in frame.get("gone", ()) for frame in before)
    assert beside.of("room.closed") == []


async def test_a_member_who_comes_back_gets_entries_again(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    for _ in range(3):
        assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
        assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    await ada.says(room, "hi")
    await peer.lists(room, unread=1)


async def test_messages_of_large_rooms_are_in_updates_less_often(
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
        await peer.lists(small, seq=2 + number)
    await peer.lists(huge, unread=12)
    assert len(peer.updates(huge)) <= 2 + (time.monotonic() - begun) / 0.3
