"""Handshakes that are refused over HTTP, and hellos that are accepted."""

import base64
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text
from websockets.exceptions import InvalidStatus

from app.core.clock import now
from app.core.tokens import Claims, Tokens
from app.realtime.connection.admission import PendingConnections
from app.settings import load_settings
from app.wire.errors import RateLimited
from testkit.answers import assert_ok
from testkit.peer import Peer, Peers, dial, joined
from testkit.people import Person
from testkit.raw_connection import UPGRADE, connect_raw
from testkit.server import TestServer
from testkit.waiting import LIMIT_S, eventually
from tests.realtime.dedicated_server import StartServer


async def refusal(url: str, **options: Any) -> tuple[int, dict[str, str], dict[str, Any]]:
    with pytest.raises(InvalidStatus) as caught:
        async with dial(url, **options):
            pass
    response = caught.value.response
    problem = orjson.loads(bytes(response.body or b""))
    assert response.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == response.status_code
    return response.status_code, dict(response.headers.raw_items()), problem


async def ticket(person: Person) -> str:
    found: str = assert_ok(await person.post("/ws-tickets"), 201)["ticket"]
    return found


async def expect_refused(peer: Peer, error: str, code: int, frame_id: Any = None) -> None:
    answer = await peer.expect("error")
    assert answer["code"] == error
    assert answer.get("id") == frame_id
    assert await peer.closed() == code
    assert peer.frames == [answer]


# Whose header alone would be a failure of the library that reads it.
HOSTILE = [
    base64.urlsafe_b64encode(header).decode().rstrip("=") + ".e30.AAAA"
    for header in (b"[" * 990, b'{"a":' * 300, b'{"alg":1e999}', b"1" * 1500)
]


# Before it is a socket.


@pytest.mark.parametrize("protocols", [(), ("chat.v2",), ("Chat.v1",)], ids=str)
async def test_a_handshake_without_the_subprotocol_is_refused(
    server: TestServer, protocols: tuple[str, ...]
) -> None:
    status, _, problem = await refusal(server.url, protocols=protocols)
    assert (status, problem["code"]) == (422, "invalid")
    assert "chat.v1" in problem["detail"]


@pytest.mark.parametrize(
    "path", ["/", "/ws/", "/ws2", "/WS", "/api/v1/rooms", "/health/live", "//ws"]
)
async def test_a_socket_at_another_path_is_refused(
    server: TestServer, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect_raw(server.url) as connection:
        await connection.send(UPGRADE.replace(b"/ws", path.encode(), 1) + b"\r\n")
        head, _, body = (await connection.rest()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert orjson.loads(body)["code"] == "not_found"
    await eventually(lambda: not server.uvicorn.server_state.tasks)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_handshake_may_carry_large_cookies(server: TestServer) -> None:
    """Browsers send the cookies of other programs on the same host."""
    async with connect_raw(server.url) as connection:
        assert await connection.ask_for_upgrade(b"Cookie: a=%b\r\n" % (b"x" * 20_000)) == 101


async def test_a_refused_handshake_is_not_logged_as_error(
    server: TestServer, caplog: pytest.LogCaptureFixture
) -> None:
    """uvicorn logs an error for a handshake that is neither accepted nor closed."""
    await refusal(server.url, protocols=("chat.v2",))
    await eventually(lambda: not server.uvicorn.server_state.tasks)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_the_subprotocol_may_be_one_of_several(server: TestServer) -> None:
    async with dial(server.url, protocols=("chat.v2", "chat.v1")) as peer:
        assert peer.connection.subprotocol == "chat.v1"


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "http://127.0.0.1:1", "null", "http://127.0.0.1", "127.0.0.1"),
        *("https://127.0.0.1", "file://", "ws://{host}", "http://{host}/", "http://{host}.evil"),
        *("http://x@{host}", "//{host}", "{host}", "http:{host}"),
    ],
)
async def test_pages_of_other_origins_are_refused(server: TestServer, origin: str) -> None:
    origin = origin.format(host=server.url.partition("://")[2])
    status, _, problem = await refusal(server.url, origin=origin)
    assert (status, problem["code"]) == (403, "forbidden")


