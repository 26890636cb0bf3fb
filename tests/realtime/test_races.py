"""Opening and closing while everything else goes on."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.core.events import Announcement
from app.realtime import hub as hub_module
from tests.features.people import Person
from tests.realtime.conftest import Own, Start, soon
from tests.realtime.peer import Peer, Peers

Run = Callable[[], Awaitable[Any]]


class Gate:
    """Catch-up reads stop after they have read, in the order in which they came, until let go."""

    def __init__(self, server: Own, monkeypatch: pytest.MonkeyPatch) -> None:
        self._waiting: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self.closed = True
        server.watch_reads(monkeypatch, self._watch)

    async def _watch(self, name: str, run: Run) -> Any:
        found = await run()
        if name == "read_missed" and self.closed:
            await self._waiting.put(go := asyncio.Event())
            await go.wait()
        return found

    async def next(self) -> asyncio.Event:
        """The next read that has come to the gate; `set` lets it go."""
        async with asyncio.timeout(10):
            return await self._waiting.get()


async def until_idle(server: Own) -> None:
    """Every socket has come to its end, and nothing is left of it."""
    await soon(lambda: not server.running.server.server_state.tasks)
    hub = server.hub
    assert (hub.sockets, hub.by_user, hub.audience, hub.rooms) == (set(), {}, {}, {})


async def test_two_who_open_a_room_at_once_both_get_everything(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one whose read is older finishes later; what lies between the two reads reaches both."""
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    slow, fast = await peers.join(ada), await peers.join(ada)
    gate = Gate(server, monkeypatch)
    await slow.send("open", rooms=[{"room": room, "since": 0}])
    first = await gate.next()
    await ada.says(room, "after the slow one has read", "and before the fast one")
    gate.closed = False
    await fast.opens(room, since=0)
    await ada.says(room, "live for the fast one")
    first.set()
    await slow.expect("room.opened")
    await ada.says(room, "live for both")
    for peer in (slow, fast):
        await peer.has(room, 6)
        assert peer.seqs(room) == [1, 2, 3, 4, 5, 6]


async def test_a_log_that_is_ahead_of_the_bus_brings_nothing_twice(
    start: Start, peers: Peers
) -> None:
    server = await start(realtime={"gap_wait_ms": 100})
    ada = await server.person()
    room = await ada.makes_room()
    early = await peers.join(ada, room)
    kept: list[Announcement] = []
    server.deafen(kept.append)
    await ada.says(room, "a", "b", "c")
    late = await peers.join(ada, (room, 0))
    await late.has(room, 5)
    for poke in kept:
        server.hear(poke)
    server.deafen(server.hear)
    await ada.says(room, "d")
    await late.has(room, 6)
    await early.has(room, 6)
    assert late.seqs(room) == [1, 2, 3, 4, 5, 6]
    assert early.seqs(room) == [3, 4, 5, 6]


