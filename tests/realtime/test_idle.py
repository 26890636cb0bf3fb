"""Idle sockets use no database connection."""

import asyncio

import pytest

from app.persistence.database import Database
from app.realtime.connection import heartbeat
from testkit.peer import Peers
from testkit.waiting import eventually
from tests.realtime.dedicated_server import StartServer


def checked_out(database: Database) -> int:
    engines = {database._engines.write, database._engines.read}
    return sum(engine.sync_engine.pool.checkedout() for engine in engines)  # type: ignore[attr-defined]


async def test_idle_sockets_hold_no_database_connection(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "TICK_S", 0.05)
    server = await start(
        database={"pool_size": 2},
        limits={"sockets_per_user": 100},
        realtime={"ping_interval_s": 0.2},
    )
    ada = await server.person()
    room = await ada.makes_room()
    sockets = await asyncio.gather(*(peers.join(ada, (room, 0)) for _ in range(50)))
    for peer in sockets:
        await peer.expect("ping")
    # A consumer of the log borrows a connection for a moment.
    await eventually(lambda: checked_out(server.running.context.database) == 0)
    assert (await sockets[0].says(room))["seq"] == 3
    for peer in sockets:
        await peer.has(room, 3)
        assert peer.seqs(room) == [1, 2, 3]
