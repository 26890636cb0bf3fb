"""Coming back: against a server that drops, refuses and falls silent as it is told."""

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
from app.client.connection_manager import Stay
from app.client.errors import ClientError, Ended, Refused
from app.client.event_queue import Connected, Disconnected, Feed, Reset
from app.client.http import Http, Server
from app.client.room_subscription import Surroundings
from app.client.session import Session
from app.wire.events import RoomEvent
from app.wire.frames import SUBPROTOCOL, encode
from testkit.waiting import LIMIT_S, eventually
from tests.client.doubles import OTHER, ROOM, FakeConnection, Log, contents, opened

Act = Callable[[ServerConnection], Coroutine[Any, Any, None]]
Script = list[Act | tuple[HTTPStatus, dict[str, str]]]


class Tickets(Session):
    """A session that always has a ticket, and counts its renewals."""

    renewals = 0
    refusal: Refused | None = None

    async def request(self, method: str, path: str, **content: Any) -> bytes:
        if self.refusal:
            raise self.refusal
        return b'{"ticket":"t","expires_in":45}'

    async def renew(self) -> str:
        self.renewals += 1
        return "fresh"


class Scene:
    """A `Stay` and its server, which plays the script, one act for each attempt to connect, and
    then stays quiet. `hellos` are what it heard, `attempts` when they came."""

    def __init__(self, script: Script) -> None:
        self._script = iter(script)
        self.hellos: list[dict[str, Any]] = []
        self.attempts: list[float] = []
        self._acts: dict[ServerConnection, Act] = {}

    def start(self, port: int) -> None:
        self.server = Server.at(f"http://127.0.0.1:{port}", None, "tests")
        self.session = Tickets(Http(self.server))
        self.feed = Feed(100, lambda: None)
        backoff = Backoff(draw=lambda low, high: 0.01)
        self.stay = Stay(self.server, self.session, backoff, self.feed)

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

    def follow(self, since: int, from_start: bool = False, room: UUID = ROOM) -> None:
        around = Surroundings(
            feed=self.feed,
            from_start=from_start,
            read=Log(99).read,
            spawn=asyncio.create_task,
            wake=self.stay.wake.set,
            lost=self.stay.rooms.lose,
        )
        self.stay.rooms.follow(room, since, around)


@asynccontextmanager
async def scene(*script: Act | tuple[HTTPStatus, dict[str, str]]) -> AsyncIterator[Scene]:
    it = Scene(list(script))
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
async def staying(it: Scene) -> AsyncIterator["asyncio.Task[ClientError]"]:
    task = asyncio.create_task(it.stay.run())
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


@pytest.mark.parametrize("code", [1012, 4001, 4008, 4029, None])
async def test_it_comes_back_with_its_positions(code: int | None) -> None:
    act = closing(code) if code else cut
    async with scene(act, act) as it:
        it.follow(17)
        async with staying(it):
            await eventually(lambda: len(it.hellos) == 3 and it.stay.connected)
    assert [hello["rooms"] for hello in it.hellos] == [[{"room": str(ROOM), "since": 17}]] * 3
    kinds = [type(item) for item in contents(it.feed)]
    assert kinds == [Connected, Disconnected] * 2 + [Connected]


async def test_4100_to_4199_come_back_without_positions() -> None:
    async def again(socket: ServerConnection) -> None:
        await welcome(socket)
        await socket.send(encode(opened(40, 40)), text=True)
        await socket.wait_closed()

    async with scene(closing(4123), again) as it:
        it.follow(17)
        async with staying(it):
            await eventually(lambda: it.stay.rooms.position(ROOM) == 40)
    assert [hello["rooms"] for hello in it.hellos] == [
        [{"room": str(ROOM), "since": 17}],
        [{"room": str(ROOM)}],
    ]
    assert Reset(ROOM, 40) in contents(it.feed)


@pytest.mark.parametrize("code", [4400, 4403, 4409, 4426])
async def test_4400_to_4499_stop(code: int) -> None:
    async with scene(closing(code, "enough")) as it, staying(it) as task:
        error = await asyncio.wait_for(task, LIMIT_S)
    assert isinstance(error, Ended)
    assert (error.code, str(error)) == (code, "enough")
    assert it.session.renewals == 0
    assert len(it.attempts) == 1


@pytest.mark.parametrize("code", [4401, 4402])
async def test_a_fresh_token_is_tried_once(code: int) -> None:
    async with scene(refusing(code), refusing(code)) as it, staying(it) as task:
        error = await asyncio.wait_for(task, LIMIT_S)
    assert isinstance(error, Ended)
    assert (error.code, str(error)) == (code, "Who?")
    assert it.session.renewals == 1
    assert len(it.attempts) == 2


async def test_a_fresh_token_may_help() -> None:
    async with scene(refusing(4401)) as it, staying(it):
        await eventually(lambda: it.stay.connected)
        assert it.session.renewals == 1


async def test_retry_after_is_kept() -> None:
    refusal = (HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1"})
    async with scene(refusal, (HTTPStatus.BAD_GATEWAY, {})) as it, staying(it):
        it.stay.hurry()
        await eventually(lambda: it.stay.connected)
    first, second, third = it.attempts
    assert second - first >= 1.0
    assert third - second >= 1.0, "a gateway that says nothing gets a second, too"


@pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST])
async def test_some_refusals_of_the_handshake_are_final(status: HTTPStatus) -> None:
    async with scene((status, {})) as it, staying(it) as task:
        assert isinstance(await asyncio.wait_for(task, LIMIT_S), Ended)
    assert len(it.attempts) == 1


