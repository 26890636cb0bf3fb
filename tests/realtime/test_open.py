"""Opening a room from a position: all missed events, once and in order, then live ones."""

from uuid import uuid4

import pytest

from app.wire.errors import Busy
from testkit.answers import assert_ok
from testkit.peer import Peers, dial, joined
from testkit.people import Person
from testkit.server import TestServer
from tests.realtime.dedicated_server import StartServer
from tests.realtime.hooks import QueryCounter


async def test_opening_at_the_head_sends_no_events(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    (head,) = await ada.says(room, "hello")
    peer = await peers.join(ada)
    opened = await peer.opens(room, since=head)
    assert opened | {"id": None} == {
        "type": "room.opened",
        "id": None,
        "room": room,
        "from": head,
        "seq": head,
        "state": "ok",
    }
    await ada.says(room, "live")
    await peer.has(room, head + 1)
    assert peer.seqs(room) == [head + 1]


async def test_the_catch_up_comes_before_live_events(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    await ada.says(room, *map(str, range(10)))
    peer = await peers.join(ada)
    opened = await peer.opens(room, since=4)
    assert (opened["from"], opened["seq"], opened["state"]) == (4, 12, "ok")
    await ada.says(room, "live")
    await peer.has(room, 13)
    assert peer.seqs(room) == list(range(5, 14))
    assert peer.events(room) == (await ada.log(room))[4:]


async def test_opening_without_a_position_starts_at_the_head(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    await ada.says(room, "before")
    peer = await peers.join(ada)
    opened = await peer.opens(room)
    assert (opened["from"], opened["seq"], opened["state"]) == (3, 3, "ok")
    await peer.settled()
    assert peer.seqs(room) == []


async def test_a_long_catch_up_is_paged_without_a_gap(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    peer = await peers.join(ada)
    for _ in range(148):
        await peer.send("message.send", room=room, nonce=uuid4().hex, text="x")
    await peer.until(lambda: len(peer.of("ack")) == 148)
    opened = await peer.opens(room, since=0)
    assert (opened["state"], opened["from"], opened["seq"]) == ("limited", 0, 150)
    log = []
    after: int | None = opened["from"]
    while after is not None:
        page = assert_ok(
            await ada.get(f"/rooms/{room}/events", after=after, until=opened["resume"], limit=30)
        )
        log += page["items"]
        after = page["next"]
    await ada.says(room, "live")
    await peer.has(room, 151)
    log += peer.events(room)
    assert [event["seq"] for event in log] == list(range(1, 152))
    assert log == await ada.log(room)


async def test_a_position_beyond_the_head_is_reset(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    peer = await peers.join(ada)
    for since in (3, 2**53 - 1):
        opened = await peer.opens(room, since=since)
        assert (opened["state"], opened["seq"], opened["from"]) == ("reset", 2, since)
    await ada.says(room, "live")
    await peer.has(room, 3)
    assert peer.seqs(room) == [3]


async def test_opening_a_room_of_others_is_refused(ada: Person, bob: Person, peers: Peers) -> None:
    public, private = await ada.makes_room(), await ada.makes_room("private")
    direct = await ada.makes_room("direct", bob)
    mine = await bob.makes_room("private")
    peer = await peers.join(bob)
    error = await peer.opens(public, since=0)
    assert (error["type"], error["code"], error["room"]) == ("error", "forbidden", public)
    hidden = await peer.opens(private, since=0)
    nowhere = await peer.opens(unknown := str(uuid4()), since=0)
    assert hidden["code"] == "not_found"
    assert hidden | {"id": 0, "room": 0} == nowhere | {"id": 0, "room": 0}
    assert (hidden["room"], nowhere["room"]) == (private, unknown)
    assert (await peer.opens(direct))["type"] == "room.opened"
    await ada.says(public, "for members")
    await ada.says(private, "for members")
    # The others in the same frame are opened all the same.
    await peer.send(
        "open", id=1, rooms=[{"room": private}, {"room": mine, "since": 0}, {"room": public}]
    )
    await peer.has(mine, 2)
    await peer.expect("error", id=1, room=public)
    assert {frame["room"] for frame in peer.frames if "actor" in frame} == {mine}


@pytest.mark.setting("CHAT_LIMITS__OPEN_ROOMS")
async def test_the_limit_of_open_rooms_is_applied(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"open_rooms": 3})
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(4)]
    peer = await peers.join(ada, *rooms[:3])
    error = await peer.opens(rooms[3])
    assert (error["code"], error["room"]) == ("too_many", rooms[3])
    assert (await peer.opens(rooms[0]))["type"] == "room.opened"  # it is open already
    assert (await peer.ask("close", rooms=[rooms[0]]))["type"] == "room.closed"
    assert (await peer.opens(rooms[3]))["type"] == "room.opened"
    # The rest of a hello with too many is open.
    async with dial(server.url) as other:
        await other.send("hello", token=ada.access, rooms=[{"room": room} for room in rooms])
        assert (await other.expect("error"))["room"] == rooms[3]
        assert len(other.of("room.opened")) == 3


async def test_opening_again_starts_again(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    peer = await peers.join(ada, (room, 0))
    await peer.has(room, 2)
    await peer.opens(room, since=1)
    await ada.says(room, "live")
    await peer.has(room, 3)
    await peer.settled()
    assert peer.seqs(room) == [1, 2, 2, 3]


@pytest.mark.parametrize("how", ["open", "hello"])
async def test_a_room_named_twice_in_one_frame_is_refused_the_second_time(
    server: TestServer, ada: Person, how: str
) -> None:
    room, other = await ada.makes_room(), await ada.makes_room()
    twice = [{"room": room, "since": 0}, {"room": room, "since": 1}, {"room": other, "since": 0}]
    async with dial(server.url) as peer:
        if how == "hello":
            await peer.send("hello", id="h", token=ada.access, rooms=twice)
        else:
            await peer.send("hello", token=ada.access)
            await peer.send("open", id="h", rooms=twice)
        error = await peer.expect("error", id="h")
        assert (error["code"], error["room"], error["retry"]) == ("invalid", room, "never")
        assert [field["path"] for field in error["errors"]] == ["rooms.1.room"]
        await ada.says(room, "live")
        await peer.has(room, 3)
        await peer.has(other, 2)
        assert (peer.seqs(room), peer.seqs(other)) == ([1, 2, 3], [1, 2])


async def test_rooms_that_cannot_be_read_now_are_busy_and_open_later(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(2)]
    peer = await peers.join(ada)
    QueryCounter(server, monkeypatch).failures["load_catch_up"] = [Busy("test")]
    await peer.send("open", id="o", rooms=[{"room": room, "since": 0} for room in rooms])
    for room in rooms:
        error = await peer.expect("error", id="o", room=room)
        assert (error["code"], error["retry"]) == ("busy", "after")
    assert not server.hub.rooms
    for room in rooms:
        assert (await peer.opens(room, since=0))["type"] == "room.opened"
        await peer.has(room, 2)


async def test_a_closed_room_sends_no_events(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    closed = await peer.ask("close", rooms=[room])
    assert closed | {"id": 0} == {
        "type": "room.closed",
        "id": 0,
        "room": room,
        "reason": "closed",
    }
    await ada.says(room, "unheard")
    await peer.settled()
    assert peer.seqs(room) == []
    assert (await peer.ask("close", rooms=[room]))["type"] == "room.closed"  # nothing to do
    await peer.opens(room, since=2)
    await peer.has(room, 3)


@pytest.mark.parametrize("kind", ["public", "private", "group"])
async def test_every_kind_of_event_arrives_as_the_log_has_it(
    server: TestServer, ada: Person, bob: Person, kind: str
) -> None:
    room = await ada.makes_room(kind)
    async with joined(ada, (room, 0)) as peer:
        assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
        assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="admin"))
        assert_ok(await ada.patch(f"/rooms/{room}", topic="new"))
        assert_ok(await bob.sends(room, "hi"), 201)
        assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
        assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
        assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
        await peer.has(room, 9)
        assert [event["type"] for event in peer.events(room)] == [
            "room.created",
            "member.joined",
            "member.joined",
            "member.role_changed",
            "room.changed",
            "message.created",
            "member.left",
            "member.joined",
            "member.removed",
        ]
        assert peer.events(room) == await ada.log(room)
