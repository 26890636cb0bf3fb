"""HTTPS on the port of the server."""

import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from testkit.answers import assert_ok, assert_problem
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend
from testkit.waiting import LIMIT_S


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def with_certificate(backend: Backend, authority: trustme.CA, directory: Path, *names: str) -> Any:
    certificate, key = directory / "server.pem", directory / "server-key.pem"
    issued = authority.issue_cert(*names)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(certificate, append=True)
    issued.private_key_pem.write_to_path(key)
    return backend.override(server={"tls_certificate": certificate, "tls_key": key})


@pytest.fixture
def settings(authority: trustme.CA, embedded: Backend, tmp_path: Path) -> Any:
    return with_certificate(embedded, authority, tmp_path, "127.0.0.1", "localhost")


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.setting("CHAT_SERVER__TLS_CERTIFICATE", "CHAT_SERVER__TLS_KEY")
async def test_https_works_with_a_trusted_authority(authority: trustme.CA, settings: Any) -> None:
    async with (
        run_server(without_limits(settings)) as server,
        server.client(trusting(authority)) as http,
    ):
        assert server.url.startswith("https://")
        answer = await http.get("/health/ready")
        assert_ok(answer)
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert_problem(await http.get("/nowhere"), "not_found")
        assert_ok(await http.get(f"https://localhost:{server.port}/health/live"))
        ada = await server.person(http)
        room = await ada.makes_room()
        assert await ada.says(room, "hello 🔒") == [3]


async def test_https_with_an_unknown_authority_is_refused_by_clients(settings: Any) -> None:
    async with run_server(settings) as server:
        for stranger in (ssl.create_default_context(), trusting(trustme.CA())):
            async with server.client(stranger) as http:
                with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                    await http.get("/health/live")


async def test_a_certificate_for_another_name_is_refused_by_clients(
    authority: trustme.CA, embedded: Backend, tmp_path: Path
) -> None:
    settings = with_certificate(embedded, authority, tmp_path, "chat.example")
    async with run_server(settings) as server, server.client(trusting(authority)) as http:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await http.get("/health/live")


async def test_plain_http_on_a_tls_port_is_not_answered(settings: Any) -> None:
    async with run_server(settings) as server, httpx.AsyncClient(timeout=LIMIT_S) as http:
        with pytest.raises(httpx.TransportError):
            await http.get(f"http://127.0.0.1:{server.port}/health/live")
