"""The first frames of a socket, and the rooms in a hello."""

from app.limit_settings import Limits
from testkit.answers import assert_ok
from testkit.peer import Peers, dial, joined
from testkit.people import Person
from testkit.server import TestServer, limit_send_buffers
from tests.realtime.dedicated_server import StartServer


async def test_welcome_has_the_user_and_every_limit(server: TestServer, ada: Person) -> None:
    async with dial(server.url) as peer:
        await peer.send("hello", id=7, token=ada.access, client="tests/1.0")
        welcome = await peer.expect("welcome")
        assert welcome["id"] == 7
        assert welcome["session"] == ada.session
        assert welcome["user"]["id"] == ada.id
        assert welcome["user"]["username"] == ada.username
        assert welcome["heartbeat_ms"] == server.settings.realtime.ping_interval_s * 1000
        assert welcome["expires_at"].endswith("Z")
        limits = server.settings.limits
        assert welcome["limits"] == {name: getattr(limits, name) for name in welcome["limits"]}
        # What bounds a socket is told; the others bound HTTP.
        assert set(Limits.model_fields) - set(welcome["limits"]) == {
            "sockets_unauthenticated_per_address",
            "sockets_unauthenticated",
            "max_page_size",
            "max_members_per_request",
            "rooms_per_user",
            "sessions_per_user",
            "tickets_per_session",
            "large_room_members",
            "max_bulk_deletions",
            "max_filter_rules",
            "user_groups",
            "user_group_members",
            "keywords_per_user",
            "here_members",
            "max_read_by_members",
            "max_query_chars",
            "max_query_terms",
        }


async def test_the_room_list_has_exact_counts(server: TestServer, ada: Person, bob: Person) -> None:
    first = await ada.makes_room("public", bob, name="First")
    second = await ada.makes_room("private", bob, name="Second")
    direct = await ada.makes_room("direct", bob)
    await ada.makes_room("private", name="Not of bob")
    await ada.says(first, "one", f"two @{bob.username}", "three")
    read = (await ada.says(second, "one"))[0]
    assert_ok(await bob.put(f"/rooms/{second}/read", seq=read))
    await bob.says(second, "what one says oneself is not unread")
    async with joined(bob) as peer:
        rooms = {entry["room"]: entry for frame in peer.of("rooms") for entry in frame["rooms"]}
        assert peer.of("rooms")[0]["full"] is True
    assert set(rooms) == {first, second, direct}
    assert (rooms[first]["unread"], rooms[first]["mentions"]) == (3, 1)
    assert rooms[first]["seq"] == rooms[first]["read_seq"] + 3
    assert (rooms[second]["unread"], rooms[second]["mentions"]) == (0, 0)
    assert (rooms[second]["seq"], rooms[second]["read_seq"]) == (read + 1, read + 1)
    assert rooms[second]["name"] == "Second"
    assert rooms[second]["role"] == "member"
    assert set(rooms[direct]["users"]) == {ada.id, bob.id}


async def test_hello_opens_rooms(ada: Person, peers: Peers) -> None:
    rooms = [await ada.makes_room() for _ in range(3)]
    peer = await peers.join(ada, (rooms[0], 0), rooms[1])
    types = [frame["type"] for frame in peer.frames[:3]]
    assert types == ["welcome", "rooms", "room.opened"]
    assert peer.seqs(rooms[0]) == [1, 2]
    for room in rooms:
        await ada.says(room, "hi")
    await peer.has(rooms[0], 3)
    await peer.has(rooms[1], 3)
    await peer.lists(rooms[2], seq=3)
    assert [peer.entry(room)["seq"] for room in rooms] == [3, 3, 3]
    assert peer.seqs(rooms[2]) == []


async def test_many_rooms_come_in_several_frames(start: StartServer, peers: Peers) -> None:
    """A list that exceeds the send buffer does not disconnect the socket."""
    server = await start(limits={"send_buffer_bytes": 131072})
    limit_send_buffers(server.running)
    ada = await server.person()
    rooms = await server.rooms(ada, 100, topic="🙂" * 500)
    peer = await peers.join(ada)
    await peer.until(lambda: sum(len(f["rooms"]) for f in peer.of("rooms")) == len(rooms))
    assert {e["room"] for f in peer.of("rooms") for e in f["rooms"]} == set(rooms)
    first, *others = [frame["full"] for frame in peer.of("rooms")]
    assert first is True
    assert not any(others)
    assert (await peer.opens(rooms[-1]))["type"] == "room.opened"