async def test_a_doubt_during_an_open_reaches_the_one_who_opens(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log was read, then a poke was lost, then the bus has doubts, and only then it is live."""
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada)
    gate = Gate(server, monkeypatch)
    await peer.send("open", rooms=[{"room": room, "since": 2}])
    reading = await gate.next()
    heads_read = asyncio.Event()

    async def watch(name: str, run: Run) -> Any:
        found = await run()
        if name == "_heads":
            asyncio.get_running_loop().call_soon(heads_read.set)
        return found

    server.watch_reads(monkeypatch, watch)
    server.deafen(lambda _: None)
    await ada.says(room, "lost")
    server.hub.doubts.set()
    await heads_read.wait()
    reading.set()
    await peer.has(room, 3)
    assert peer.seqs(room) == [3]


@pytest.mark.parametrize("how", ["client", "server"])
async def test_a_socket_that_goes_while_it_opens_leaves_nothing_behind(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    server = await start()
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(4)]
    peer = await peers.join(ada)
    gate = Gate(server, monkeypatch)
    await peer.send("open", rooms=[{"room": room, "since": 0} for room in rooms])
    (await gate.next()).set()
    second = await gate.next()
    if how == "client":
        peer.connection.transport.abort()
    else:
        await ada.post("/auth/logout")
        assert await peer.closed() == 4403
    gate.closed = False
    second.set()
    await until_idle(server)


async def test_a_socket_that_is_replaced_in_its_hello_leaves_nothing_behind(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(limits={"sockets_per_user": 1})
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(3)]
    reached, go = asyncio.Event(), asyncio.Event()

    async def watch(name: str, run: Run) -> Any:
        found = await run()
        if name == "_room_ids" and not reached.is_set():
            reached.set()
            await go.wait()
        return found

    server.watch_reads(monkeypatch, watch)
    first = await peers.dial(server.url)
    await first.send("hello", token=ada.access, rooms=[{"room": room} for room in rooms])
    await reached.wait()
    second = await peers.join(ada, rooms[0])
    assert await first.closed() == 4409
    go.set()
    await second.leave()
    await until_idle(server)


async def test_counts_come_after_the_list_that_they_are_newer_than(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(realtime={"bump_every_ms": 10})
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    listed, go, counted = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def watch(name: str, run: Run) -> Any:
        found = await run()
        if name == "my_rooms":
            listed.set()
            await go.wait()
        elif name == "_badges":
            counted.set()
        return found

    server.watch_reads(monkeypatch, watch)
    witness = await server.person("eve")
    elsewhere = await ada.makes_room("private", witness)
    go.set()
    await peers.join(witness)
    go.clear()
    listed.clear()
    peer = await peers.dial(server.url)
    await peer.send("hello", token=bob.access)
    await listed.wait()
    await ada.says(room, "counted, but not in the list")
    await ada.says(elsewhere, "so that something is counted")
    await counted.wait()
    go.set()
    bump = await peer.expect("room.bumped")
    assert bump["rooms"][0]["unread"] == 1
    assert [frame["type"] for frame in peer.frames] == ["welcome", "rooms", "room.bumped"]


async def test_an_open_that_fails_leaves_nothing_behind(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada)
    failures = [RuntimeError("a defect")]

    async def watch(name: str, run: Run) -> Any:
        if name == "read_missed" and failures:
            raise failures.pop()
        return await run()

    server.watch_reads(monkeypatch, watch)
    error = await peer.opens(room)
    assert (error["code"], error["retry"]) == ("internal", "after")
    assert not server.hub.rooms
    assert (await peer.opens(room))["type"] == "room.opened"
    await ada.says(room, "hi")
    await peer.has(room, 3)


async def test_a_defect_in_the_hello_ends_the_socket_for_now(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()

    async def watch(name: str, run: Run) -> Any:
        if name == "my_rooms":
            raise RuntimeError("a defect")
        return await run()

    server.watch_reads(monkeypatch, watch)
    peer = await peers.dial(server.url)
    await peer.send("hello", token=ada.access)
    assert await peer.closed() == 4000
    await until_idle(server)


async def test_what_cannot_queue_while_a_room_opens_is_said(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "MOST_QUEUED", 3)
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    watcher, peer = await peers.join(ada, room), await peers.join(ada)
    gate = Gate(server, monkeypatch)
    await peer.send("open", id="o", rooms=[{"room": room, "since": 2}])
    reading = await gate.next()
    await ada.says(room, *"abcde")
    await watcher.has(room, 7)
    gate.closed = False
    reading.set()
    error = await peer.expect("error", id="o")
    assert (error["code"], error["retry"], error["room"]) == ("busy", "after", room)
    assert (await peer.opens(room, since=2))["state"] == "ok"
    await peer.has(room, 7)
    assert peer.seqs(room) == [3, 4, 5, 6, 7]


async def test_a_room_that_is_closed_during_its_repair_and_opened_again(
    start: Start, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    reached, go = asyncio.Event(), asyncio.Event()

    async def watch(name: str, run: Run) -> Any:
        found = await run()
        if name == "_log" and not reached.is_set():
            reached.set()
            await go.wait()
        return found

    server.watch_reads(monkeypatch, watch)
    server.deafen(lambda _: None)
    await ada.says(room, "lost")
    server.hub.doubts.set()
    await reached.wait()
    await peer.ask("close", rooms=[room])
    assert not server.hub.rooms
    server.deafen(server.hear)
    await peer.opens(room, since=2)
    await ada.says(room, "live")
    go.set()
    await peer.has(room, 4)
    await ada.says(room, "live")
    await peer.has(room, 5)
    assert peer.seqs(room) == [3, 4, 5]


class Wanderer:
    """Opens and closes a room again and again from the own position; and checks each stretch."""

    def __init__(self, peer: Peer, room: str, chance: random.Random) -> None:
        self.peer, self.room, self.chance = peer, room, chance
        self.position = 0

    async def wander(self, times: int) -> None:
        for _ in range(times):
            await self.stretch()
            await asyncio.sleep(self.chance.random() * 0.02)

    async def stretch(self, until: int | None = None) -> None:
        peer = self.peer
        peer.frames.clear()
        opened = await peer.opens(self.room, since=self.position)
        assert opened["state"] == "ok", opened
        if until is None:
            await asyncio.sleep(self.chance.random() * 0.03)
        else:
            await peer.until(lambda: self.position >= until or until in peer.seqs(self.room))
        await peer.ask("close", rooms=[self.room])
        seqs = peer.seqs(self.room)
        assert seqs == list(range(self.position + 1, self.position + 1 + len(seqs)))
        self.position += len(seqs)


@pytest.mark.parametrize("seed", [1, 2])
async def test_coming_and_going_while_the_bus_loses_things(
    start: Start, peers: Peers, seed: int
) -> None:
    server = await start(limits={"catchup_room": 1000}, realtime={"gap_wait_ms": 5})
    chance, loop, hear = random.Random(seed), asyncio.get_running_loop(), server.hear

    def mangle(poke: Announcement) -> None:
        for _ in range(chance.choice((0, 1, 1, 2))):
            loop.call_later(chance.choice((0, 0.001, 0.01)), hear, poke)

    server.deafen(mangle)
    ada = await server.person()
    room = await ada.makes_room()
    wanderers = [Wanderer(await peers.join(ada), room, random.Random(seed + n)) for n in range(8)]
    sending = asyncio.create_task(talk(ada, room, 100))
    await asyncio.gather(*(wanderer.wander(10) for wanderer in wanderers))
    await sending
    await asyncio.sleep(0.02)
    for wanderer in wanderers:
        await wanderer.stretch(until=102)
        assert wanderer.position == 102
    assert not server.hub.rooms


async def talk(person: Person, room: str, count: int) -> None:
    for number in range(count):
        await person.says(room, str(number))
