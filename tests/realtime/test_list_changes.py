"""Each change of a room or of a membership reaches every socket that does not have the room open,
as the entry that a new `hello` lists."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from testkit.answers import assert_ok
from testkit.peer import Frame, Peer, Peers
from testkit.people import Person
from testkit.server import HOUR_MS, new_session
from testkit.statements import recorded_statements
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.hooks import QueryCounter
from tests.realtime.room_lists import entries, listed

Change = Callable[[Person, Person, str], Awaitable[httpx.Response]]

# What Ada does in a room that Bob is in too, and what Bob's entry then says.
CHANGES: dict[str, tuple[Change, Frame]] = {
    "a new name": (
        lambda ada, _, room: ada.patch(f"/rooms/{room}", name="Another name"),
        {"name": "Another name"},
    ),
    "a new topic": (
        lambda ada, _, room: ada.patch(f"/rooms/{room}", topic="A topic 📌"),
        {"topic": "A topic 📌"},
    ),
    "archived": (
        lambda ada, _, room: ada.patch(f"/rooms/{room}", archived=True),
        {"archived": True},
    ),
    "a new role": (
        lambda ada, bob, room: ada.patch(f"/rooms/{room}/members/{bob.id}", role="admin"),
        {"role": "admin"},
    ),
}
SIZES: dict[str, Any] = {
    "small": {},
    # Messages and memberships have an update in an hour; all else does not wait for it.
    "large": {
        "limits": {"large_room_members": 2},
        "realtime": {"badge_interval_large_ms": HOUR_MS},
    },
}


async def expect_entry(person: Person, sockets: list[Peer], room: str, **fields: Any) -> None:
    """Every socket gets an entry with these fields, which is the one that `hello` lists."""
    for peer in sockets:
        await peer.lists(room, **fields)
    fresh = entries(await listed(person))[room]
    for peer in sockets:
        assert peer.entry(room) == fresh
        assert peer.seqs(room) == []


async def bobs_sockets(server: DedicatedServer, bob: Person, peers: Peers) -> list[Peer]:
    return [await peers.join(bob), await peers.join(await new_session(server.running, bob))]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_of_a_room_reaches_all_sockets_that_have_it_closed(
    start: StartServer, peers: Peers, name: str, size: str
) -> None:
    server = await start(**SIZES[size])
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, f"@{bob.username}")
    sockets = await bobs_sockets(server, bob, peers)
    change, fields = CHANGES[name]
    assert_ok(await change(ada, bob, room))
    await expect_entry(bob, sockets, room, **fields, seq=5, unread=1, mentions=1)


@pytest.mark.parametrize("size", SIZES)
async def test_a_restored_room_reaches_all_sockets_that_have_it_closed(
    start: StartServer, peers: Peers, size: str
) -> None:
    server = await start(**SIZES[size])
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    sockets = await bobs_sockets(server, bob, peers)
    assert_ok(await ada.patch(f"/rooms/{room}", archived=False))
    await expect_entry(bob, sockets, room, archived=False, seq=5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["public", "private", "group", "direct"])
async def test_a_new_room_reaches_all_sockets_of_its_members(
    start: StartServer, peers: Peers, kind: str, size: str
) -> None:
    server = await start(**SIZES[size])
    ada, bob = await server.person("ada"), await server.person("bob")
    sockets, own = await bobs_sockets(server, bob, peers), [await peers.join(ada)]
    room = await ada.makes_room(kind, bob)
    users = {"users": sorted([ada.id, bob.id])} if kind == "direct" else {}
    await expect_entry(bob, sockets, room, kind=kind, **users)
    await expect_entry(ada, own, room, kind=kind, **users)


@pytest.mark.parametrize("size", SIZES)
async def test_a_room_that_ends_for_a_user_reaches_all_of_their_sockets(
    start: StartServer, peers: Peers, size: str
) -> None:
    server = await start(**SIZES[size])
    ada, bob = await server.person("ada"), await server.person("bob")
    left, removed = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    sockets = await bobs_sockets(server, bob, peers)
    assert_ok(await bob.post(f"/rooms/{left}/leave"), 204)
    assert_ok(await ada.delete(f"/rooms/{removed}/members/{bob.id}"), 204)
    for peer in sockets:
        await peer.loses(left)
        await peer.loses(removed)
    assert not {left, removed} & entries(await listed(bob)).keys()


async def test_in_a_large_room_messages_and_memberships_of_others_wait(
    start: StartServer, peers: Peers
) -> None:
    """Those of the user do not."""
    server = await start(**SIZES["large"] | {"limits": {"large_room_members": 3}})
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    room = await ada.makes_room("private", bob)
    small = await bob.makes_room("private")
    sockets = await bobs_sockets(server, bob, peers)
    await peers.join(ada)
    await ada.says(room, "waits")
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[eve.id]))
    for number in range(1, 4):
        await bob.says(small, "does not wait")
        for peer in sockets:
            await peer.lists(small, seq=2 + number)
            assert not peer.updates(room)
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=4))
    await expect_entry(bob, sockets, room, seq=5, read_seq=4, unread=0)


async def test_a_new_member_reaches_the_members_that_have_the_room_closed(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    sockets = [await peers.join(bob)]
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[eve.id]))
    await expect_entry(bob, sockets, room, seq=4)
    assert_ok(await eve.post(f"/rooms/{room}/leave"), 204)
    await expect_entry(bob, sockets, room, seq=5)


async def test_a_read_marker_is_one_update_for_each_socket_and_one_query_for_all(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for sockets that have the room open."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    (said,) = await ada.says(room, "hello")
    sockets = [await peers.join(bob), await peers.join(bob), await peers.join(bob, room)]
    reads = QueryCounter(server, monkeypatch)
    with recorded_statements(server.running.context.database, tasks=True) as statements:
        assert_ok(await bob.put(f"/rooms/{room}/read", seq=said))
        for peer in sockets:
            await peer.lists(room, read_seq=said, unread=0)
            await peer.settled()
    for peer in sockets:
        assert len(peer.list_updates()) == 1
        assert peer.of("read") == []
    assert reads.count["_entries"] == 1
    # The answer to the request, and the update.
    assert sum("AS last_message" in sql for sql in statements) == 2
    assert len(server.hub.by_user[UUID(bob.id)]) == len(sockets)
