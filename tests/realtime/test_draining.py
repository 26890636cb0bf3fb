"""Draining: clients are asked to move, requests and sends finish, and no client delays the end."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from app.messages.send.submit import submit_message
from app.realtime.connection.handshake import Handshake
from app.settings import Settings
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import API
from testkit.processes import run_process
from testkit.server import TestServer, fast_settings, run_server
from testkit.servers.backend import Backend, override
from testkit.waiting import eventually


def patient(backend: Backend, **server: float) -> Settings:
    """Settings with long times, to look at a draining server."""
    times = {"drain_spread_s": 5, "drain_grace_s": 3000, "shutdown_timeout_s": 3600}
    return override(fast_settings(backend.settings), server=times | server)


@asynccontextmanager
async def draining(settings: Settings) -> AsyncIterator[TestServer]:
    """A server that the test stops, and that has to end by itself."""
    async with run_server(settings) as server:
        yield server
        assert server.uvicorn.should_exit


async def stop(server: TestServer) -> None:
    server.uvicorn.should_exit = True
    await eventually(server.context.draining.is_set)


async def test_a_draining_server_answers_requests_and_refuses_new_sockets(
    backend: Backend, peers: Peers
) -> None:
    async with draining(patient(backend)) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        stays, moves = [await peers.join(ada, room) for _ in range(2)]
        mute = await peers.dial(server.url)
        await stop(server)
        for peer in (stays, moves):
            assert 0 <= (await peer.expect("draining"))["in_ms"] < 100
        answer = await http.get("/health/ready")
        state = assert_ok(answer, 503)
        assert (state["ready"], state["draining"], state["database"]) == (False, True, "ok")
        assert answer.headers["connection"] == "close"
        with pytest.raises(InvalidStatus) as refused:
            await peers.dial(server.url)
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "1"
        # What is connected is served as before.
        await ada.says(room, "over HTTP")
        await stays.says(room, "over the socket")
        await moves.has(room, 4)
        await mute.send("hello", token=ada.access)
        assert await mute.closed() == 4001
        await moves.leave()
        assert stays.is_open
        await stays.leave()  # the last one: nobody waits for the grace
        await eventually(lambda: not server.uvicorn.servers[0].is_serving())


async def test_connections_that_stay_or_sent_no_hello_are_closed(
    backend: Backend, peers: Peers
) -> None:
    async with draining(patient(backend, drain_grace_s=0.2)) as server, server.client() as http:
        ada = await server.person(http)
        stays, mute = await peers.join(ada), await peers.dial(server.url)
        await stop(server)
        assert await stays.closed() == 4001
        assert await mute.closed() == 4001


@pytest.mark.setting("CHAT_SERVER__DRAIN_SPREAD_S")
async def test_a_handshake_that_is_not_answered_keeps_no_other_socket_from_its_close(
    backend: Backend, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = override(
        fast_settings(backend.settings), server={"drain_spread_s": 0, "drain_grace_s": 0}
    )
    held = asyncio.Event()
    run, waiting = Handshake.run, asyncio.Event()

    async def run_later(handshake: Handshake) -> None:
        waiting.set()
        await held.wait()
        await run(handshake)

    async with draining(settings) as server, server.client() as http:
        ada = await server.person(http)
        monkeypatch.setattr(Handshake, "run", run_later)
        late = asyncio.create_task(peers.dial(server.url))
        await waiting.wait()
        monkeypatch.setattr(Handshake, "run", run)
        mute, peer = await peers.dial(server.url), await peers.join(ada)
        await stop(server)
        assert [await peer.closed(), await mute.closed()] == [4001, 4001]
        held.set()
        with pytest.raises(InvalidStatus) as refused:
            await late
        assert refused.value.response.status_code == 503


async def test_drain_slots_are_spread(
    embedded: Backend, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are hours apart here, so the first socket is closed long before the others."""
    monkeypatch.setattr("app.realtime.connection.drain.CONNECTIONS_PER_S", 1e-6)
    settings = patient(embedded, drain_spread_s=8000, drain_grace_s=0, shutdown_timeout_s=9000)
    async with draining(settings) as server, server.client() as http:
        ada = await server.person(http)
        joined = [await peers.join(ada) for _ in range(4)]
        await stop(server)
        slots = {(await peer.expect("draining"))["in_ms"]: peer for peer in joined}
        assert sorted(slots) == [0, 2_000_000, 4_000_000, 6_000_000]
        assert await slots.pop(0).closed() == 4001
        for peer in slots.values():
            await peer.settled()
            await peer.leave()


