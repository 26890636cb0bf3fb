"""The client address, scheme and origin behind proxies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog.testing
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from testkit.answers import assert_ok, assert_problem
from testkit.people import API
from testkit.raw_connection import UPGRADE, connect_raw
from testkit.server import (
    PASSWORD,
    TestServer,
    run_embedded_server,
    run_server,
    unique_username,
    without_limits,
)
from testkit.servers.backend import Backend, make_settings, migrate, override
from testkit.servers.proxies import Proxy, run_proxy
from tests.features.web.cookies import COOKIE, cookie_login, get_cookie

FOR, PROTO = "X-Forwarded-For", "X-Forwarded-Proto"
TRUSTED = "127.0.0.1, 10.0.0.0/8, fd00::/8"
Headers = list[tuple[str, str]]


@pytest.fixture(scope="module")
async def behind(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestServer]:
    async with _server(tmp_path_factory.mktemp("behind"), trusted_proxies=TRUSTED) as server:
        yield server


@pytest.fixture(scope="module")
async def behind_forwarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestServer]:
    directory = tmp_path_factory.mktemp("forwarded")
    async with _server(directory, trusted_proxies=TRUSTED, proxy_header="forwarded") as server:
        yield server


@asynccontextmanager
async def _server(directory: Path, **settings: str) -> AsyncIterator[TestServer]:
    async with run_embedded_server(directory, server=settings | {"data_dir": directory}) as server:
        yield server


async def found(server: TestServer, headers: Headers) -> tuple[str, bool]:
    """The client address in the log, and whether the response was one over HTTPS."""
    async with server.client() as http:
        with structlog.testing.capture_logs() as logged:
            answer = await http.get("/health/live", headers=headers)
    assert_ok(answer)
    (line,) = (line for line in logged if line["event"] == "http.request")
    return line["client_address"], "strict-transport-security" in answer.headers


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ([], "127.0.0.1"),
        ([(FOR, "192.0.2.1")], "192.0.2.1"),
        ([(FOR, "192.0.2.1:4711")], "192.0.2.1"),
        ([(FOR, "2001:db8::1")], "2001:db8::1"),
        ([(FOR, "2001:DB8:0::1")], "2001:db8::1"),
        ([(FOR, "[2001:db8::1]")], "2001:db8::1"),
        ([(FOR, "[2001:db8::1]:4711")], "2001:db8::1"),
        ([(FOR, "::ffff:192.0.2.1")], "192.0.2.1"),
        # From the right, past those that are trusted.
        ([(FOR, "198.51.100.1, 192.0.2.1")], "192.0.2.1"),
        ([(FOR, "198.51.100.1, 192.0.2.1, 10.1.2.3")], "192.0.2.1"),
        ([(FOR, "192.0.2.1,fd00::1,10.1.2.3")], "192.0.2.1"),
        ([(FOR, "192.0.2.1"), (FOR, "10.1.2.3")], "192.0.2.1"),
        ([(FOR, "192.0.2.2"), (FOR, "192.0.2.1")], "192.0.2.1"),
        ([(FOR, "127.0.0.1, 192.0.2.1")], "192.0.2.1"),
        ([(FOR, "10.1.2.3")], "10.1.2.3"),
        ([(FOR, "10.1.2.4, ::ffff:10.1.2.3")], "10.1.2.4"),
        # Who is not named: the last proxy that is known stands for it.
        *[
            ([(FOR, value)], "127.0.0.1")
            for value in (
                *("", "unknown", "_hidden", "-", "192.0.2.1.5", "192.0.2.256", "192.0.2.01"),
                *("[2001:db8::1", "2001:db8::1]", "host.example", "192.0.2.1 x", "192.0.2.1:x:y"),
                *('"192.0.2.1"', "1", "0x7f000001", "fe80::1%eth0", "192.0.2.1,", "for=192.0.2.1"),
            )
        ],
        ([(FOR, "192.0.2.1, unknown, 10.1.2.3")], "10.1.2.3"),
        ([(FOR, "192.0.2.1, " + "10.1.2.3, " * 5000 + "10.1.2.4")], "10.1.2.3"),
        # The kind of header that is not set is the client's own.
        ([("Forwarded", "for=192.0.2.1;proto=https")], "127.0.0.1"),
        ([("X-Real-IP", "192.0.2.1")], "127.0.0.1"),
    ],
    ids=lambda value: ascii(value)[:60],
)
async def test_trusted_proxies_name_the_client_address(
    behind: TestServer, headers: Headers, client: str
) -> None:
    assert await found(behind, headers) == (client, False)


@pytest.mark.parametrize(
    ("value", "client", "secure"),
    [
        ("for=192.0.2.1", "192.0.2.1", False),
        ("For=192.0.2.1; Proto=HTTPS;by=10.0.0.1;host=chat", "192.0.2.1", True),
        ('for="192.0.2.1:4711";proto=https', "192.0.2.1", True),
        ('for="[2001:db8::1]:4711"', "2001:db8::1", False),
        ('for="[2001:db8::1]:_port"', "2001:db8::1", False),
        ("for=198.51.100.1;proto=https, for=192.0.2.1;proto=http", "192.0.2.1", False),
        ("for=192.0.2.1;proto=https, for=10.1.2.3;proto=http", "192.0.2.1", True),
        ("for=192.0.2.1;proto=https,for=10.1.2.3", "192.0.2.1", True),
        ('for="198.51.100.1, for=192.0.2.1', "192.0.2.1", False),  # a quote left open
        ("for=unknown;proto=https", "127.0.0.1", True),
        ("for=_hidden", "127.0.0.1", False),
        ("for=192.0.2.1;for=192.0.2.2", "127.0.0.1", False),
        ("for=192.0.2.1;;", "127.0.0.1", False),
        ("for", "127.0.0.1", False),
        ("192.0.2.1", "127.0.0.1", False),
        ("proto=https", "127.0.0.1", True),
        ("proto=gopher", "127.0.0.1", False),
    ],
)
async def test_the_forwarded_header_names_the_client_address(
    behind_forwarded: TestServer, value: str, client: str, secure: bool
) -> None:
    assert await found(behind_forwarded, [("Forwarded", value)]) == (client, secure)
    assert await found(
        behind_forwarded, [("Forwarded", value), (FOR, "203.0.113.1"), (PROTO, "https")]
    ) == (client, secure)


@pytest.mark.parametrize(
    ("headers", "secure"),
    [
        ([(PROTO, "https")], True),
        ([(PROTO, "HTTPS"), (FOR, "192.0.2.1")], True),
        ([(PROTO, "http")], False),
        ([(PROTO, "wss")], False),
        ([(PROTO, "https://")], False),
        ([(PROTO, "https, http"), (FOR, "192.0.2.1")], False),  # the first is the client's own
        ([(PROTO, "https, http"), (FOR, "192.0.2.1, 10.1.2.3")], True),
        ([(PROTO, "https"), (FOR, "192.0.2.1, 10.1.2.3")], True),
        ([(PROTO, "http"), (PROTO, "https"), (FOR, "192.0.2.1")], True),
    ],
    ids=ascii,
)
async def test_trusted_proxies_name_the_scheme(
    behind: TestServer, headers: Headers, secure: bool
) -> None:
    assert (await found(behind, headers))[1] is secure


@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8, ::1"])
async def test_untrusted_clients_cannot_name_an_address(tmp_path: Path, trusted: str) -> None:
    async with _server(tmp_path, trusted_proxies=trusted) as server:
        headers = [(FOR, "192.0.2.1"), (PROTO, "https"), ("Forwarded", "for=192.0.2.1")]
        assert await found(server, headers) == ("127.0.0.1", False)


@pytest.mark.setting("CHAT_SERVER__PROXY_HEADER")
async def test_only_the_configured_proxy_header_is_read(tmp_path: Path) -> None:
    async with _server(tmp_path, trusted_proxies=TRUSTED, proxy_header="forwarded") as server:
        headers = [("Forwarded", "for=192.0.2.1"), (FOR, "203.0.113.1")]
        assert await found(server, headers) == ("192.0.2.1", False)


@pytest.mark.setting("CHAT_SERVER__TRUSTED_PROXIES")
async def test_rate_limits_count_clients_behind_a_proxy(tmp_path: Path) -> None:
    limits: dict[str, Any] = {
        "auth": {"attempts_per_minute": 0.001, "attempts_burst": 2},
        "limits": {"sockets_unauthenticated_per_address": 1},
    }
    settings = make_settings(tmp_path, database=f"sqlite:///{tmp_path / 'chat.db'}")
    await migrate(settings)
    settings = override(settings, server={"trusted_proxies": TRUSTED}, **limits)
    async with run_server(settings) as server, server.client() as http:
        for client in ("192.0.2.1", "192.0.2.2"):
            for code in ("invalid_grant", "invalid_grant", "rate_limited"):
                form = {"grant_type": "password", "username": "nobody", "password": PASSWORD}
                answer = await http.post(f"{API}/auth/token", data=form, headers={FOR: client})
                assert_problem(answer, code)
        for client, status in (("192.0.2.1", 101), ("192.0.2.2", 101)):
            line = f"{FOR}: {client}\r\n".encode()
            async with connect_raw(server.url) as first, connect_raw(server.url) as second:
                assert await first.ask_for_upgrade(line) == status
                assert await second.ask_for_upgrade(line) == 429


async def test_trusted_proxies_name_the_scheme_of_sockets(behind: TestServer) -> None:
    """An http page may not call a server that clients reach over https."""
    host = behind.url.partition("://")[2]
    for scheme, status in (("http", 403), ("https", 101)):
        lines = f"{PROTO}: https\r\nOrigin: {scheme}://{host}\r\n".replace(host, "chat")
        async with connect_raw(behind.url) as connection:
            assert await connection.ask_for_upgrade(lines.encode()) == status
    assert b"Host: chat\r\n" in UPGRADE


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
async def proxy(
    request: pytest.FixtureRequest, behind: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Proxy]:
    directory = tmp_path_factory.mktemp(request.param)
    async with run_proxy(request.param, directory, f"127.0.0.1:{behind.port}") as proxy:
        yield proxy


async def test_the_documented_proxies_name_the_client_address(
    behind: TestServer, proxy: Proxy
) -> None:
    """Clients cannot forge the address."""
    elsewhere = httpx.AsyncHTTPTransport(verify=proxy.trust, local_address="127.0.0.2")
    async with httpx.AsyncClient(base_url=proxy.url, transport=elsewhere, timeout=60) as http:
        name = unique_username("ada")
        account = {"username": name, "password": PASSWORD}
        assert_ok(await http.post(f"{API}/auth/register", json=account), 201)
        form = account | {"grant_type": "password"}
        headers = {FOR: "192.0.2.1", PROTO: "gopher", "Forwarded": "for=192.0.2.2"}
        answer = await http.post(f"{API}/auth/token", data=form, headers=headers)
        token = assert_ok(answer)["access_token"]
        assert answer.headers["strict-transport-security"]
        headers = {"Authorization": f"Bearer {token}"}
        (session,) = assert_ok(await http.get(f"{API}/auth/sessions", headers=headers))
    assert session["address"] == "127.0.0.2"


async def test_pages_and_sockets_work_through_the_documented_proxies(proxy: Proxy) -> None:
    url = proxy.url.replace("https:", "wss:") + "/ws"
    options: dict[str, Any] = {"ssl": proxy.trust, "subprotocols": [Subprotocol("chat.v1")]}
    async with connect(url, origin=Origin(proxy.url), **options) as socket:
        assert socket.subprotocol == "chat.v1"
    for origin in (proxy.url.replace("https:", "http:"), "https://evil.example"):
        with pytest.raises(InvalidStatus, match="403"):
            async with connect(url, origin=Origin(origin), **options):
                pass
    async with httpx.AsyncClient(base_url=proxy.url, verify=proxy.trust, timeout=60) as http:
        assert_problem(await http.get("/ws"), "upgrade_required")
        assert_ok(await http.get("/health/ready"))
        assert (await http.head("/docs")).content == b""


async def test_a_login_of_a_page_works_through_the_documented_proxies(proxy: Proxy) -> None:
    async with httpx.AsyncClient(base_url=proxy.url, verify=proxy.trust, timeout=60) as browser:
        account = {"username": unique_username("ada"), "password": PASSWORD}
        assert_ok(await browser.post(f"{API}/auth/register", json=account), 201)
        answer = await cookie_login(browser, account["username"])
        assert_ok(answer)
        assert get_cookie(answer)["secure"]
        answer = await browser.post(f"{COOKIE}/refresh", headers={"Origin": proxy.url})
        assert_ok(answer)
        assert get_cookie(answer)["secure"]


async def test_allowed_origins_accepts_a_page_whose_port_the_proxy_drops(embedded: Backend) -> None:
    """nginx with `proxy_set_header Host $host`."""
    page = "https://chat:8443"
    for allowed, status in (("", 403), (page, 101)):
        settings = without_limits(embedded.override(server={"allowed_origins": allowed}))
        async with run_server(settings) as server, connect_raw(server.url) as connection:
            line = f"Origin: {page}\r\n".encode()
            assert await connection.ask_for_upgrade(line) == status
