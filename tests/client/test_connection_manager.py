"""Reconnecting to a scripted server that drops connections, refuses them or falls silent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
import pytest
from websockets.asyncio.server import Server as WsServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from app.client import connection
from app.client.backoff import Backoff
from app.client.connection_manager import ConnectionManager
from app.client.errors import ClientError, ClientStopped, RequestRejected
from app.client.event_queue import Connected, Disconnected, EventQueue
from app.client.http import HttpClient, ServerAddress
from app.client.room_subscription import RoomServices
from app.client.session import Session
from app.wire.events import RoomEvent
from app.wire.frames import SUBPROTOCOL, encode
from testkit.waiting import LIMIT_S, eventually
from tests.client.doubles import EPOCH, OTHER, ROOM, FakeConnection, FakeLog, drain, opened

Act = Callable[[ServerConnection], Coroutine[Any, Any, None]]
Script = list[Act | tuple[HTTPStatus, dict[str, str]]]


class Tickets(Session):
    """A session that always has a ticket, and counts its renewals."""

    renewals = 0
    refusal: RequestRejected | None = None

    async def request(self, method: str, path: str, **content: Any) -> bytes:
        if self.refusal:
            raise self.refusal
        return b'{"ticket":"t","expires_in":45}'

    async def renew(self) -> str:
        self.renewals += 1
        return "fresh"


class ScriptedServer:
    """A `ConnectionManager` and its server, which plays one step of the script for each attempt to
    connect, and then stays quiet. `hellos` are those received, `attempts` the times of connects."""

    def __init__(self, script: Script) -> None:
        self._script = iter(script)
        self.hellos: list[dict[str, Any]] = []
        self.attempts: list[float] = []
        self._acts: dict[ServerConnection, Act] = {}

    def start(self, port: int) -> None:
        self.server = ServerAddress.at(f"http://127.0.0.1:{port}", None, "tests")
        self.session = Tickets(HttpClient(self.server))
        self.queue = EventQueue(100, lambda: None)
        backoff = Backoff(draw=lambda low, high: 0.01)
        self.manager = ConnectionManager(self.server, self.session, backoff, self.queue)

    def refuse(self, socket: ServerConnection, request: Request) -> Response | None:
        self.attempts.append(asyncio.get_running_loop().time())
        act = next(self._script, quiet)
        if isinstance(act, tuple):
            status, headers = act
            response = socket.respond(status, "no")
            response.headers.update(headers)
            return response
        self._acts[socket] = act
        return None

    async def play(self, socket: ServerConnection) -> None:
        self.hellos.append(orjson.loads(await socket.recv()))
        await self._acts[socket](socket)

    def open(self, since: int, from_start: bool = False, room: UUID = ROOM) -> None:
        services = RoomServices(
            queue=self.queue,
            from_start=from_start,
            read=FakeLog(99).read,
            spawn=asyncio.create_task,
            wake=self.manager.wake.set,
            lost=self.manager.rooms.drop,
        )
        self.manager.rooms.open(room, since, None, services)


@asynccontextmanager
async def scripted_server(
    *script: Act | tuple[HTTPStatus, dict[str, str]],
) -> AsyncIterator[ScriptedServer]:
    it = ScriptedServer(list(script))
    server: WsServer
    async with serve(
        it.play,
        "127.0.0.1",
        0,
        subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
        process_request=it.refuse,
        ping_interval=None,
        close_timeout=0.1,
    ) as server:
        it.start(server.sockets[0].getsockname()[1])
        yield it
    await it.session.http.close()


@asynccontextmanager
async def running_manager(it: ScriptedServer) -> AsyncIterator["asyncio.Task[ClientError]"]:
    task = asyncio.create_task(it.manager.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def welcome(socket: ServerConnection) -> None:
    await socket.send(encode(FakeConnection().welcome), text=True)


async def quiet(socket: ServerConnection) -> None:
    await welcome(socket)
    await socket.wait_closed()


def closing(code: int, reason: str = "") -> Act:
    async def act(socket: ServerConnection) -> None:
        await welcome(socket)
        await socket.close(code, reason)

    return act


def refusing(code: int) -> Act:
    async def act(socket: ServerConnection) -> None:
        await socket.send(
            '{"type":"error","code":"unauthenticated","retry":"never","detail":"Who?"}'
        )
        await socket.close(code, "unauthenticated")

    return act


async def cut(socket: ServerConnection) -> None:
    await welcome(socket)
    socket.transport.abort()


@pytest.mark.parametrize("code", [1012, 4001, 4008, 4010, 4029, None])
async def test_reconnect_resumes_with_positions(code: int | None) -> None:
    act = closing(code) if code else cut
    async with scripted_server(act, act) as it:
        it.open(17)
        async with running_manager(it):
            await eventually(lambda: len(it.hellos) == 3 and it.manager.connected)
    assert [hello["rooms"] for hello in it.hellos] == [[{"room": str(ROOM), "since": 17}]] * 3
    kinds = [type(item) for item in drain(it.queue)]
    assert kinds == [Connected, Disconnected] * 2 + [Connected]


@pytest.mark.parametrize("code", [4400, 4403, 4409, 4426])
async def test_close_codes_4400_to_4499_stop_the_client(code: int) -> None:
    async with scripted_server(closing(code, "enough")) as it, running_manager(it) as task:
        error = await asyncio.wait_for(task, LIMIT_S)
    assert isinstance(error, ClientStopped)
    assert (error.code, str(error)) == (code, "enough")
    assert it.session.renewals == 0
    assert len(it.attempts) == 1


@pytest.mark.parametrize("code", [4401, 4402])
async def test_4401_and_4402_renew_the_token_once(code: int) -> None:
    async with scripted_server(refusing(code), refusing(code)) as it, running_manager(it) as task:
        error = await asyncio.wait_for(task, LIMIT_S)
    assert isinstance(error, ClientStopped)
    assert (error.code, str(error)) == (code, "Who?")
    assert it.session.renewals == 1
    assert len(it.attempts) == 2


async def test_a_renewed_token_reconnects() -> None:
    async with scripted_server(refusing(4401)) as it, running_manager(it):
        await eventually(lambda: it.manager.connected)
        assert it.session.renewals == 1


async def test_reconnect_respects_retry_after() -> None:
    refusal = (HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1"})
    async with scripted_server(refusal, (HTTPStatus.BAD_GATEWAY, {})) as it, running_manager(it):
        it.manager.reconnect_soon()
        await eventually(lambda: it.manager.connected)
    first, second, third = it.attempts
    assert second - first >= 1.0
    assert third - second >= 1.0, "a gateway that says nothing gets a second, too"


@pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST])
async def test_a_final_handshake_rejection_stops_the_client(status: HTTPStatus) -> None:
    async with scripted_server((status, {})) as it, running_manager(it) as task:
        assert isinstance(await asyncio.wait_for(task, LIMIT_S), ClientStopped)
    assert len(it.attempts) == 1


async def test_a_rejected_ticket_stops_the_client() -> None:
    async with scripted_server() as it, running_manager(it) as task:
        it.session.refusal = RequestRejected("invalid_grant", "The session has ended.")
        error = await asyncio.wait_for(task, LIMIT_S)
    assert str(error) == "The session has ended."


async def test_a_silent_connection_is_closed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SILENCE_MARGIN_S", -24.8)  # of the heartbeat of 25 s
    async with scripted_server() as it, running_manager(it):
        await eventually(lambda: len(it.hellos) >= 2)
    assert "Nothing was received for 0.2 s." in {
        item.reason for item in drain(it.queue) if isinstance(item, Disconnected)
    }


def test_silence_timeout_exceeds_the_heartbeat() -> None:
    assert connection.SILENCE_MARGIN_S == 10.0


async def test_disconnected_is_reported_once_per_loss() -> None:
    refusals = [(HTTPStatus.BAD_GATEWAY, {"Retry-After": "0"})] * 3
    async with scripted_server(closing(1012), *refusals) as it, running_manager(it):
        await eventually(lambda: len(it.hellos) == 2 and it.manager.connected)
    kinds = [type(item) for item in drain(it.queue)]
    assert kinds == [Connected, Disconnected, Connected]


async def test_reconnect_soon_skips_the_backoff() -> None:
    async with scripted_server(closing(1012)) as it:
        it.manager._backoff.draw = lambda low, high: 3600.0
        async with running_manager(it):
            await it.manager.first
            await eventually(lambda: not it.manager.connected)
            it.manager.reconnect_soon()
            await eventually(lambda: len(it.hellos) == 2)
    assert it.attempts[1] - it.attempts[0] >= 0.9, "but a moment"


async def test_reconnect_soon_before_the_first_connection_skips_the_backoff() -> None:
    async with scripted_server((HTTPStatus.SERVICE_UNAVAILABLE, {})) as it:
        it.manager._backoff.draw = lambda low, high: 3600.0
        it.manager.reconnect_soon()
        async with running_manager(it):
            await eventually(lambda: len(it.hellos) == 1)


async def test_unknown_frames_are_ignored_and_unknown_events_are_delivered() -> None:
    async def act(socket: ServerConnection) -> None:
        await welcome(socket)
        await socket.send('{"type":"aurora","in_ms":8400}')
        await socket.send("no JSON")
        await socket.send(encode(opened(17, 17)), text=True)
        await socket.send(_STRANGE)
        await socket.wait_closed()

    async with scripted_server(act) as it:
        it.open(17)
        async with running_manager(it):
            await eventually(lambda: it.manager.rooms.position(ROOM) == 18)
    strange = drain(it.queue)[-1]
    assert strange.type == "pin.added"


_STRANGE = (
    f'{{"type":"pin.added","room":"{ROOM}","seq":18,"actor":"{ROOM}",'
    '"at":"2026-05-17T12:30:00Z","pin":{"seq":4}}'
)


class Old:
    """The step of a draining server: `closed` is set once its client has gone, `code` is its
    code."""

    def __init__(self, *then: str, close: int | None = None) -> None:
        self._then, self._close = then, close
        self.closed, self.may_close = asyncio.Event(), asyncio.Event()
        self.code: int | None = None

    async def __call__(self, socket: ServerConnection) -> None:
        await welcome(socket)
        await socket.send(encode(opened(17, 17)), text=True)
        await socket.send('{"type":"draining","in_ms":100}')
        for text in self._then:
            await socket.send(text)
        if self._close:
            await self.may_close.wait()
            await socket.close(self._close, "the end")
        await socket.wait_closed()
        self.code = socket.close_code
        self.closed.set()


async def test_draining_migrates_without_a_disconnect() -> None:
    old = Old(_STRANGE)

    async def new(socket: ServerConnection) -> None:
        assert not old.closed.is_set(), "first the new one"
        await quiet(socket)

    async with scripted_server(old, new) as it:
        it.open(17)
        async with running_manager(it):
            await asyncio.wait_for(old.closed.wait(), LIMIT_S)
            assert it.manager.connected
            assert old.code == 1000
            await eventually(lambda: len(it.hellos) == 2)
    assert it.attempts[1] - it.attempts[0] >= 0.1, "in its slot"
    assert it.hellos[1]["rooms"] == [{"room": str(ROOM), "since": 18, "epoch": EPOCH}]
    kinds = [type(item) for item in drain(it.queue)]
    assert kinds == [Connected, RoomEvent], "the application notices nothing"


async def test_migration_retries_after_503() -> None:
    old = Old(_STRANGE)
    async with scripted_server(
        old, *[(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "0"})] * 3
    ) as it:
        it.open(17)
        async with running_manager(it):
            await eventually(lambda: len(it.hellos) == 2 and old.closed.is_set())
    assert len(it.attempts) == 5
    assert [type(item) for item in drain(it.queue)] == [Connected, RoomEvent]


async def test_migration_keeps_the_old_connection_until_it_closes() -> None:
    old = Old(_STRANGE, close=4001)
    async with scripted_server(old, (HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "60"})) as it:
        it.open(17)
        async with running_manager(it):
            await eventually(lambda: len(it.attempts) == 2)
            old.may_close.set()
            await eventually(lambda: len(it.hellos) == 2 and it.manager.connected)
    kinds = [type(item) for item in drain(it.queue)]
    assert kinds == [Connected, RoomEvent, Disconnected, Connected]


async def test_rooms_opened_or_closed_during_migration_are_requested_again() -> None:
    async with scripted_server() as it:
        rooms = it.manager.rooms
        it.open(17)
        asked = rooms.hello(1, 0.0)
        it.open(3, room=OTHER)
        assert [position.room for position in rooms.due_positions(2, 1.0)] == [
            OTHER
        ]  # of the old socket
        rooms.on_migrated(asked)
        assert [position.room for position in rooms.due_positions(3, 1.0)] == [OTHER]
        rooms.close(ROOM)
        assert rooms.rooms_to_close() == [ROOM]
        rooms.on_migrated(asked)
        assert rooms.rooms_to_close() == [ROOM], "the new one has it open, too"
