"""HTTPS and WSS on one port, with a certificate that the client checks."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import trustme
from websockets.exceptions import InvalidMessage

from app.realtime.slow_consumers import limits
from testkit.answers import assert_ok
from testkit.peer import dial, joined
from testkit.people import Person
from testkit.server import TestServer, fast_settings, limit_send_buffers
from testkit.servers.backend import Backend, override
from testkit.waiting import eventually
from tests.realtime.dedicated_server import run_server_without_pauses


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """A context that trusts the authority and checks the name."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def secure(
    embedded: Backend, authority: trustme.CA, tmp_path: Path
) -> AsyncIterator[TestServer]:
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    chain, key = tmp_path / "server.pem", tmp_path / "server-key.pem"
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    certificate.private_key_pem.write_to_path(key)
    settings = override(
        fast_settings(embedded.settings),
        server={"tls_certificate": chain, "tls_key": key},
        realtime={"send_stall_timeout_s": 2},
    )
    async with run_server_without_pauses(settings) as server:
        yield server


async def test_http_and_sockets_share_a_port(secure: TestServer, tls: ssl.SSLContext) -> None:
    assert secure.url.startswith("https://")
    async with secure.client(verify=tls) as client:
        ada = await secure.person(client)
        room = await ada.makes_room()
        async with joined(ada, (room, 0), tls=tls) as peer, joined(ada, room, tls=tls) as other:
            assert (await peer.says(room, "🙂" * 3000))["seq"] == 3
            await ada.says(room, "over HTTP")
            for socket in (peer, other):
                await socket.has(room, 4)
        assert assert_ok(await ada.get(f"/rooms/{room}"))["seq"] == 4


async def test_the_own_origin_of_a_tls_server_is_https(
    secure: TestServer, tls: ssl.SSLContext
) -> None:
    async with dial(secure.url, origin=secure.url, tls=tls) as peer:
        assert peer.is_open


async def test_wss_with_an_unknown_authority_is_refused_by_clients(secure: TestServer) -> None:
    strangers = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        async with dial(secure.url, tls=strangers):
            pass
    async with secure.client(verify=strangers) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/health/live")


async def test_a_plaintext_socket_on_a_tls_port_is_not_answered(secure: TestServer) -> None:
    plain = f"http{secure.url.removeprefix('https')}"
    with pytest.raises((InvalidMessage, OSError, EOFError)):
        async with dial(plain):
            pass


async def test_a_slow_tls_peer_gets_everything_and_a_stalled_one_is_disconnected(
    secure: TestServer, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The buffers of TLS count, too."""
    limit_send_buffers(secure)
    async with secure.client(verify=tls) as client:
        ada: Person = await secure.person(client, "ada")
        bob = await secure.person(client, "bob")
        room = await ada.makes_room("private", bob)
        async with (
            joined(ada, room, tls=tls) as fast,
            joined(bob, room, tls=tls, small_window=True) as slow,
        ):
            hub = secure.hub
            (end,) = hub.by_user[UUID(bob.id)]
            head = 0
            with monkeypatch.context() as patient:
                patient.setattr(limits, "_exceeded_limit", lambda *_: None)
                for stalls in (False, True):
                    slow.stops_reading()
                    while not end.write_paused:
                        (head,) = await ada.says(room, "🙂" * 3900)
                        await fast.has(room, head)
                    assert end._writer.buffered_bytes() < 64 * 1024 + 2 * 16_000
                    if not stalls:
                        slow.connection.transport.resume_reading()
                        await slow.has(room, head)
                        assert slow.seqs(room) == list(range(4, head + 1))
            monkeypatch.setattr(limits, "TICK_S", 0.05)
            await eventually(lambda: end not in hub.connections)
            await fast.settled()
        await eventually(lambda: not hub.connections)