async def test_without_a_ticket_it_stops_or_waits_as_the_server_says() -> None:
    async with scene() as it, staying(it) as task:
        it.session.refusal = Refused("invalid_grant", "The session has ended.")
        error = await asyncio.wait_for(task, LIMIT_S)
    assert str(error) == "The session has ended."


async def test_silence_is_the_end_of_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "GRACE_S", -24.8)  # of the heartbeat of 25 s
    async with scene() as it, staying(it):
        await eventually(lambda: len(it.hellos) >= 2)
    assert "Nothing was heard for 0.2 s." in {
        item.reason for item in contents(it.feed) if isinstance(item, Disconnected)
    }


def test_the_server_pings_before_the_client_gives_up() -> None:
    assert connection.GRACE_S == 10.0


async def test_a_loss_is_told_once() -> None:
    refusals = [(HTTPStatus.BAD_GATEWAY, {"Retry-After": "0"})] * 3
    async with scene(closing(1012), *refusals) as it, staying(it):
        await eventually(lambda: len(it.hellos) == 2 and it.stay.connected)
    kinds = [type(item) for item in contents(it.feed)]
    assert kinds == [Connected, Disconnected, Connected]


async def test_who_hurries_does_not_wait_for_the_backoff() -> None:
    async with scene(closing(1012)) as it:
        it.stay._backoff.draw = lambda low, high: 3600.0
        async with staying(it):
            await it.stay.first
            await eventually(lambda: not it.stay.connected)
            it.stay.hurry()
            await eventually(lambda: len(it.hellos) == 2)
    assert it.attempts[1] - it.attempts[0] >= 0.9, "but a moment"


async def test_a_hurry_that_comes_before_the_connection_is_lost_shortens_the_backoff() -> None:
    async with scene((HTTPStatus.SERVICE_UNAVAILABLE, {})) as it:
        it.stay._backoff.draw = lambda low, high: 3600.0
        it.stay.hurry()
        async with staying(it):
            await eventually(lambda: len(it.hellos) == 1)


async def test_frames_of_a_newer_server_are_ignored_and_its_events_count() -> None:
    async def act(socket: ServerConnection) -> None:
        await welcome(socket)
        await socket.send('{"type":"aurora","in_ms":8400}')
        await socket.send("no JSON")
        await socket.send(encode(opened(17, 17)), text=True)
        await socket.send(_STRANGE)
        await socket.wait_closed()

    async with scene(act) as it:
        it.follow(17)
        async with staying(it):
            await eventually(lambda: it.stay.rooms.position(ROOM) == 18)
    strange = contents(it.feed)[-1]
    assert strange.type == "pin.added"


_STRANGE = (
    f'{{"type":"pin.added","room":"{ROOM}","seq":18,"actor":"{ROOM}",'
    '"at":"2026-05-17T12:30:00Z","pin":{"seq":4}}'
)


class Old:
    """The act of a server that drains: `closed` once its client has gone, `code` as it said."""

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


async def test_it_moves_before_it_is_closed() -> None:
    old = Old(_STRANGE)

    async def new(socket: ServerConnection) -> None:
        assert not old.closed.is_set(), "first the new one"
        await quiet(socket)

    async with scene(old, new) as it:
        it.follow(17)
        async with staying(it):
            await asyncio.wait_for(old.closed.wait(), LIMIT_S)
            assert it.stay.connected
            assert old.code == 1000
            await eventually(lambda: len(it.hellos) == 2)
    assert it.attempts[1] - it.attempts[0] >= 0.1, "in its slot"
    assert it.hellos[1]["rooms"] == [{"room": str(ROOM), "since": 18}]
    kinds = [type(item) for item in contents(it.feed)]
    assert kinds == [Connected, RoomEvent], "the application notices nothing"


async def test_who_is_refused_elsewhere_tries_again() -> None:
    old = Old(_STRANGE)
    async with scene(old, *[(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "0"})] * 3) as it:
        it.follow(17)
        async with staying(it):
            await eventually(lambda: len(it.hellos) == 2 and old.closed.is_set())
    assert len(it.attempts) == 5
    assert [type(item) for item in contents(it.feed)] == [Connected, RoomEvent]


async def test_who_finds_no_other_place_stays_until_the_end() -> None:
    old = Old(_STRANGE, close=4001)
    async with scene(old, (HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "60"})) as it:
        it.follow(17)
        async with staying(it):
            await eventually(lambda: len(it.attempts) == 2)
            old.may_close.set()
            await eventually(lambda: len(it.hellos) == 2 and it.stay.connected)
    kinds = [type(item) for item in contents(it.feed)]
    assert kinds == [Connected, RoomEvent, Disconnected, Connected]


async def test_what_is_wished_during_a_move_is_wished_of_the_new_socket() -> None:
    async with scene() as it:
        rooms = it.stay.rooms
        it.follow(17)
        asked = rooms.hello(1, 0.0)
        it.follow(3, room=OTHER)
        assert [position.room for position in rooms.due(2, 1.0)] == [OTHER]  # of the old socket
        rooms.moved(asked)
        assert [position.room for position in rooms.due(3, 1.0)] == [OTHER]
        rooms.unfollow(ROOM)
        assert rooms.unwanted() == [ROOM]
        rooms.moved(asked)
        assert rooms.unwanted() == [ROOM], "the new one has it open, too"
