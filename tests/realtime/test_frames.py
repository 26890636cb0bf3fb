"""Invalid frames are answered with an error that has their id, and the socket stays open."""

import json
from typing import Any, get_args
from uuid import uuid4

import pytest

from app.realtime.connection.dispatch import FRAME_COSTS
from app.wire.client_frames import ClientFrame, Close, Pong, Typing
from app.wire.errors import Retry
from testkit.answers import assert_ok
from testkit.peer import Peer, Peers
from testkit.people import Person
from tests.realtime.dedicated_server import StartServer

ROOM = str(uuid4())


def send(**fields: Any) -> dict[str, Any]:
    """A valid message, except for these fields."""
    return {"type": "message.send", "room": ROOM, "nonce": "n", "text": "x"} | fields


def position(**fields: Any) -> dict[str, Any]:
    return {"type": "open", "rooms": [{"room": ROOM} | fields]}


# What is sent (an id is added), the code, and the path of the value that is named.
REFUSED: list[tuple[dict[str, Any], str, str | None]] = [
    ({}, "bad_frame", None),
    ({"type": None}, "unknown_type", None),
    ({"type": 5}, "unknown_type", None),
    ({"type": "dance"}, "unknown_type", None),
    ({"type": "message.created"}, "unknown_type", None),
    ({"type": "hello", "token": "x"}, "bad_frame", None),
    (send(extra=1), "invalid", "extra"),
    (send(room="no id"), "invalid", "room"),
    (send(room=None), "invalid", "room"),
    (send(room=5), "invalid", "room"),
    (send(nonce=""), "invalid", "nonce"),
    (send(nonce="a b"), "invalid", "nonce"),
    (send(nonce="n\n"), "invalid", "nonce"),
    (send(nonce="n" * 65), "invalid", "nonce"),
    (send(nonce=1), "invalid", "nonce"),
    (send(text=""), "invalid", "text"),
    (send(text=" \n\u3000"), "invalid", "text"),
    (send(text="a\0b"), "invalid", "text"),
    (send(text=["x"]), "invalid", "text"),
    (send(reply_to="1"), "invalid", "reply_to"),
    (send(reply_to=1.0), "invalid", "reply_to"),
    (send(reply_to=True), "invalid", "reply_to"),
    (send(reply_to=-1), "invalid", "reply_to"),
    (send(reply_to=2**53), "invalid", "reply_to"),
    (send(reply_to=10**23), "invalid", "reply_to"),
    ({"type": "message.send", "room": ROOM}, "invalid", "text"),
    ({"type": "open"}, "invalid", "rooms"),
    ({"type": "open", "rooms": []}, "invalid", "rooms"),
    ({"type": "open", "rooms": [ROOM]}, "invalid", "rooms.0"),
    ({"type": "open", "rooms": [{}]}, "invalid", "rooms.0.room"),
    ({"type": "open", "rooms": [{"room": ROOM}] * 101}, "invalid", "rooms"),
    (position(since=1.5), "invalid", "rooms.0.since"),
    (position(since=True), "invalid", "rooms.0.since"),
    (position(since="3"), "invalid", "rooms.0.since"),
    (position(since=-1), "invalid", "rooms.0.since"),
    (position(since=2**53), "invalid", "rooms.0.since"),
    (position(since=10**23), "invalid", "rooms.0.since"),
    (position(until=3), "invalid", "rooms.0.until"),
    ({"type": "close", "rooms": ROOM}, "invalid", "rooms"),
    ({"type": "close", "rooms": ["x"]}, "invalid", "rooms.0"),
    ({"type": "read", "room": ROOM}, "invalid", "seq"),
    ({"type": "read", "room": ROOM, "seq": None}, "invalid", "seq"),
    ({"type": "read", "room": ROOM, "seq": 10**23}, "invalid", "seq"),
    ({"type": "read", "room": ROOM, "seq": 1e3}, "invalid", "seq"),
    ({"type": "read", "room": ROOM, "seq": False}, "invalid", "seq"),
    ({"type": "read", "room": ROOM, "seq": 1}, "not_found", None),
    ({"type": "history"}, "invalid", "room"),
    ({"type": "history", "room": "x"}, "invalid", "room"),
    ({"type": "history", "room": ROOM, "limit": 0}, "invalid", "limit"),
    ({"type": "history", "room": ROOM, "limit": 101}, "invalid", "limit"),
    ({"type": "history", "room": ROOM, "limit": 10**23}, "invalid", "limit"),
    ({"type": "history", "room": ROOM, "limit": "5"}, "invalid", "limit"),
    ({"type": "history", "room": ROOM, "limit": None}, "invalid", "limit"),
    ({"type": "history", "room": ROOM, "before": -1}, "invalid", "before"),
    ({"type": "history", "room": ROOM, "after": 2**53}, "invalid", "after"),
    ({"type": "history", "room": ROOM, "around": "5"}, "invalid", "around"),
    ({"type": "history", "room": ROOM, "until": 5}, "invalid", "until"),
    ({"type": "history", "room": ROOM, "before": 5, "after": 3}, "invalid", None),
    ({"type": "history", "room": ROOM}, "not_found", None),
    ({"type": "presence.subscribe"}, "invalid", "users"),
    ({"type": "presence.subscribe", "users": None}, "invalid", "users"),
    ({"type": "presence.subscribe", "users": ROOM}, "invalid", "users"),
    ({"type": "presence.subscribe", "users": [7]}, "invalid", "users.0"),
    ({"type": "presence.subscribe", "users": [ROOM] * 201}, "invalid", "users"),
    ({"type": "presence.subscribe", "users": [], "room": ROOM}, "invalid", "room"),
    ({"type": "typing"}, "invalid", "room"),
    ({"type": "typing", "room": "x"}, "invalid", "room"),
    ({"type": "typing", "room": ROOM, "users": []}, "invalid", "users"),
    ({"type": "typing", "room": ROOM}, "not_found", None),
    ({"type": "pong"}, "invalid", "n"),
    ({"type": "pong", "n": "1"}, "invalid", "n"),
]


