"""Sends are committed before the ack, idempotent, and delivered once to every subscriber."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.persistence.engine import create_engines
from testkit.answers import assert_ok
from testkit.peer import Frame, Peer, Peers
from testkit.people import Person
from testkit.server import TestServer


async def test_an_ack_means_committed(server: TestServer, ada: Person, peers: Peers) -> None:
    """Another connection to the database sees the row at the moment of the ack."""
    room = await ada.makes_room()
    peer = await peers.join(ada)
    engines = create_engines(server.settings.database)
    try:
        async with engines.read.connect() as connection:
            for number in range(20):
                await peer.says(room, f"message {number}")
                seen = await connection.scalar(
                    text("SELECT count(*) FROM messages WHERE text = :text AND nonce = :nonce"),
                    {"text": f"message {number}", "nonce": peer.last_nonce},
                )
                await connection.rollback()
                assert seen == 1
    finally:
        await engines.dispose()


async def test_each_subscriber_gets_a_message_once(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    elsewhere = await ada.makes_room("private", eve)
    sockets = [await peers.join(person, room) for person in (ada, ada, bob, bob)]
    outsider = await peers.join(eve, elsewhere)
    ack = await sockets[0].says(room, "hello")
    assert (ack["seq"], ack["duplicate"]) == (4, False)
    for peer in sockets:
        event = await peer.expect("message.created", room=room)
        assert (event["seq"], event["actor"]) == (4, ada.id)
        assert event["at"] == event["message"]["at"] == ack["at"]
        assert event["message"] | {"at": 0} == {
            "seq": 4,
            "sender": ada.id,
            "at": 0,
            "text": "hello",
            "nonce": sockets[0].last_nonce,
            "reply_to": None,
        }
    await ada.says(elsewhere, "after it")
    await outsider.has(elsewhere, 4)
    for peer in sockets:
        await peer.settled()
        assert peer.seqs(room) == [4]
    assert outsider.seqs(room) == []


async def test_messages_sent_over_sockets_and_http_are_equal(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    await peer.says(room, "a", nonce="one")
    sent = assert_ok(await ada.sends(room, "a", nonce="two", reply_to=3), 201)
    await peer.has(room, 4)
    first, second = (event["message"] for event in peer.events(room))
    assert set(first) == set(second)
    assert sent == second


async def test_a_repeated_nonce_is_idempotent(ada: Person, bob: Person, peers: Peers) -> None:
    room = await ada.makes_room("private", bob)
    peer, other = await peers.join(ada, room), await peers.join(ada, room)
    first = await peer.says(room, "once", nonce="n-1")
    again = await other.says(room, "once", nonce="n-1")
    assert again | {"id": 0} == first | {"id": 0, "duplicate": True}
    assert assert_ok(await ada.sends(room, "once", nonce="n-1"), 200)["seq"] == first["seq"]
    conflict = await peer.ask("message.send", room=room, nonce="n-1", text="twice")
    assert (conflict["code"], conflict["room"]) == ("nonce_conflict", room)
    # A nonce is the sender's own, and the room's.
    assert assert_ok(await bob.sends(room, "once", nonce="n-1"), 201)["seq"] == first["seq"] + 1
    await peer.has(room, first["seq"] + 1)
    await peer.settled()
    assert peer.seqs(room) == [first["seq"], first["seq"] + 1]


async def test_concurrent_senders_leave_a_log_without_gaps(
    server: TestServer, ada: Person, peers: Peers
) -> None:
    everybody = await server.people(ada.http, *"vwxyz")
    room = await ada.makes_room("private", *everybody)
    sockets = [await peers.join(person, room) for person in everybody]

    async def talk(peer: Peer) -> list[Frame]:
        return [await peer.says(room, str(number)) for number in range(40)]

    acks = await asyncio.gather(*map(talk, sockets))
    for peer in sockets:
        await peer.has(room, 207)
        assert peer.seqs(room) == list(range(8, 208))
    # The order of each sender is the order of the log.
    for own in acks:
        assert [ack["seq"] for ack in own] == sorted(ack["seq"] for ack in own)
    assert sorted(ack["seq"] for own in acks for ack in own) == list(range(8, 208))


async def test_100_sends_with_one_nonce_are_idempotent(
    server: TestServer, ada: Person, peers: Peers
) -> None:
    """Over HTTP and sockets. test_two_processes.py uses two processes."""
    room = await ada.makes_room()
    nonce = uuid4().hex
    sockets = [await peers.join(ada) for _ in range(5)]
    posted, acks = await asyncio.gather(
        asyncio.gather(*(ada.sends(room, "once", nonce) for _ in range(50))),
        asyncio.gather(*(sockets[n % 5].says(room, "once", nonce) for n in range(50))),
    )
    assert {answer.json()["seq"] for answer in posted} | {ack["seq"] for ack in acks} == {3}
    created = [a.status_code for a in posted].count(201) + [a["duplicate"] for a in acks].count(
        False
    )
    assert created == 1
    await ada.says(room, "next")
    assert [event["seq"] for event in await ada.log(room)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "message",
    [
        "plain",
        "👩‍👩‍👧‍👦 e\u0301 \u202eright to left\u202c",
        "a\nb\r\n\tc",
        " \u00a0x ",
        '"\\/',
        "<b>&amp;",
        "𝕏" * 4000,
    ],
    ids=ascii,
)
async def test_text_arrives_exactly_as_it_was_sent(ada: Person, peers: Peers, message: str) -> None:
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    seq = (await peer.says(room, message))["seq"]
    event = await peer.expect("message.created")
    assert event["message"]["text"] == message
    assert assert_ok(await ada.get(f"/rooms/{room}/messages/{seq}"))["text"] == message
    await peer.opens(room, since=seq - 1)
    assert (await peer.expect("message.created"))["message"]["text"] == message


async def test_a_refused_send_changes_nothing(ada: Person, bob: Person, peers: Peers) -> None:
    room, private = await ada.makes_room(), await ada.makes_room("private")
    peer = await peers.join(bob)
    for where, code in ((room, "forbidden"), (private, "not_found"), (str(uuid4()), "not_found")):
        error = await peer.ask("message.send", room=where, nonce="n", text="x")
        assert (error["code"], error["room"], error["retry"]) == (code, where, "never")
    own = await peers.join(ada, room)
    too_long = await own.ask("message.send", room=room, nonce="n", text="x" * 4001)
    assert (too_long["code"], too_long["errors"][0]["path"]) == ("invalid", "text")
    no_such = await own.ask("message.send", room=room, nonce="n", text="x", reply_to=2)
    assert (no_such["code"], no_such["errors"][0]["path"]) == ("invalid", "reply_to")
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    archived = await own.ask("message.send", room=room, nonce="n", text="x")
    assert archived["code"] == "room_archived"
    assert [event["seq"] for event in await ada.log(room)] == [1, 2, 3]


async def test_a_send_that_a_filter_refuses_is_answered_with_an_error(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    rule = {"kind": "word", "expression": "pills", "action": "refuse", "note": "No advertisements"}
    assert_ok(await ada.post(f"/rooms/{room}/filters", **rule), 201)
    peer = await peers.join(bob, room)
    error = await peer.ask("message.send", room=room, nonce="n", text="cheap pills")
    assert (error["type"], error["code"], error["retry"]) == ("error", "filtered", "never")
    assert "(No advertisements)" in error["detail"]
