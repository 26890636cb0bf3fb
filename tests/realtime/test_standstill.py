"""A process that stood still (stopped, swapped out, without CPU) disconnects no client for it.

Tested on both event loops, which call timers and read sockets in different orders.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import orjson
import pytest
import uvloop

from app.realtime.connection import heartbeat
from app.realtime.slow_consumers import limits
from app.settings import Settings
from testkit.peer import joined
from testkit.raw_connection import TEXT, connect_raw, frame
from testkit.server import TestServer, fast_settings, limit_send_buffers
from testkit.servers.backend import Backend, override
from testkit.waiting import eventually, pause
from tests.realtime.dedicated_server import run_server_without_pauses

Run = Callable[[Coroutine[Any, Any, None]], None]
QUICK_S = 0.5


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    def in_a_thread(work: Coroutine[Any, Any, None]) -> None:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(request.param, work).result()

    return in_a_thread


@pytest.fixture
def hasty(embedded: Backend, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with short timeouts."""
    for module in (heartbeat, limits):
        monkeypatch.setattr(module, "TICK_S", 0.02)
    return override(
        fast_settings(embedded.settings),
        server={"header_timeout_s": QUICK_S, "body_timeout_s": QUICK_S},
        realtime={
            "hello_timeout_s": QUICK_S,
            "idle_timeout_s": QUICK_S,
            "send_stall_timeout_s": QUICK_S,
            "max_send_delay_s": QUICK_S,
        },
    )


def stand_still() -> None:
    time.sleep(2 * QUICK_S)


def test_a_hello_that_arrives_during_a_standstill_is_in_time(hasty: Settings, run: Run) -> None:
    async def scenario() -> None:
        async with run_server_without_pauses(hasty) as server, server.client() as http:
            ada = await server.person(http)
            hello = orjson.dumps({"type": "hello", "token": ada.access})
            async with connect_raw(server.url) as connection:
                await connection.upgrade()
                connection.writer.write(frame(TEXT, hello))
                stand_still()
                assert (await connection.next())["type"] == "welcome"

    run(scenario())


@pytest.mark.parametrize("split", [20, -1], ids=["in the head", "in the body"])
def test_the_rest_of_a_request_that_arrives_during_a_standstill_is_in_time(
    hasty: Settings, run: Run, split: int
) -> None:
    body = b'{"username": "ada", "password": "correct horse battery"}'
    request = (
        b"POST /api/v1/auth/register HTTP/1.1\r\nHost: chat\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )

    async def scenario() -> None:
        async with (
            run_server_without_pauses(hasty) as server,
            connect_raw(server.url) as connection,
        ):
            await connection.send(request[:split])
            await eventually(lambda: _has_begun(server))
            connection.writer.write(request[split:])
            stand_still()
            assert (await connection.reader.readline()).split()[1] == b"201"

    run(scenario())


def _has_begun(server: TestServer) -> bool:
    connections: set[Any] = {*server.uvicorn.server_state.connections}
    return any(one._unparsed or one._in_body for one in connections)


def test_a_standstill_closes_no_silent_connection(hasty: Settings, run: Run) -> None:
    async def scenario() -> None:
        async with run_server_without_pauses(hasty) as server, server.client() as http:
            ada = await server.person(http)
            async with joined(ada) as peer:
                stand_still()
                await peer.settled()

    run(scenario())


def test_a_standstill_makes_no_consumer_slow(hasty: Settings, run: Run) -> None:
    async def scenario() -> None:
        async with run_server_without_pauses(hasty) as server, server.client() as http:
            limit_send_buffers(server)
            ada = await server.person(http)
            room = await ada.makes_room()
            async with joined(ada, room, small_window=True) as peer:
                peer.stops_reading()
                (end,) = server.hub.by_user[UUID(ada.id)]
                while not end.buffered_bytes():
                    await ada.says(room, "🙂" * 3900)
                await pause(3 * limits.TICK_S)  # it is seen to wait
                stand_still()
                peer.connection.transport.resume_reading()
                await peer.has(room, (await ada.room(room))["seq"])

    run(scenario())
