"""Who goes at seq k sees k, then `room.closed`, then nothing: live and while catching up."""

import asyncio
import random
from typing import Any

import pytest

from tests.features.answers import ok
from tests.features.people import Person
from tests.realtime.conftest import Own, Start
from tests.realtime.peer import Frame, Peer, Peers


def after(peer: Peer, frame: Frame) -> list[Frame]:
    return peer.frames[peer.frames.index(frame) + 1 :]


def check_farewell(peer: Peer, room: str, first: int, reason: str) -> int:
    """Everything of the room up to the end, then the close, and nothing after it. The last seq."""
    closed = peer.of("room.closed", room=room)
    assert len(closed) == 1
    assert closed[0]["reason"] == reason
    last: int = closed[0]["seq"]
    assert peer.seqs(room) == list(range(first, last + 1))
    assert peer.events(room)[-1]["type"] == f"member.{reason}"
    assert [f for f in after(peer, closed[0]) if f.get("room") == room] == []
    return last


async def test_the_removal_is_the_last_that_one_sees(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    sockets = [await peers.join(bob, room) for _ in range(2)]
    stays = await peers.join(ada, room)
    await ada.says(room, "before")
    ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
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
    ok(await bob.post(f"/rooms/{room}/leave"), 204)
    await peer.expect("room.closed")
    assert check_farewell(peer, room, 4, "left") == 4
    error = await peer.ask("message.send", room=room, nonce="n", text="x")
    assert error["code"] == "forbidden"


async def test_back_again_sees_again(ada: Person, bob: Person, peers: Peers) -> None:
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob, room)
    ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await peer.expect("room.closed")
    await ada.says(room, "while away")
    ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    assert (await peer.opens(room, since=4))["state"] == "ok"
    await ada.says(room, "back")
    await peer.has(room, 7)
    assert peer.seqs(room) == [4, 5, 6, 7]


async def test_nothing_is_seen_after_a_removal_among_sends(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    """Fifty rounds: people talk, bob is removed somewhere in between, and comes back."""
    room = await ada.makes_room("private", eve)
    peer = await peers.join(bob)
    writers = [await peers.join(ada), await peers.join(eve)]
    chance = random.Random(7)
    for _ in range(50):
        head = (
            ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
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
        ok(await removal, 204)
        for writer in writers:
            await writer.settled()
        await peer.expect("room.closed", room=room)
        await peer.settled()
        check_farewell(peer, room, head + 1, "removed")


class Slow:
    """Holds the server's catch-up reads back until told, before or after they have read."""

    def __init__(self, own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        self.before = False
        read = own.running.context.database.read

        async def slow(query: Any, *args: Any) -> Any:
            if query.__name__ != "read_missed":
                return await read(query, *args)
            if self.before:
                await self._wait()
                return await read(query, *args)
            found = await read(query, *args)
            await self._wait()
            return found

        monkeypatch.setattr(own.running.context.database, "read", slow)

    async def _wait(self) -> None:
        self.reached.set()
        await self.go.wait()


@pytest.mark.parametrize("room_is_open", [True, False], ids=["open", "not open"])
async def test_a_removal_during_catch_up_is_the_last_that_one_sees(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch, *, room_is_open: bool
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, "missed")
    peer = await peers.join(bob)
    if room_is_open:
        await peers.join(ada, room)
    slow = Slow(server, monkeypatch)
    await peer.send("open", id="o", rooms=[{"room": room, "since": 0}])
    await slow.reached.wait()
    await ada.says(room, "during")
    ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await ada.says(room, "after")
    slow.go.set()
    await peer.expect("room.opened", seq=4)
    await peer.expect("room.closed")
    await peer.settled()
    assert check_farewell(peer, room, 1, "removed") == 6


async def test_a_removal_before_the_catch_up_is_read_refuses_it(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    slow = Slow(server, monkeypatch)
    slow.before = True
    await peer.send("open", id="o", rooms=[{"room": room, "since": 0}])
    await slow.reached.wait()
    ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    slow.go.set()
    assert (await peer.expect("error", id="o"))["code"] == "not_found"
    await ada.says(room, "after")
    await peer.settled()
    assert peer.seqs(room) == []
    assert not server.hub.rooms


async def test_out_and_in_again_during_catch_up(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removal that the log has outdated does not put anybody out; one after it does."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await peers.join(ada, room)
    peer = await peers.join(bob)
    slow = Slow(server, monkeypatch)
    slow.before = True
    await peer.send("open", id="o", rooms=[{"room": room, "since": 3}])
    await slow.reached.wait()
    ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await ada.says(room, "while away")
    ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    slow.go.set()
    await peer.expect("room.opened", seq=6, state="ok")
    await ada.says(room, "live")
    await peer.has(room, 7)
    await peer.settled()
    assert peer.seqs(room) == [4, 5, 6, 7]
    assert peer.of("room.closed") == []
    # It counts as a member's socket, too.
    await peer.ask("close", rooms=[room])
    await ada.says(room, "counted")
    assert (await peer.expect("room.bumped"))["rooms"][0]["unread"] >= 1


async def test_out_in_and_out_during_catch_up(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happened between two removals after the log was read is not for the removed."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await peers.join(ada, room)
    peer = await peers.join(bob)
    slow = Slow(server, monkeypatch)
    await peer.send("open", id="o", rooms=[{"room": room, "since": 3}])
    await slow.reached.wait()
    for _ in range(2):
        ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
        await ada.says(room, "while away")
        ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    slow.go.set()
    await peer.expect("room.closed")
    await peer.settled()
    assert check_farewell(peer, room, 4, "removed") == 4
