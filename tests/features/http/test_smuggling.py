"""Request smuggling: no part of a request is taken for another one, by the server alone, with
workers, and behind real proxies that share connections between users."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
import structlog.testing

from testkit.answers import assert_ok
from testkit.people import API, Person
from testkit.processes import ServerProcess, run_process
from testkit.raw_connection import RawConnection, connect_raw
from testkit.server import (
    PASSWORD,
    TestServer,
    run_embedded_server,
    unique_username,
    without_limits,
)
from testkit.servers.backend import make_settings, migrate, unique_name
from testkit.servers.mariadb import MariaDb
from testkit.servers.proxies import Proxy, run_proxy
from testkit.servers.redis import RedisServer
from testkit.waiting import LIMIT_S, limit
from tests.features.http.payloads import ALL, CASES, Case, head, swallow

STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ")


def prefix(room: str) -> bytes:
    """The next request on the connection would archive its own room."""
    return b"DELETE %b/rooms/%b HTTP/1.1\r\nX: " % (API.encode(), room.encode())


def request_of(person: Person) -> bytes:
    return head(
        b"Authorization: Bearer " + person.access.encode(),
        b"Connection: close",
        line=b"GET /api/v1/users/me HTTP/1.1",
    )


async def attack(url: str, cases: list[Case], victim: Person, *, in_bytes: bool = False) -> None:
    """Run all attacks at once, each on a connection of its own."""
    for start in range(0, len(cases), 20):
        batch = cases[start : start + 20]
        attacks = (_attack(url, case, victim, in_bytes=in_bytes) for case in batch)
        found = await asyncio.gather(*attacks, return_exceptions=True)
        for case, error in zip(batch, found, strict=True):
            if error is not None:
                error.add_note(f"This was {case.name}.")
                raise error


async def _attack(url: str, case: Case, victim: Person, *, in_bytes: bool) -> None:
    """Attacker and victim on one connection, as a proxy sends them that sees another end of the
    first request."""
    room = await victim.makes_room()
    pieces = case.pieces(prefix(room))
    if in_bytes:
        data = b"".join(pieces)
        size = 1 + len(data) // 5000
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
    async with connect_raw(url) as connection:
        try:
            for piece in pieces:
                await connection.send(piece)
                await asyncio.sleep(0)  # a server in this loop reads it
            await connection.send(request_of(victim))
        except ConnectionError:
            assert not case.served
        data = await connection.rest()
    assert not assert_ok(await victim.get(f"/rooms/{room}"))["archived"]
    statuses = [int(status) for status in STATUS.findall(data)]
    start, _, body = data.partition(b"\r\n\r\n")
    if case.served:
        assert len(statuses) == case.requests + 1, data
        assert statuses[-1] == 200
        assert orjson.loads(data.rpartition(b"\r\n\r\n")[2])["id"] == victim.id
    elif statuses in ([], [426]):  # cut off in the middle; a handshake without an upgrade
        assert victim.id.encode() not in data
    else:
        assert len(statuses) == 1, data
        assert b"\r\nconnection: close" in start.lower()
        assert orjson.loads(body)["status"] == statuses[0]


@pytest.mark.parametrize("in_bytes", [False, True], ids=["in one piece", "byte by byte"])
@pytest.mark.parametrize("cases", CASES.values(), ids=CASES)
async def test_ambiguous_requests_are_not_smuggled(
    embedded_server: TestServer, cases: list[Case], in_bytes: bool
) -> None:
    async with embedded_server.client() as http:
        ada = await embedded_server.person(http)
        await attack(embedded_server.url, cases, ada, in_bytes=in_bytes)


async def test_uvicorn_alone_allows_request_smuggling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kludex/uvicorn#2722. If this fails, the defect is fixed, and `ChatHttpProtocol` may leave the
    splitting of packets to the parser."""
    monkeypatch.setattr("app.server.uvicorn_server.HTTP", "httptools")
    async with run_embedded_server(tmp_path) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        async with connect_raw(server.url) as connection:
            await connection.send(swallow(prefix(room)) + request_of(ada))
            await connection.rest()
        assert assert_ok(await ada.get(f"/rooms/{room}"))["archived"]


