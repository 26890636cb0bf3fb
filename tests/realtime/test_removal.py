"""A member who is removed at seq k receives k, then `room.closed`, then nothing."""

import asyncio
import random

from app.wire.events import PublicationKind
from testkit.answers import assert_ok
from testkit.peer import Frame, Peer, Peers
from testkit.people import Person
from tests.realtime.dedicated_server import StartServer


def after(peer: Peer, frame: Frame) -> list[Frame]:
    return peer.frames[peer.frames.index(frame) + 1 :]


def check_farewell(peer: Peer, room: str, first: int, reason: str) -> int:
    """Check that all events up to the removal and then the close arrived, and nothing after it.
    Returns the last seq."""
    closed = peer.of("room.closed", room=room)
    assert len(closed) == 1
    assert closed[0]["reason"] == reason
    last: int = closed[0]["seq"]
    assert peer.seqs(room) == list(range(first, last + 1))
    assert peer.events(room)[-1]["type"] == f"member.{reason}"
    assert [f for f in after(peer, closed[0]) if f.get("room") == room] == []
    return last


async def test_a_removal_is_the_last_event_that_the_removed_member_gets(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    sockets = [await peers.join(bob, room) for _ in range(2)]
    stays = await peers.join(ada, room)
    await ada.says(room, "before")
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await ada.says(room, "after")
    await stays.has(room, 6)
    for peer in sockets:
        await peer.expect("room.closed")
        await peer.settled()
        assert check_farewell(peer, room, 4, "removed") == 5
        assert (await peer.opens(room))["code"] == "not_found"


async def test_leaving_closes_the_room(ada: Person, bob: Person, peers: Peers) -> None:
    room = await ada.makes_room("public", bob)
    peer = await peers.join(bob, room)
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    await peer.expect("room.closed")
    assert check_farewell(peer, room, 4, "left") == 4
    error = await peer.ask("message.send", room=room, nonce="n", text="x")
    assert error["code"] == "forbidden"


async def test_a_member_who_comes_back_gets_events_again(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob, room)
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await peer.expect("room.closed")
    await ada.says(room, "while away")
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    assert (await peer.opens(room, since=4))["state"] == "ok"
    await ada.says(room, "back")
    await peer.has(room, 7)
    assert peer.seqs(room) == [4, 5, 6, 7]


async def test_a_removed_member_gets_nothing_after_the_removal_among_concurrent_sends(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    """Fifty rounds: users send, bob is removed in between, and is added again."""
    room = await ada.makes_room("private", eve)
    peer = await peers.join(bob)
    writers = [await peers.join(ada), await peers.join(eve)]
    chance = random.Random(7)
    for _ in range(50):
        head = (
            assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
            and (await ada.room(room))["seq"]
        )
        peer.frames.clear()
        await peer.opens(room, since=head)
        for writer in writers:
            for _ in range(chance.randint(0, 4)):
                await writer.send("message.send", room=room, nonce=f"{chance.random()}", text="x")
        removal = asyncio.create_task(ada.delete(f"/rooms/{room}/members/{bob.id}"))
        for writer in writers:
            for _ in range(chance.randint(0, 4)):
                await writer.send("message.send", room=room, nonce=f"{chance.random()}", text="x")
        assert_ok(await removal, 204)
        for writer in writers:
            await writer.settled()
        await peer.expect("room.closed", room=room)
        await peer.settled()
        check_farewell(peer, room, head + 1, "removed")


async def test_a_read_marker_moved_after_a_removal_is_not_sent_to_the_removed_member(
    start: StartServer, peers: Peers
) -> None:
    """This process receives the read marker first, and reads the removal from the log."""
    server = await start()
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    room = await ada.makes_room("private", bob, eve)
    (said,) = await eve.says(room, "hello")
    gone, stays = await peers.join(bob, room), await peers.join(eve, room)
    hear = server.hear
    server.redirect_bus(
        lambda publication: publication.kind is PublicationKind.REMOVED or hear(publication)
    )
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    assert_ok(await ada.put(f"/rooms/{room}/read", seq=said))
    told = await stays.expect("read", user=ada.id, seq=said)
    assert stays.seqs(room) == [said + 1]
    assert told in after(stays, stays.events(room)[-1])
    await gone.expect("room.closed")
    await gone.settled()
    assert check_farewell(gone, room, said + 1, "removed") == said + 1
    assert gone.of("read") == []
