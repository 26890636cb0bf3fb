"""Who goes while a room is being opened sees no more than who goes later."""

import pytest

from tests.features.answers import ok
from tests.realtime.conftest import Start
from tests.realtime.hooks import Held
from tests.realtime.peer import Peers
from tests.realtime.test_removal import check_farewell


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
    held = Held(server, monkeypatch, "read_missed")
    await peer.send("open", id="o", rooms=[{"room": room, "since": 0}])
    reading = await held.next()
    await ada.says(room, "during")
    ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await ada.says(room, "after")
    reading.set()
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
    held = Held(server, monkeypatch, "read_missed", before=True)
    await peer.send("open", id="o", rooms=[{"room": room, "since": 0}])
    reading = await held.next()
    ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    reading.set()
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
    held = Held(server, monkeypatch, "read_missed", before=True)
    await peer.send("open", id="o", rooms=[{"room": room, "since": 3}])
    reading = await held.next()
    ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await ada.says(room, "while away")
    ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    reading.set()
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
    held = Held(server, monkeypatch, "read_missed")
    await peer.send("open", id="o", rooms=[{"room": room, "since": 3}])
    reading = await held.next()
    for _ in range(2):
        ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
        await ada.says(room, "while away")
        ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    reading.set()
    await peer.expect("room.closed")
    await peer.settled()
    assert check_farewell(peer, room, 4, "removed") == 4
