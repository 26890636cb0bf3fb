"""Opening and closing rooms while everything else goes on."""

import asyncio
import random

import pytest

from app.core.publications import Publication
from app.realtime.delivery import delivery as delivery_module
from testkit.peer import Peer, Peers
from testkit.people import Person
from testkit.waiting import pause
from tests.realtime.dedicated_server import StartServer
from tests.realtime.hooks import LossyBus, PausedQuery, QueryCounter


async def test_two_clients_that_open_a_room_at_once_both_get_everything(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older read finishes later; the events between the two reads reach both clients."""
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    slow, fast = await peers.join(ada), await peers.join(ada)
    held = PausedQuery(server, monkeypatch, "load_catch_up")
    await slow.send("open", rooms=[{"room": room, "since": 0}])
    first = await held.next()
    await ada.says(room, "after the slow one has read", "and before the fast one")
    await fast.opens(room, since=0)
    await ada.says(room, "live for the fast one")
    first.set()
    await slow.expect("room.opened")
    await ada.says(room, "live for both")
    for peer in (slow, fast):
        await peer.has(room, 6)
        assert peer.seqs(room) == [1, 2, 3, 4, 5, 6]


async def test_a_publication_that_comes_after_its_catch_up_is_delivered_once(
    start: StartServer, peers: Peers
) -> None:
    server = await start(realtime={"gap_repair_delay_ms": 100})
    ada = await server.person()
    room = await ada.makes_room()
    early = await peers.join(ada, room)
    loss = LossyBus(server, drops_all=True)
    await ada.says(room, "a", "b", "c")
    late = await peers.join(ada, (room, 0))
    await late.has(room, 5)
    loss.drops_all = False
    for publication in loss.dropped:
        server.hear(publication)
    await ada.says(room, "d")
    await late.has(room, 6)
    await early.has(room, 6)
    assert late.seqs(room) == [1, 2, 3, 4, 5, 6]
    assert early.seqs(room) == [3, 4, 5, 6]


async def test_a_position_check_while_a_room_is_opened_reaches_its_client(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this order: read the log, lose a publication, check positions, go live."""
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada)
    held, reads = (
        PausedQuery(server, monkeypatch, "load_catch_up"),
        QueryCounter(server, monkeypatch),
    )
    await peer.send("open", rooms=[{"room": room, "since": 2}])
    reading = await held.next()
    LossyBus(server, drops_all=True)
    await ada.says(room, "lost")
    server.realtime.delivery.position_check_needed.set()
    await reads.until("read_heads")
    reading.set()
    await peer.has(room, 3)
    assert peer.seqs(room) == [3]


async def test_too_many_events_while_a_room_is_opened_are_an_error(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "MAX_QUEUED_EVENTS", 3)
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    watcher, peer = await peers.join(ada, room), await peers.join(ada)
    held = PausedQuery(server, monkeypatch, "load_catch_up")
    await peer.send("open", id="o", rooms=[{"room": room, "since": 2}])
    reading = await held.next()
    await ada.says(room, *"abcde")
    await watcher.has(room, 7)
    reading.set()
    error = await peer.expect("error", id="o")
    assert (error["code"], error["retry"], error["room"]) == ("busy", "after", room)
    assert (await peer.opens(room, since=2))["state"] == "ok"
    await peer.has(room, 7)
    assert peer.seqs(room) == [3, 4, 5, 6, 7]


async def test_a_room_closed_during_its_gap_repair_can_be_opened_again(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    held = PausedQuery(server, monkeypatch, "read_log")
    loss = LossyBus(server, drops_all=True)
    await ada.says(room, "lost")
    server.realtime.delivery.position_check_needed.set()
    repairing = await held.next()
    await peer.ask("close", rooms=[room])
    assert not server.hub.rooms
    loss.drops_all = False
    await peer.opens(room, since=2)
    await ada.says(room, "live")
    repairing.set()
    await peer.has(room, 4)
    await ada.says(room, "live")
    await peer.has(room, 5)
    assert peer.seqs(room) == [3, 4, 5]


class Wanderer:
    """Opens and closes a room repeatedly from its own position, and checks all events."""

    def __init__(self, peer: Peer, room: str, chance: random.Random) -> None:
        self.peer, self.room, self.chance = peer, room, chance
        self.position = 0

    async def wander(self, times: int) -> None:
        for _ in range(times):
            await self.stretch()
            await pause(self.chance.random() * 0.02)

    async def stretch(self, until: int | None = None) -> None:
        peer = self.peer
        peer.frames.clear()
        opened = await peer.opens(self.room, since=self.position)
        assert opened["state"] == "ok", opened
        if until is None:
            await pause(self.chance.random() * 0.03)
        else:
            await peer.until(lambda: self.position >= until or until in peer.seqs(self.room))
        await peer.ask("close", rooms=[self.room])
        seqs = peer.seqs(self.room)
        assert seqs == list(range(self.position + 1, self.position + 1 + len(seqs)))
        self.position += len(seqs)


@pytest.mark.parametrize("seed", [1, 2])
async def test_joins_and_leaves_are_delivered_on_a_lossy_bus(
    start: StartServer, peers: Peers, seed: int
) -> None:
    server = await start(
        limits={"catchup_events_per_room": 1000}, realtime={"gap_repair_delay_ms": 5}
    )
    chance, loop, hear = random.Random(seed), asyncio.get_running_loop(), server.hear

    def mangle(publication: Publication) -> None:
        for _ in range(chance.choice((0, 1, 1, 2))):
            loop.call_later(chance.choice((0, 0.001, 0.01)), hear, publication)

    server.redirect_bus(mangle)
    ada = await server.person()
    room = await ada.makes_room()
    wanderers = [Wanderer(await peers.join(ada), room, random.Random(seed + n)) for n in range(8)]
    sending = asyncio.create_task(talk(ada, room, 100))
    await asyncio.gather(*(wanderer.wander(10) for wanderer in wanderers))
    await sending
    await pause(0.02)
    for wanderer in wanderers:
        await wanderer.stretch(until=102)
        assert wanderer.position == 102
    assert not server.hub.rooms


async def talk(person: Person, room: str, count: int) -> None:
    for number in range(count):
        await person.says(room, str(number))
