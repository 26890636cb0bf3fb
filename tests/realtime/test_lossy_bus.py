"""Pokes may be lost, doubled, swapped or false: what sockets get is the log, once, in order."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from app.core.errors import Busy
from app.core.events import Announcement, Kind
from app.realtime import pulse, repair
from tests.realtime.conftest import Own, Start, soon
from tests.realtime.peer import Peers

Run = Callable[[], Awaitable[Any]]


class Reads:
    """Counts the server's reads of the database by query, and can make one fail."""

    def __init__(self, server: Own, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count: Counter[str] = Counter()
        self.failures: dict[str, list[Exception]] = {}
        server.watch_reads(monkeypatch, self._watch)

    async def _watch(self, name: str, run: Run) -> Any:
        self.count[name] += 1
        if self.failures.get(name):
            raise self.failures[name].pop()
        return await run()


class Loss:
    """Between the bus and the hub: drops what it is told to."""

    def __init__(self, server: Own) -> None:
        self.deaf = False
        self.dropped = 0
        self._hear = server.hear
        server.deafen(self._pass)

    def _pass(self, poke: Announcement) -> None:
        if self.deaf:
            self.dropped += 1
        else:
            self._hear(poke)


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_the_bus_does(start: Start, peers: Peers, seed: int) -> None:
    server = await start(realtime={"gap_wait_ms": 10})
    chance, loop, hear = random.Random(seed), asyncio.get_running_loop(), server.hear

    def mangle(poke: Announcement) -> None:
        for _ in range(chance.choice((0, 1, 1, 1, 2))):
            loop.call_later(chance.choice((0, 0, 0.002, 0.02)), hear, poke)

    server.deafen(mangle)
    people = [await server.person(name) for name in ("ada", "bob", "eve")]
    room = await people[0].makes_room("private", *people[1:])
    sockets = [await peers.join(person, (room, 0)) for person in people * 2]
    await asyncio.gather(*(peer.says(room) for peer in sockets for _ in range(12)))
    await asyncio.sleep(0.03)  # the last that was delayed
    server.hub.doubts.set()  # as a bus does that knows of a loss
    for peer in sockets:
        await peer.has(room, 76)
        assert peer.seqs(room) == list(range(1, 77))


async def test_a_hole_is_read_from_the_log_once(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    sockets = [await peers.join(ada, room) for _ in range(3)]
    reads, loss = Reads(server, monkeypatch), Loss(server)
    await ada.says(room, "heard")
    loss.deaf = True
    await ada.says(room, *"not")
    loss.deaf = False
    await ada.says(room, "heard again", "and again")
    for peer in sockets:
        await peer.has(room, 8)
        assert peer.seqs(room) == [3, 4, 5, 6, 7, 8]
    assert loss.dropped == 3
    assert reads.count["_log"] == 1


async def test_what_is_only_swapped_is_not_read(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(realtime={"gap_wait_ms": 200})
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    reads, kept = Reads(server, monkeypatch), list[Announcement]()
    server.deafen(kept.append)
    await ada.says(room, "a", "b", "c")
    for poke in (kept[2], kept[1], kept[1], kept[0], kept[2]):
        server.hear(poke)
    await peer.has(room, 5)
    assert peer.seqs(room) == [3, 4, 5]
    await soon(lambda: not next(iter(server.hub.rooms.values())).repairing)
    assert reads.count["_log"] == 0


async def test_a_lost_tail_is_found_when_the_bus_has_doubts(start: Start, peers: Peers) -> None:
    server = await start()
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(3)]
    peer = await peers.join(ada, *rooms)
    Loss(server).deaf = True
    await ada.says(rooms[0], "lost", "lost")
    await ada.says(rooms[1], "lost")
    server.hub.doubts.set()
    await peer.has(rooms[0], 4)
    await peer.has(rooms[1], 3)
    assert [peer.seqs(room) for room in rooms] == [[3, 4], [3], []]


async def test_a_lost_tail_is_found_without_doubts(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "HEADS_EVERY_S", 0.2)
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    Loss(server).deaf = True
    await ada.says(room, "lost")
    await peer.has(room, 3)


async def test_a_long_hole_is_read_in_pages(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "PAGE", 10)
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer, writer = await peers.join(ada, room), await peers.join(ada)
    reads, loss = Reads(server, monkeypatch), Loss(server)
    loss.deaf = True
    for number in range(45):
        await writer.says(room, str(number))
    loss.deaf = False
    await writer.says(room, "heard")
    await peer.has(room, 48)
    assert peer.seqs(room) == list(range(3, 49))
    assert reads.count["_log"] == 5


async def test_the_largest_messages_in_a_hole_do_not_make_sockets_slow(
    start: Start, peers: Peers
) -> None:
    """A hole of several megabytes is filled without dropping those who read."""
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer, writer = await peers.join(ada, room), await peers.join(ada)
    loss = Loss(server)
    loss.deaf = True
    for number in range(300):
        await writer.says(room, f"{number}" + "🙂" * 3900)
    loss.deaf = False
    await writer.says(room, "heard")
    await peer.has(room, 303)
    assert peer.seqs(room) == list(range(3, 304))


@pytest.mark.parametrize("seq", [1000, 2**53 - 1])
async def test_a_false_poke_of_the_far_future_changes_nothing(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch, seq: int
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    reads = Reads(server, monkeypatch)
    false = Announcement(Kind.MESSAGE, UUID(room), seq, UUID(ada.id), b'{"type":"false"}')
    server.hear(false)
    await ada.says(room, *map(str, range(20)))
    server.hear(false)
    await ada.says(room, "x")
    await peer.has(room, 23)
    open_room = server.hub.rooms[UUID(room)]
    await soon(lambda: not open_room.repairing)
    await ada.says(room, "y")
    await peer.has(room, 24)
    assert peer.seqs(room) == list(range(3, 25))
    assert reads.count["_log"] <= 4
    assert open_room.stream.gap() is None


async def test_many_rooms_with_holes_are_repaired_together(start: Start, peers: Peers) -> None:
    """The wait before a repair is one for all rooms, and not one after the other."""
    server = await start(realtime={"gap_wait_ms": 400})
    ada = await server.person()
    rooms = await server.rooms(ada, 60)
    peer = await peers.join(ada)
    await peer.send("open", rooms=[{"room": room} for room in rooms])
    await peer.until(lambda: len(peer.of("room.opened")) == 60)
    Loss(server).deaf = True
    await asyncio.gather(*(ada.says(room, "lost") for room in rooms))
    server.hub.doubts.set()
    # Not fifteen waits, each for four of them.
    await peer.until(lambda: all(peer.seqs(room) == [3] for room in rooms), within=4)


@pytest.mark.parametrize("error", [RuntimeError("a defect"), Busy("no database")], ids=repr)
async def test_a_repair_that_fails_is_tried_again(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(repair, "TRY_AGAIN_S", 0.05)
    server = await start()
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(6)]
    peer = await peers.join(ada, *rooms)
    reads = Reads(server, monkeypatch)
    reads.failures["_log"] = [error] * 5
    Loss(server).deaf = True
    for room in rooms:
        await ada.says(room, "lost")
    server.hub.doubts.set()
    await peer.until(lambda: all(peer.seqs(room) == [3] for room in rooms))


@pytest.mark.parametrize("error", [RuntimeError("a defect"), Busy("no database")], ids=repr)
async def test_a_doubt_outlives_a_failure(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(pulse, "TICK_S", 0.05)
    monkeypatch.setattr("app.bootstrap.RESTART_S", 0.05)
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    Reads(server, monkeypatch).failures["_heads"] = [error]
    Loss(server).deaf = True
    await ada.says(room, "lost")
    server.hub.doubts.set()
    await peer.has(room, 3)


@pytest.mark.parametrize("error", [RuntimeError("a defect"), Busy("no database")], ids=repr)
async def test_a_count_outlives_a_failure(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("app.bootstrap.RESTART_S", 0.05)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    Reads(server, monkeypatch).failures["_badges"] = [error]
    await ada.says(room, "hi")
    bump = await peer.expect("room.bumped")
    assert bump["rooms"][0]["unread"] == 1


async def test_who_opens_a_room_is_counted_though_the_joining_was_lost(
    start: Start, peers: Peers
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room()
    peer = await peers.join(bob)
    loss = Loss(server)
    loss.deaf = True
    await bob.post(f"/rooms/{room}/join")
    loss.deaf = False
    await peer.opens(room)
    await peer.ask("close", rooms=[room])
    await ada.says(room, "hi")
    assert (await peer.expect("room.bumped"))["rooms"][0]["unread"] == 1


async def test_late_pokes_of_a_room_that_was_opened_meanwhile_are_counted(
    start: Start, peers: Peers
) -> None:
    """The room was read by somebody who opened it, before the poke came: those who have it closed
    still hear of the message, of who came and of who went."""
    server = await start()
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    room = await ada.makes_room("private", bob, eve)
    other = await ada.makes_room("private")
    peer, removed, added = await peers.join(bob), await peers.join(eve), await peers.join(eve)
    kept: list[Announcement] = []
    server.deafen(kept.append)
    await ada.says(room, "hi")
    await ada.delete(f"/rooms/{room}/members/{eve.id}")
    await ada.post(f"/rooms/{other}/members", users=[eve.id])
    await peers.join(ada, room, other)
    for poke in kept:
        server.hear(poke)
    assert (await peer.expect("room.bumped"))["rooms"][0] | {"seq": 0, "read_seq": 0} == {
        "room": room,
        "seq": 0,
        "read_seq": 0,
        "unread": 1,
        "mentions": 0,
    }
    await removed.expect("room.closed", room=room)
    assert (await added.expect("room.bumped"))["rooms"][0]["room"] == other