@pytest.fixture
async def peer(ada: Person, peers: Peers) -> Peer:
    return await peers.join(ada)


@pytest.mark.parametrize("frame_id", ["a", "i" * 32, "ü", 0, -1, 2**53 - 1], ids=repr)
async def test_an_answer_repeats_the_id(peer: Peer, frame_id: str | int) -> None:
    await peer.send("read", id=frame_id, room=ROOM, seq=1)
    assert (await peer.expect("error"))["id"] == frame_id
    await peer.send("read", id=frame_id, room=ROOM, seq=1, more=1)
    assert (await peer.expect("error"))["id"] == frame_id


@pytest.mark.parametrize("frame_id", ["", "i" * 33, 1.0, True, [], {}, 2**53, 10**23], ids=repr)
async def test_an_invalid_frame_id_is_refused(peer: Peer, frame_id: Any) -> None:
    await peer.connection.send(json.dumps({"type": "pong", "n": 1, "id": frame_id}))
    error = await peer.expect("error")
    assert error["code"] == "invalid"
    assert [e["path"] for e in error["errors"]] == ["id"]
    assert "id" not in error
    await peer.settled()


async def test_every_refusal_names_the_value_and_the_frame(peer: Peer) -> None:
    for number, (fields, code, path) in enumerate(REFUSED):
        for frame_id in (number, f"f{number}"):
            await peer.connection.send(json.dumps(fields | {"id": frame_id}))
            error = await peer.expect("error")
            story = (fields, error)
            assert error["code"] == code, story
            assert error["id"] == frame_id, story
            assert error["retry"] == Retry.NEVER, story
            assert error["detail"], story
            assert [e["path"] for e in error.get("errors", [])][:1] == ([path] if path else []), (
                story
            )
    await peer.settled()


@pytest.mark.parametrize(
    "message",
    [
        "",
        "not JSON",
        "{",
        "null",
        "[]",
        "3",
        '"hello"',
        '{"type":"pong","n":1} {"type":"pong","n":1}',
        '{"type":"pong","n":NaN}',
        "{'type':'pong'}",
        '{"type":"message.send","text":"\\ud800"}',
        b'{"type":"pong","n":1}',
        "\ufeff{}",
        "[" * 5000,
        '{"a":' * 40 + "1" + "}" * 40,
    ],
    ids=lambda message: ascii(message)[:24],
)
async def test_a_message_that_is_not_a_frame_is_refused(peer: Peer, message: str | bytes) -> None:
    await peer.connection.send(message)
    error = await peer.expect("error")
    assert error["code"] in {"bad_frame", "invalid"}
    assert "id" not in error
    await peer.settled()


async def test_json_depth_is_counted_outside_of_strings(ada: Person, peer: Peer) -> None:
    room = await ada.makes_room()
    assert (await peer.says(room, "[{" * 500 + '"'))["seq"] == 3
    deep = '{"type":"pong","id":"deep","n":' + "[" * 32 + "]" * 32 + "}"
    await peer.connection.send(deep)
    assert (await peer.expect("error"))["id"] == "deep"


async def test_a_large_frame_is_refused_and_the_socket_goes_on(ada: Person, peer: Peer) -> None:
    room = await ada.makes_room()
    for size, code in ((16 * 1024, "invalid"), (16 * 1024 + 1, "too_large"), (65536, "too_large")):
        frame = json.dumps(send(id=size, room=room, text=""))
        frame = frame.replace('"text": ""', f'"text": "{"x" * (size - len(frame))}"')
        assert len(frame) == size
        await peer.connection.send(frame)
        error = await peer.expect("error")
        assert (error["code"], error["id"]) == (code, size)
    assert await ada.says(room, "not disturbed") == [3]
    await peer.settled()
    await peer.connection.send("x" * 65537)
    assert await peer.closed() == 1009


async def test_the_frame_size_is_counted_in_bytes(ada: Person, peer: Peer) -> None:
    room = await ada.makes_room()
    fits = json.dumps(send(id=1, room=room, text="🙂" * 4000), ensure_ascii=False)
    assert len(fits) < len(fits.encode()) <= 16 * 1024
    await peer.connection.send(fits)
    await peer.expect("ack", id=1)
    await peer.connection.send(fits + " " * 400)
    assert (await peer.expect("error"))["code"] == "too_large"