async def test_no_connection_is_closed_before_its_slot(
    embedded: Backend, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.realtime.connection.drain.CONNECTIONS_PER_S", 2.0)
    clock = asyncio.get_running_loop().time
    async with draining(patient(embedded, drain_grace_s=0)) as server, server.client() as http:
        ada = await server.person(http)
        joined = [await peers.join(ada) for _ in range(3)]
        begun = clock()
        await stop(server)
        for peer in joined:
            slot_ms = (await peer.expect("draining"))["in_ms"]
            assert await peer.closed() == 4001
            assert clock() - begun >= slot_ms / 1000


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Stops sends over sockets: (one has arrived, continue)."""
    came, go = asyncio.Event(), asyncio.Event()

    async def wait(*args: Any) -> Any:
        came.set()
        await go.wait()
        return await submit_message(*args)

    monkeypatch.setattr("app.realtime.connection.dispatch.submit_message", wait)
    return came, go


async def test_a_send_in_flight_is_answered_before_the_close(
    backend: Backend, peers: Peers, held: tuple[asyncio.Event, asyncio.Event]
) -> None:
    came, go = held
    async with draining(patient(backend, drain_grace_s=0)) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        busy, idle = await peers.join(ada, room), await peers.join(ada)
        await busy.send("message.send", id=7, room=room, nonce="n7", text="the last one")
        await came.wait()
        await stop(server)
        assert await idle.closed() == 4001
        assert busy.is_open
        go.set()
        assert await busy.closed() == 4001
        assert [ack["id"] for ack in busy.of("ack")] == [7]


async def test_a_drain_ends_at_the_hard_limit(
    backend: Backend, peers: Peers, held: tuple[asyncio.Event, asyncio.Event]
) -> None:
    came, _ = held
    settings = patient(backend, drain_spread_s=0, drain_grace_s=0, shutdown_timeout_s=0.5)
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        stuck = await peers.join(ada, room)
        await stuck.send("message.send", id=7, room=room, nonce="n7", text="never")
        await came.wait()
        server.uvicorn.should_exit = True
        assert await stuck.closed() == 1006


async def test_a_request_in_flight_is_answered(backend: Backend) -> None:
    """Half of its body has arrived when the server is stopped, which has no sockets to wait for."""
    go = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'{"kind": "public", '
        await go.wait()
        yield b'"name": "made at the last moment"}'

    async with draining(patient(backend)) as server, server.client() as http:
        ada = await server.person(http)
        headers = {"Authorization": f"Bearer {ada.access}", "Content-Type": "application/json"}
        request = asyncio.create_task(http.post(f"{API}/rooms", content=body(), headers=headers))
        await eventually(lambda: bool(server.uvicorn.server_state.tasks))
        await stop(server)
        await eventually(lambda: not server.uvicorn.servers[0].is_serving())
        assert not request.done()
        go.set()
        answer = await request
        assert assert_ok(answer, 201)["name"] == "made at the last moment"
        assert answer.headers["connection"] == "close"


async def test_a_drain_without_sockets_is_immediate(backend: Backend, tmp_path: Path) -> None:
    async with run_process(patient(backend), tmp_path) as server:
        assert_ok(await server._http.get("/health/live"))
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
async def test_a_second_signal_ends_the_drain_at_once(
    backend: Backend, peers: Peers, tmp_path: Path, second: signal.Signals
) -> None:
    async with run_server(fast_settings(backend.settings)) as elsewhere, elsewhere.client() as http:
        ada = await elsewhere.person(http)
        async with run_process(patient(backend), tmp_path) as server:
            peer = await peers.join(server.here(ada))
            server.signal(signal.SIGINT)
            await peer.expect("draining")
            server.signal(second)
            assert await server.ended() == 0
            assert await peer.closed() == 1006
            assert "Traceback" not in server.story()