@pytest.mark.cluster
async def test_uvicorn_behind_nginx_allows_request_smuggling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This shows that the attacks below are real."""
    monkeypatch.setattr("app.server.uvicorn_server.HTTP", "httptools")
    async with run_embedded_server(tmp_path) as server:
        upstream = f"127.0.0.1:{server.port}"
        async with run_proxy("nginx", tmp_path, upstream) as proxy, client_of(proxy) as http:
            ada = await server.person(http)
            room = await ada.makes_room()
            async with attacking(proxy, [swallow(prefix(room))]):
                await ada.get("/users/me")
            assert assert_ok(await ada.get(f"/rooms/{room}"))["archived"]


@pytest.fixture(scope="module")
async def workers(
    mariadb: MariaDb, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("workers")
    async with mariadb.database(unique_name()) as url:
        settings = without_limits(make_settings(directory, database=url, redis=redis_server.url))
        await migrate(settings)
        async with run_process(settings, directory, 0, "--workers", "2") as server:
            yield server
            server.signal(signal.SIGTERM)
            await server.ended()


async def enrol(http: httpx.AsyncClient) -> Person:
    name = unique_username("ada")
    account = {"username": name, "password": PASSWORD}
    user = assert_ok(await http.post(f"{API}/auth/register", json=account), 201)
    form = account | {"grant_type": "password"}
    tokens = assert_ok(await http.post(f"{API}/auth/token", data=form))
    return Person(http, user["id"], name, tokens["access_token"], tokens["refresh_token"], "")


async def test_ambiguous_requests_are_not_smuggled_with_several_workers(
    workers: ServerProcess,
) -> None:
    async with httpx.AsyncClient(base_url=workers.url, timeout=LIMIT_S) as http:
        await attack(workers.url, ALL, await enrol(http))


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
async def proxy(
    request: pytest.FixtureRequest,
    embedded_server: TestServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Proxy]:
    directory = tmp_path_factory.mktemp(request.param)
    upstream = f"127.0.0.1:{embedded_server.port}"
    async with run_proxy(request.param, directory, upstream) as proxy:
        yield proxy


def client_of(proxy: Proxy) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=proxy.url, verify=proxy.trust, timeout=LIMIT_S)


@asynccontextmanager
async def attacking(proxy: Proxy, pieces: list[bytes]) -> AsyncIterator[None]:
    """Returns once the proxy has answered or closed the connection."""
    address = urlsplit(proxy.url)
    attacker = RawConnection(
        *await asyncio.open_connection(address.hostname, address.port, ssl=proxy.trust)
    )
    try:
        async with limit():
            for piece in pieces:
                await attacker.send(piece)
            await attacker.reader.readuntil(b"\r\n\r\n")
    except (OSError, asyncio.IncompleteReadError):
        pass
    yield
    attacker.writer.transport.abort()


@pytest.mark.parametrize("cases", CASES.values(), ids=CASES)
async def test_ambiguous_requests_are_not_smuggled_behind_a_proxy(
    embedded_server: TestServer, proxy: Proxy, cases: list[Case]
) -> None:
    """Attacker and victim share the only connection of the proxy to the server."""
    async with client_of(proxy) as http:
        ada = await embedded_server.person(http)
        for case in cases:
            room = await ada.makes_room()
            with structlog.testing.capture_logs() as logged:
                async with attacking(proxy, case.pieces(prefix(room))):
                    for _ in range(3):
                        assert assert_ok(await ada.get("/users/me"))["id"] == ada.id, case.name
            assert not assert_ok(await ada.get(f"/rooms/{room}"))["archived"], case.name
            requests = [line["path"] for line in logged if line["event"] == "http.request"]
            assert f"{API}/rooms/{room}" not in requests, case.name
            assert requests.count(f"{API}/users/me") == 3, case.name