# Rates.


@pytest.mark.setting("CHAT_LIMITS__FRAMES_BURST")
async def test_frames_too_fast_are_rate_limited(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"frames_per_minute": 0.06, "frames_burst": 10})
    peer = await peers.join(await server.person())
    for number in range(12):
        await peer.send("read", id=number, room=ROOM, seq=1)
    for number in range(10):
        assert (await peer.expect("error", id=number))["code"] == "not_found"
    for number in (10, 11):
        error = await peer.expect("error", id=number)
        assert (error["code"], error["retry"]) == ("rate_limited", "after")
        assert 0 < error["retry_after_ms"] <= 1_000_001
    assert peer.is_open


async def test_a_flood_of_frames_closes_the_connection(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"frames_per_minute": 0.06, "frames_burst": 5})
    ada = await server.person()
    peer = await peers.join(ada)
    for number in range(11):
        await peer.send("pong", id=number, n=1)
    assert await peer.closed() == 4029
    assert [frame["id"] for frame in peer.of("error")] == [5, 6, 7, 8, 9]
    await (await peers.join(ada)).settled()


@pytest.mark.setting("CHAT_LIMITS__SENDS_BURST")
async def test_sends_too_fast_are_rate_limited(start: StartServer, peers: Peers) -> None:
    """Per user, over all sockets and HTTP. A refused send may be repeated unchanged."""
    server = await start(limits={"sends_per_second": 0.001, "sends_burst": 4})
    ada = await server.person()
    room = await ada.makes_room()
    one, other = await peers.join(ada), await peers.join(ada)
    for peer in (one, other, one, other):
        await peer.says(room)
    error = await one.ask("message.send", room=room, nonce="again", text="x")
    assert (error["code"], error["retry"], error["room"]) == ("rate_limited", "after", room)
    assert 0 < error["retry_after_ms"] <= 1_000_001
    assert (await ada.sends(room)).status_code == 429
    await server.running.forget_limits()
    assert (await one.says(room, "x", nonce="again"))["seq"] == 7


async def test_every_frame_has_a_cost_or_needs_no_query() -> None:
    union = get_args(get_args(ClientFrame)[0])
    assert set(FRAME_COSTS) == set(union)
    free = {frame for frame, cost in FRAME_COSTS.items() if cost is None}
    assert free == {Close, Typing, Pong}


async def test_read_markers_count_as_changes_over_sockets_and_http(
    start: StartServer, peers: Peers
) -> None:
    server = await start(limits={"writes_per_minute": 0.01, "writes_burst": 16})
    ada = await server.person()
    room = await ada.makes_room()  # ten
    one, other = await peers.join(ada, room), await peers.join(ada)
    for peer in (one, other, one, other, one):
        assert (await peer.ask("read", room=room, seq=2))["type"] == "ack"
    assert_ok(await ada.put(f"/rooms/{room}/read", seq=2))
    error = await other.ask("read", room=room, seq=2)
    assert (error["code"], error["retry"], error["room"]) == ("rate_limited", "after", room)
    assert error["retry_after_ms"] > 0
    assert (await ada.put(f"/rooms/{room}/read", seq=2)).status_code == 429
    await one.says(room)  # messages have a rate of their own
    await other.settled()


async def test_frames_that_read_count_as_reads(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"reads_per_minute": 0.01, "reads_burst": 18})
    ada = await server.person()
    peer = await peers.join(ada)
    assert (await peer.ask("presence.subscribe", users=[]))["type"] == "presence"
    error = await peer.ask("open", rooms=[{"room": ROOM}])
    assert error["code"] == "not_found"
    assert (await peer.ask("history", room=ROOM))["code"] == "not_found"
    for type_, fields in (
        ("open", {"rooms": [{"room": ROOM}]}),
        ("presence.subscribe", {"users": []}),
    ):
        assert (await peer.ask(type_, **fields))["code"] == "rate_limited"
    late = await peers.dial(server.url)
    await late.send("hello", token=ada.access)
    error = await late.expect("error")
    assert error["code"] == "rate_limited"
    assert await late.closed() == 4029


@pytest.mark.setting("CHAT_LIMITS__SOCKETS_PER_USER")
async def test_the_oldest_of_too_many_sockets_is_replaced(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"sockets_per_user": 2})
    ada, bob = await server.person("ada"), await server.person("bob")
    of_bob = await peers.join(bob)
    sockets = [await peers.join(ada) for _ in range(4)]
    assert await sockets[0].closed() == 4409
    assert await sockets[1].closed() == 4409
    for peer in (*sockets[2:], of_bob):
        await peer.settled()


async def test_a_limit_of_one_connection_per_user(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"sockets_per_user": 1})
    ada = await server.person()
    room = await ada.makes_room()
    first, second = await peers.join(ada, room), await peers.join(ada, room)
    assert await first.closed() == 4409
    assert (await second.says(room))["seq"] == 3
    await second.has(room, 3)
