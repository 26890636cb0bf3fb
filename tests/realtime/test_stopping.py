"""Stopping and starting a server: clients are asked to reconnect, and miss nothing."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from testkit.peer import Peers
from testkit.people import Person
from testkit.processes import run_process
from testkit.server import TestServer, fast_settings, limit_send_buffers, run_server
from testkit.servers.backend import Backend, override
from testkit.waiting import limit
from tests.realtime.dedicated_server import DedicatedServer, run_server_without_pauses

COME_BACK = {1001, 1006, 1012, 1013, *range(4000, 4100)}


@pytest.fixture
async def elsewhere(backend: Backend) -> AsyncIterator[TestServer]:
    """Another server on the same database, which creates accounts."""
    async with run_server(fast_settings(backend.settings)) as server:
        yield server


@pytest.fixture
async def ada(elsewhere: TestServer) -> AsyncIterator[Person]:
    async with elsewhere.client() as client:
        yield await elsewhere.person(client, "ada")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
async def test_clients_resume_after_a_server_restart(
    backend: Backend, ada: Person, peers: Peers, tmp_path: Path, how: signal.Signals
) -> None:
    settings = fast_settings(backend.settings)
    async with run_process(settings, tmp_path) as server:
        here = server.here(ada)
        room = await here.makes_room()
        sockets = [await peers.join(here, (room, 0)) for _ in range(3)]
        await sockets[0].says(room, "before")
        for peer in sockets:
            await peer.has(room, 3)
        mute = await peers.dial(server.url)  # has not said hello
        server.signal(how)
        assert await server.ended() == 0
        for peer in (*sockets, mute):
            assert await peer.closed() == 4001
        port = server.port
        assert "Traceback" not in server.story()
    await ada.says(room, "while it was down")
    async with run_process(settings, tmp_path, port) as server:
        assert server.port == port
        here = server.here(ada)
        for peer in sockets:
            back = await peers.join(here, (room, peer.seqs(room)[-1]))
            await back.has(room, 4)
            await here.says(room, "after")
            assert peer.seqs(room) == [1, 2, 3]
            assert back.seqs(room)[0] == 4
            await back.leave()


async def test_a_peer_that_does_not_read_does_not_delay_a_stop(
    backend: Backend, peers: Peers
) -> None:
    """It is disconnected after it has had time to read the close frame."""
    async with AsyncExitStack() as stack:
        settings = override(fast_settings(backend.settings), server={"shutdown_timeout_s": 3600})
        server = await stack.enter_async_context(run_server(settings))
        limit_send_buffers(server)
        http = await stack.enter_async_context(server.client())
        ada = await server.person(http)
        room = await ada.makes_room()
        slow, writer = await peers.join(ada, room), await peers.join(ada)
        slow.stops_reading()
        (end,) = [s for s in server.hub.by_user[UUID(ada.id)] if s.subscriptions]
        while not end.write_paused:
            await writer.says(room, "🙂" * 3900)
        async with limit():
            await stack.aclose()
    assert await writer.closed() in COME_BACK


@pytest.mark.parametrize("query", ["_entries", "read_log", "read_heads", "_active_sessions"])
async def test_a_background_task_that_swallows_its_cancellation_ends(
    backend: Backend, peers: Peers, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """`wait_for` of Python 3.11 swallows a cancellation that arrives together with its result."""
    reading = asyncio.Event()

    async def watch(name: str, run: Callable[[], Awaitable[Any]]) -> Any:
        if name == query:
            try:
                reading.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
        return await run()

    settings = override(
        fast_settings(backend.settings), realtime={"session_check_interval_s": 0.01}
    )
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(run_server_without_pauses(settings))
        http = await stack.enter_async_context(server.client())
        own = DedicatedServer(server, http)
        own.wrap_reads(monkeypatch, watch)
        ada = await own.person()
        room = await ada.makes_room()
        watcher, _ = await peers.join(ada, room), await peers.join(ada)
        await ada.says(room, "makes the entry of the other socket stale")
        own.realtime.delivery.position_check_needed.set()
        own.realtime.delivery.note_head(own.hub.rooms[UUID(room)], 99 if query == "read_log" else 0)
        async with limit():
            await reading.wait()
            await watcher.leave()
            await stack.aclose()


async def test_a_killed_server_loses_no_acked_message(
    backend: Backend, ada: Person, peers: Peers, tmp_path: Path
) -> None:
    settings = fast_settings(backend.settings)
    async with run_process(settings, tmp_path) as server:
        here = server.here(ada)
        room = await here.makes_room()
        peer = await peers.join(here)
        for number in range(5):
            acked = (await peer.says(room, str(number)))["seq"]
            assert acked == number + 3
        server.signal(signal.SIGKILL)
        assert await peer.closed() in COME_BACK
        await server.ended()
    async with run_process(settings, tmp_path) as server:
        back = await peers.join(server.here(ada), (room, 0))
        await back.has(room, 7)
        assert back.seqs(room) == list(range(1, 8))
        await back.leave()