async def test_a_page_of_https_may_call_a_server_of_http_on_its_host(
    server: TestServer, peers: Peers
) -> None:
    """A proxy that terminates TLS need not say so."""
    assert (await peers.dial(server.url, origin=server.url.replace("http:", "https:"))).is_open


@pytest.mark.parametrize(
    ("allowed", "origin", "welcome"),
    [
        ("https://A.example/", "https://a.example", True),
        ("HTTPS://a.example:443", "https://a.example", True),
        ("http://a.example:80", "http://a.example", True),
        ("http://a.example:443", "http://a.example:443", True),
        ("https://a.example:8443", "https://a.example:8443", True),
        ("https://[::1]:8443", "https://[::1]:8443", True),
        ("capacitor://localhost", "capacitor://localhost", True),
        ("*", "https://any.example", True),
        ("*", "null", True),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://a.example:8443", False),
        ("https://a.example", "https://b.a.example", False),
        ("https://a.example", "null", False),
    ],
)
async def test_http_and_sockets_agree_on_origins(
    start: StartServer, peers: Peers, allowed: str, origin: str, welcome: bool
) -> None:
    given = load_settings(
        server={"allowed_origins": allowed}, auth={"secret_key": "k" * 32}
    ).server.allowed_origins
    server = await start(server={"allowed_origins": given})
    async with httpx.AsyncClient(base_url=server.url, timeout=LIMIT_S) as http:
        answer = await http.get("/health/live", headers={"Origin": origin})
    assert answer.headers.get("access-control-allow-origin") in (
        (origin, "*") if welcome else (None,)
    )
    if welcome:
        assert (await peers.dial(server.url, origin=origin)).is_open
    else:
        assert (await refusal(server.url, origin=origin))[0] == 403


async def test_pages_of_this_origin_and_of_allowed_origins_may_connect(
    start: StartServer, peers: Peers
) -> None:
    listed = "https://chat.example"
    server = await start(server={"allowed_origins": f"https://other.example, {listed}"})
    for origin in (None, server.url, listed):
        assert (await peers.dial(server.url, origin=origin)).is_open
    await refusal(server.url, origin=f"{listed}.evil.example")


def test_an_ipv6_network_counts_as_one_address_before_hello() -> None:
    """Whatever part of its IPv6 address a client chooses, and however its IPv4 address is
    written."""
    lobby = PendingConnections(2, 100)
    with lobby.slot("2001:db8::1"), lobby.slot("2001:db8::2"), lobby.slot("192.0.2.7"):
        lobby.check_limit("2001:db8:0:1::1")
        lobby.check_limit("::ffff:192.0.2.7")
        with pytest.raises(RateLimited):
            lobby.check_limit("2001:db8::ffff:ffff:ffff:ffff")
        with lobby.slot("::ffff:192.0.2.7"), pytest.raises(RateLimited):
            lobby.check_limit("192.0.2.7")
    assert not lobby._by_address


@pytest.mark.setting("CHAT_LIMITS__SOCKETS_UNAUTHENTICATED_PER_ADDRESS")
async def test_too_many_of_one_address_without_a_hello_are_refused(
    start: StartServer, peers: Peers
) -> None:
    server = await start(limits={"sockets_unauthenticated_per_address": 3})
    waiting = [await peers.dial(server.url) for _ in range(3)]
    status, headers, problem = await refusal(server.url)
    assert (status, problem["code"], problem["retry"]) == (429, "rate_limited", "after")
    assert int(headers["retry-after"]) * 1000 == problem["retry_after_ms"]
    # Saying hello makes room, and so does going.
    ada = await server.person()
    await waiting[0].send("hello", token=ada.access)
    await waiting[0].expect("rooms")
    await waiting[0].settled()
    replacement = await peers.dial(server.url)
    await refusal(server.url)
    await replacement.leave()
    await (await peers.dial(server.url)).leave()


# The hello.


async def test_a_socket_without_a_hello_in_time_is_closed(start: StartServer) -> None:
    server = await start(realtime={"hello_timeout_s": 0.1})
    async with dial(server.url) as peer:
        assert await peer.closed() == 4401
        assert peer.frames == []


