"""Publications may be lost, duplicated, reordered or forged: sockets receive the log, once and in
order."""

import asyncio
import random
from uuid import UUID

import pytest

from app.core.publications import Publication
from app.realtime.delivery import gap_repair, position_check
from app.wire.events import PublicationKind
from testkit.peer import Peers
from testkit.waiting import eventually, pause
from tests.realtime.dedicated_server import StartServer
from tests.realtime.hooks import LossyBus, QueryCounter


@pytest.mark.parametrize("seed", [1, 2])
async def test_lost_duplicated_and_reordered_publications_are_delivered_once_in_order(
    start: StartServer, peers: Peers, seed: int
) -> None:
    server = await start(realtime={"gap_repair_delay_ms": 10})
    chance, loop, hear = random.Random(seed), asyncio.get_running_loop(), server.hear

    def mangle(publication: Publication) -> None:
        for _ in range(chance.choice((0, 1, 1, 1, 2))):
            loop.call_later(chance.choice((0, 0, 0.002, 0.02)), hear, publication)

    server.redirect_bus(mangle)
    people = [await server.person(name) for name in ("ada", "bob", "eve")]
    room = await people[0].makes_room("private", *people[1:])
    sockets = [await peers.join(person, (room, 0)) for person in people * 2]
    await asyncio.gather(*(peer.says(room) for peer in sockets for _ in range(12)))
    await pause(0.03)  # the last that was delayed
    server.realtime.delivery.position_check_needed.set()  # as a bus does that knows of a loss
    for peer in sockets:
        await peer.has(room, 76)
        assert peer.seqs(room) == list(range(1, 77))


async def test_a_gap_is_read_from_the_log_once(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    sockets = [await peers.join(ada, room) for _ in range(3)]
    reads, loss = QueryCounter(server, monkeypatch), LossyBus(server)
    await ada.says(room, "heard")
    loss.drops_all = True
    await ada.says(room, *"not")
    loss.drops_all = False
    await ada.says(room, "heard again", "and again")
    for peer in sockets:
        await peer.has(room, 8)
        assert peer.seqs(room) == [3, 4, 5, 6, 7, 8]
    assert len(loss.dropped) == 3
    assert reads.count["read_log"] == 1


async def test_reordered_publications_cause_no_gap_repair(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(realtime={"gap_repair_delay_ms": 200})
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    reads, loss = QueryCounter(server, monkeypatch), LossyBus(server, drops_all=True)
    await ada.says(room, "a", "b", "c")
    a, b, c = loss.dropped
    for publication in (c, b, b, a, c):
        server.hear(publication)
    await peer.has(room, 5)
    assert peer.seqs(room) == [3, 4, 5]
    await eventually(lambda: not server.realtime.delivery.gap_since)
    assert reads.count["read_log"] == 0


async def test_a_position_check_after_a_possible_loss_finds_a_lost_last_event(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(3)]
    peer = await peers.join(ada, *rooms)
    LossyBus(server, drops_all=True)
    await ada.says(rooms[0], "lost", "lost")
    await ada.says(rooms[1], "lost")
    server.realtime.delivery.position_check_needed.set()
    await peer.has(rooms[0], 4)
    await peer.has(rooms[1], 3)
    assert [peer.seqs(room) for room in rooms] == [[3, 4], [3], []]


async def test_the_regular_position_check_finds_a_lost_last_event(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(position_check, "INTERVAL_S", 0.2)
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    LossyBus(server, drops_all=True)
    await ada.says(room, "lost")
    await peer.has(room, 3)


async def test_a_long_gap_is_read_in_pages(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gap_repair, "EVENTS_PER_PAGE", 10)
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer, writer = await peers.join(ada, room), await peers.join(ada)
    reads, loss = QueryCounter(server, monkeypatch), LossyBus(server)
    loss.drops_all = True
    for number in range(45):
        await writer.says(room, str(number))
    loss.drops_all = False
    await writer.says(room, "heard")
    await peer.has(room, 48)
    assert peer.seqs(room) == list(range(3, 49))
    assert reads.count["read_log"] == 5


async def test_a_gap_of_the_largest_messages_makes_no_connection_slow(
    start: StartServer, peers: Peers
) -> None:
    """A gap of two megabytes is repaired without disconnecting readers."""
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer, writer = await peers.join(ada, room), await peers.join(ada)
    loss = LossyBus(server, drops_all=True)
    for number in range(120):
        await writer.says(room, f"{number}" + "🙂" * 3900)
    loss.drops_all = False
    await writer.says(room, "heard")
    await peer.has(room, 123)
    assert peer.seqs(room) == list(range(3, 124))


@pytest.mark.parametrize("seq", [1000, 2**53 - 1])
async def test_a_forged_publication_of_the_far_future_changes_nothing(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch, seq: int
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    reads = QueryCounter(server, monkeypatch)
    false = Publication(PublicationKind.MESSAGE, UUID(room), seq, UUID(ada.id), b'{"type":"false"}')
    server.hear(false)
    await ada.says(room, *map(str, range(20)))
    server.hear(false)
    await ada.says(room, "x")
    await peer.has(room, 23)
    open_room = server.hub.rooms[UUID(room)]
    await eventually(lambda: open_room not in server.realtime.delivery.gap_since)
    await ada.says(room, "y")
    await peer.has(room, 24)
    assert peer.seqs(room) == list(range(3, 25))
    assert reads.count["read_log"] <= 4
    assert open_room.stream.gap() is None
