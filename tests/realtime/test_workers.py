"""Background tasks handle many rooms at once and survive failures."""

import asyncio
from types import SimpleNamespace

import pytest

from app.realtime.delivery import gap_repair, position_check
from app.wire.errors import Busy
from testkit.peer import Peers
from testkit.waiting import pause
from tests.realtime.dedicated_server import StartServer
from tests.realtime.hooks import LossyBus, QueryCounter


@pytest.mark.parametrize("error", [RuntimeError("a defect"), Busy("no database")], ids=repr)
async def test_a_failed_gap_repair_is_retried(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(gap_repair, "RETRY_S", 0.05)
    server = await start()
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(6)]
    peer = await peers.join(ada, *rooms)
    reads = QueryCounter(server, monkeypatch)
    reads.failures["read_log"] = [error] * 5
    LossyBus(server, drops_all=True)
    for room in rooms:
        await ada.says(room, "lost")
    server.realtime.delivery.position_check_needed.set()
    await peer.until(lambda: all(peer.seqs(room) == [3] for room in rooms))


@pytest.mark.parametrize("error", [RuntimeError("a defect"), Busy("no database")], ids=repr)
async def test_a_failed_position_check_is_retried(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(position_check, "RETRY_S", 0.05)
    monkeypatch.setattr("app.bootstrap.RESTART_DELAY_S", 0.05)
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    QueryCounter(server, monkeypatch).failures["read_heads"] = [error]
    LossyBus(server, drops_all=True)
    await ada.says(room, "lost")
    server.realtime.delivery.position_check_needed.set()
    await peer.has(room, 3)


@pytest.mark.parametrize("error", [RuntimeError("a defect"), Busy("no database")], ids=repr)
async def test_a_failed_update_of_the_list_is_retried(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("app.bootstrap.RESTART_DELAY_S", 0.05)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    QueryCounter(server, monkeypatch).failures["_entries"] = [error]
    await ada.says(room, "hi")
    await peer.lists(room, unread=1)


async def test_gaps_of_many_rooms_are_repaired_together(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rooms share the delay before a repair."""
    server = await start(realtime={"gap_repair_delay_ms": 400})
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(max(0.0, seconds))
        await pause(seconds)

    monkeypatch.setattr(gap_repair, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": note}))
    ada = await server.person()
    rooms = await server.rooms(ada, 60)
    peer = await peers.join(ada)
    await peer.send("open", rooms=[{"room": room} for room in rooms])
    await peer.until(lambda: len(peer.of("room.opened")) == 60)
    LossyBus(server, drops_all=True)
    await asyncio.gather(*(ada.says(room, "lost") for room in rooms))
    server.realtime.delivery.position_check_needed.set()
    await peer.until(lambda: all(peer.seqs(room) == [3] for room in rooms))
    # One wait of each of the four readers; not fifteen, each for one room.
    assert sum(waits) <= 1.5 * gap_repair.MAX_READERS * 0.4