@pytest.mark.parametrize(
    ("message", "error", "frame_id"),
    [
        ('{"type":"pong","id":"p","n":1}', "bad_frame", "p"),
        ('{"type":"hello","id":3}', "invalid", 3),
        ('{"type":"hello","id":3,"token":""}', "invalid", 3),
        ('{"type":"hello","id":"x","token":"t","rooms":{}}', "invalid", "x"),
        ('{"type":"hallo","id":4,"token":"t"}', "unknown_type", 4),
        ("hello", "bad_frame", None),
        ("", "bad_frame", None),
        ("[]", "bad_frame", None),
        (b'{"type":"hello","token":"t"}', "bad_frame", None),
    ],
    ids=repr,
)
async def test_a_first_frame_that_is_no_hello_closes_the_socket(
    server: TestServer, message: str | bytes, error: str, frame_id: Any
) -> None:
    async with dial(server.url) as peer:
        await peer.connection.send(message)
        await expect_refused(peer, error, 4400, frame_id)


async def test_a_ticket_opens_one_connection(server: TestServer, ada: Person) -> None:
    once = await ticket(ada)
    async with joined(ada, token=once) as peer:
        assert peer.is_open
        async with dial(server.url) as second:
            await second.send("hello", id=1, token=once)
            await expect_refused(second, "unauthenticated", 4401, 1)
        await peer.settled()


async def test_a_ticket_is_redeemed_only_once(server: TestServer, ada: Person) -> None:
    once = await ticket(ada)
    async with AsyncExitStack() as stack:
        rivals = [await stack.enter_async_context(dial(server.url)) for _ in range(8)]
        for rival in rivals:
            await rival.send("hello", token=once)
        for rival in rivals:
            await rival.expect_anything()
        assert sorted(r.frames[0]["type"] for r in rivals) == ["error"] * 7 + ["welcome"]


async def test_a_ticket_expires(start: StartServer) -> None:
    server = await start()
    ada = await server.person()
    old = await ticket(ada)
    async with server.running.context.database._engines.write.begin() as connection:
        await connection.execute(
            text("UPDATE ws_tickets SET expires_at = :at"), {"at": "2020-01-01 00:00:00.000000"}
        )
    async with dial(server.url) as peer:
        await peer.send("hello", token=old)
        await expect_refused(peer, "unauthenticated", 4401)


@pytest.mark.parametrize(
    "token", ["nonsense", "a.b.c", "0" * 64, "é" * 100, "x" * 2048, "\0", *HOSTILE]
)
async def test_a_hello_with_an_invalid_token_closes_the_socket(
    server: TestServer, token: str
) -> None:
    async with dial(server.url) as peer:
        await peer.send("hello", id="h", token=token)
        await expect_refused(peer, "unauthenticated", 4401, "h")


async def test_an_access_token_opens_sockets_until_it_expires(
    server: TestServer, ada: Person
) -> None:
    async with joined(ada), joined(ada):
        pass
    claims = server.context.tokens.verify(ada.access)
    hour = timedelta(hours=1)
    stale = server.context.tokens.sign(claims, now() - 2 * hour, now() - hour)
    foreign = Tokens([b"somebody else's key " * 2], "chat").sign(
        Claims(claims.user, claims.session), now(), now() + hour
    )
    for token, error in ((stale, "token_expired"), (foreign, "unauthenticated")):
        async with dial(server.url) as peer:
            await peer.send("hello", token=token)
            await expect_refused(peer, error, 4401)


async def test_tokens_of_an_ended_session_open_nothing(server: TestServer, ada: Person) -> None:
    left = await ticket(ada)
    assert_ok(await ada.post("/auth/logout"), 204)
    for token in (left, ada.access):
        async with dial(server.url) as peer:
            await peer.send("hello", token=token)
            await expect_refused(peer, "session_ended", 4403)


async def test_the_size_of_a_hello_is_limited(server: TestServer, ada: Person) -> None:
    most = server.settings.limits.hello_bytes
    for size, fits in ((most, True), (most + 1, False)):
        hello = orjson.dumps({"type": "hello", "token": ada.access, "rooms": []}).decode()
        async with dial(server.url) as peer:
            await peer.connection.send(hello + " " * (size - len(hello)))
            if fits:
                await peer.expect("welcome")
            else:
                assert await peer.closed() == 1009
