"""HTTP clients that are slow on purpose, or never finish, are refused in time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.http.framing import MAX_HEAD_BYTES, MAX_HEAD_FIELDS
from testkit.people import Person
from testkit.raw_connection import UPGRADE, RawConnection, connect_raw
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend, make_settings, migrate, override
from testkit.waiting import eventually, pause

GET = b"GET /health/live HTTP/1.1\r\nHost: chat\r\n"
QUICK_S = 0.4


@pytest.fixture(scope="module")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestServer]:
    """A server with short timeouts."""
    directory: Path = tmp_path_factory.mktemp("hasty")
    settings = make_settings(directory, database=f"sqlite:///{directory / 'chat.db'}")
    await migrate(settings)
    limits = dict.fromkeys(("header_timeout_s", "body_timeout_s", "write_timeout_s"), QUICK_S)
    async with run_server(override(without_limits(settings), server=limits)) as server:
        yield server


@pytest.fixture
async def patient(embedded_server: TestServer) -> AsyncIterator[RawConnection]:
    """A connection to a server with long timeouts, for requests as fast as the machine."""
    async with connect_raw(embedded_server.url) as connection:
        yield connection


@pytest.fixture
async def nothing_left(hasty: TestServer) -> AsyncIterator[None]:
    yield
    await eventually(lambda: not hasty.uvicorn.server_state.connections)
    assert not hasty.uvicorn.server_state.tasks


@pytest.fixture
async def connection(hasty: TestServer, nothing_left: None) -> AsyncIterator[RawConnection]:
    """A connection for tests that send at once: a silent one is closed soon."""
    async with connect_raw(hasty.url) as connection:
        yield connection


async def trickle(connection: RawConnection, data: bytes, every_s: float = 0.02) -> None:
    """Send byte by byte until the server closes the connection."""
    try:
        for n in range(len(data)):
            await connection.send(data[n : n + 1])
            await pause(every_s)
    except ConnectionError:
        return
    raise AssertionError("it waits until everything has come")


def problem_in(answer: bytes) -> dict[str, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert b"content-type: application/problem+json" in head
    found: dict[str, Any] = orjson.loads(body)
    assert found["status"] == int(head.split()[1])
    return found


async def test_a_slow_request_head_is_refused(connection: RawConnection) -> None:
    _, answer = await asyncio.gather(
        trickle(connection, GET + b"X: " + b"x" * 500), connection.rest()
    )
    assert problem_in(answer)["code"] == "too_slow"


async def test_a_silent_connection_is_closed(connection: RawConnection) -> None:
    assert await connection.rest() == b""


@pytest.mark.setting("CHAT_SERVER__BODY_TIMEOUT_S")
async def test_a_slow_body_is_refused_and_changes_nothing(
    hasty: TestServer, nothing_left: None
) -> None:
    async with hasty.client() as http:
        ada = await hasty.person(http)
        room = await ada.makes_room()
        async with connect_raw(hasty.url) as connection:
            await connection.send(
                b"POST /api/v1/rooms/%b/messages HTTP/1.1\r\nHost: chat\r\n"
                b"Authorization: Bearer %b\r\nContent-Type: application/json\r\n"
                b"Content-Length: 500\r\n\r\n" % (room.encode(), ada.access.encode())
            )
            _, answer = await asyncio.gather(
                trickle(connection, b'{"nonce": "n", "text": "' + b"x" * 450), connection.rest()
            )
        problem = problem_in(answer)
        assert (problem["code"], problem["status"], problem["retry"]) == ("too_slow", 408, "now")
        assert (await ada.room(room))["seq"] == 2


@pytest.mark.parametrize(
    "data",
    [
        GET + b"\r\n" + GET + b"X: " + b"x" * 500,  # the head of a second request
        GET + b"\r\n" + b"\r\n" * 500,  # empty lines are no request
        GET + b"Content-Length: 500\r\n\r\n" + b"x" * 450,  # a body that nobody reads
        GET + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100,
        GET + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: x\r\n" * 100,  # trailers
    ],
    ids=["second head", "empty lines", "unread body", "chunks", "trailers"],
)
async def test_slow_bytes_after_a_response_end_the_connection(
    connection: RawConnection, data: bytes
) -> None:
    _, answer = await asyncio.gather(trickle(connection, data, 0.005), connection.rest())
    assert answer.count(b"HTTP/1.1 200 OK") <= 1


async def test_the_header_timeout_does_not_limit_the_response(
    hasty: TestServer, nothing_left: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head of the next request has arrived and is not parsed during the first response."""
    database = hasty.context.database
    read = database.read

    async def slowly(*args: Any) -> Any:
        await pause(3 * QUICK_S)
        return await read(*args)

    async with hasty.client() as http:
        ada = await hasty.person(http)
        monkeypatch.setattr(database, "read", slowly)
        request = b"GET /api/v1/users/me HTTP/1.1\r\nHost: chat\r\nAuthorization: Bearer %b\r\n"
        one = request % ada.access.encode() + b"\r\n"
        async with connect_raw(hasty.url) as connection:
            await connection.send(one * 2 + one[:50])
            answer = await connection.rest()
        assert answer.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize(
    "piece",
    [b"X: %b\r\n" % (b"x" * 500), b"x" * 500, b"X: x\r\n"],
    ids=["large headers", "one header", "many headers"],
)
async def test_an_endless_request_head_is_refused(patient: RawConnection, piece: bytes) -> None:
    await patient.send(GET + b"X: ")
    for _ in range(4 * MAX_HEAD_BYTES // len(piece)):
        await patient.send(piece)
    assert problem_in(await patient.rest())["code"] == "too_large"


@pytest.mark.parametrize("start", [GET, UPGRADE], ids=["a request", "a handshake"])
@pytest.mark.parametrize("before", [b"", b"\r\n", GET + b"\r\n"], ids=["alone", "line", "second"])
@pytest.mark.parametrize("pieces", [1, 2, 10])
async def test_the_size_of_a_request_head_is_limited(
    embedded_server: TestServer, start: bytes, before: bytes, pieces: int
) -> None:
    """In one packet or in several."""
    for size, fits in ((MAX_HEAD_BYTES, True), (MAX_HEAD_BYTES + 1, False), (100_000, False)):
        head = start + b"X: " + b"x" * (size - len(start) - 7) + b"\r\n\r\n"
        assert len(head) == size
        data = before + head
        step = -(-len(data) // pieces)
        async with connect_raw(embedded_server.url) as connection:
            for at in range(0, len(data), step):
                await connection.send(data[at : at + step])
            if before.startswith(b"GET"):
                assert b" 200 " in await connection.reader.readuntil(b"\r\n")
                await connection.reader.readuntil(b"}")
            if fits:
                status = await connection.reader.readuntil(b"\r\n")
                assert status.split()[1] == (b"200" if start is GET else b"101")
            else:
                assert problem_in(await connection.rest())["code"] == "too_large"


@pytest.mark.parametrize("start", [GET, UPGRADE], ids=["a request", "a handshake"])
async def test_the_number_of_header_fields_is_limited(
    embedded_server: TestServer, start: bytes
) -> None:
    room = MAX_HEAD_FIELDS - start.count(b"\r\n") + 1
    for more, fits in ((room, True), (room + 1, False)):
        async with connect_raw(embedded_server.url) as connection:
            await connection.send(start + b"X: x\r\n" * more + b"\r\n")
            answer = await connection.reader.readuntil(b"\r\n")
            assert (int(answer.split()[1]) in (200, 101)) is fits


@pytest.mark.parametrize(
    "head",
    [
        GET + b"Content-Length: 66\r\n\r\n",
        b"POST /api/v1/auth/logout HTTP/1.1\r\nHost: chat\r\nContent-Length: 66\r\n\r\n",
        GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 66\r\n\r\n",
        GET + b"Transfer-Encoding: chunked\r\n\r\n",
        GET,
    ],
    ids=["a length", "no answer before it", "an upgrade", "chunks", "half a head"],
)
async def test_bytes_after_a_timeout_are_not_a_request(
    hasty: TestServer, nothing_left: None, head: bytes
) -> None:
    """Otherwise pause-based request smuggling works: the peer may think that the first request is
    over."""
    async with connect_raw(hasty.url) as connection:
        await connection.send(head)
        await eventually(lambda: not connections_in_a_request(hasty))
        with contextlib.suppress(ConnectionError):
            await connection.send(GET + b"\r\n")
        answer = await connection.rest()
    assert answer.count(b"HTTP/1.1 ") == 1


def connections_in_a_request(server: TestServer) -> bool:
    """Whether the server still parses a request on any connection."""
    return any(not c._ended for c in server.uvicorn.server_state.connections)  # type: ignore[union-attr]


@pytest.mark.parametrize("expectation", [b"100-continue", b"100-Continue"])
async def test_a_refusal_before_an_expected_body_ends_the_connection(
    embedded_server: TestServer, expectation: bytes
) -> None:
    """The client may omit the body, and the next request would be parsed as the body."""
    async with embedded_server.client() as http:
        ada = await embedded_server.person(http)
    start = (
        b"POST /api/v1/rooms HTTP/1.1\r\nHost: chat\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %b\r\nExpect: %%b\r\nContent-Length: %%d\r\n\r\n"
    ) % ada.access.encode()
    async with connect_raw(embedded_server.url) as connection:
        await connection.send(start % (expectation, 10_000_000))
        assert problem_in(await connection.rest())["code"] == "too_large"
    async with connect_raw(embedded_server.url) as connection:
        await connection.send(start % (expectation, 2))
        assert b" 100 " in await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(b"{}" + GET + b"Connection: close\r\n\r\n")
        answer = await connection.rest()
        assert [status[:3] for status in answer.split(b"HTTP/1.1 ")] == [b"", b"422", b"200"]


@pytest.mark.setting("CHAT_SERVER__KEEP_ALIVE_S")
async def test_the_keep_alive_timeout_is_applied(
    embedded_server: TestServer, embedded: Backend
) -> None:
    assert embedded.settings.server.keep_alive_s == 75
    settings = override(without_limits(embedded.settings), server={"keep_alive_s": QUICK_S})
    async with (
        run_server(settings) as short,
        connect_raw(short.url) as closed,
        connect_raw(embedded_server.url) as kept,
    ):
        for connection in (kept, closed):
            await connection.send(GET + b"\r\n")
        assert b" 200 " in await closed.rest()
        await kept.reader.readuntil(b"}")
        await kept.send(GET + b"\r\n")
        assert b" 200 " in await kept.reader.readuntil(b"\r\n")


@pytest.mark.setting("CHAT_SERVER__WRITE_TIMEOUT_S")
async def test_a_client_that_does_not_read_its_response_is_disconnected(hasty: TestServer) -> None:
    async with hasty.client() as http:
        ada: Person = await hasty.person(http)
        room = await ada.makes_room()
        await ada.says(room, *["x" * 4000] * 100)
        request = (
            b"GET /api/v1/rooms/%b/messages?limit=100 HTTP/1.1\r\nHost: chat\r\n"
            b"Authorization: Bearer %b\r\n\r\n" % (room.encode(), ada.access.encode())
        )
        async with connect_raw(hasty.url, small_window=True) as connection:
            connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
            before = len(hasty.uvicorn.server_state.connections)
            await connection.send(request * 30)
            await eventually(lambda: len(hasty.uvicorn.server_state.connections) < before)
            await eventually(lambda: not hasty.uvicorn.server_state.tasks)
