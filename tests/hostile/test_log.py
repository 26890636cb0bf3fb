"""Hostile clients and broken networks cause no errors in the server's log: no line of that level,
no traceback, and too few lines to fill a disk."""

import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import trustme

from testkit.answers import assert_ok
from testkit.people import API
from testkit.processes import ServerProcess, run_process
from testkit.server import fast_settings
from testkit.servers.backend import make_settings, migrate, override
from testkit.waiting import LIMIT_S, eventually
from tests.hostile.strangers import ACTS, GARBAGE, Act, Target, says, vanishes

BYTES_PER_REQUEST = 1024
REQUESTS = {"many requests at once": 20, "a proxy's line": 2}
ACCOUNT = {"username": "ada", "password": "correct horse battery"}


@pytest.fixture(scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("log")
    settings = fast_settings(
        make_settings(directory, database=f"sqlite:///{directory / 'chat.db'}")
    )
    await migrate(settings)
    async with run_process(settings, directory) as server:
        await has_said_where_it_is(server)
        yield server


async def has_said_where_it_is(server: ServerProcess) -> None:
    """Whether the last line of the startup output was printed."""
    await eventually(lambda: any("Ctrl-C" in line for line in server.output))


@pytest.fixture(scope="module")
async def target(process: ServerProcess) -> Target:
    async with httpx.AsyncClient(base_url=f"{process.url}{API}", timeout=LIMIT_S) as http:
        assert_ok(await http.post("/auth/register", json=ACCOUNT), 201)
        form = {"grant_type": "password"} | ACCOUNT
        token = assert_ok(await http.post("/auth/token", data=form))["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        room = assert_ok(await http.post("/rooms", json={"kind": "public", "name": "x"}), 201)["id"]
    return Target(process.url, token, room)


async def lines_of(process: ServerProcess, start: int, **client: Any) -> list[str]:
    """The lines logged since then. A request is logged after everything before it."""
    mark = str(uuid4())
    async with httpx.AsyncClient(timeout=LIMIT_S, **client) as http:
        assert_ok(await http.get(f"{process.url}/health/live", headers={"X-Request-ID": mark}))
    await eventually(lambda: any(mark in line for line in process.output[start:]))
    return [line for line in process.output[start:] if mark not in line]


@pytest.mark.parametrize("act", ACTS)
async def test_hostile_requests_are_not_logged_as_errors(
    process: ServerProcess, target: Target, act: str
) -> None:
    start = len(process.output)
    await ACTS[act](target)
    expect_no_errors(await lines_of(process, start), REQUESTS.get(act, 1))


def expect_no_errors(lines: list[str], requests: int) -> None:
    assert not [line for line in lines if not line.startswith("{")], "".join(lines)
    assert not {json.loads(line)["level"] for line in lines} & {"error", "critical"}, lines
    assert sum(map(len, lines)) <= BYTES_PER_REQUEST * requests, lines


HELLO = bytes.fromhex("160301020001 0001fc0303") + b"\0" * 508
TLS_ACTS: dict[str, Act] = {
    "nothing": says(b""),
    "a reset": vanishes(b""),
    "HTTP": says(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "garbage": says(GARBAGE),
    "half a hello": says(HELLO[:100]),
    "a hello that is none": says(HELLO),
    "a hello and a reset": vanishes(HELLO),
    "an old version": says(bytes.fromhex("15030000020228")),
}


@pytest.fixture(scope="module")
async def secure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    directory: Path = tmp_path_factory.mktemp("secure")
    certificate = trustme.CA().issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
    settings = fast_settings(
        make_settings(directory, database=f"sqlite:///{directory / 'chat.db'}")
    )
    await migrate(settings)
    pem = {"tls_certificate": directory / "server.pem", "tls_key": directory / "server.pem"}
    async with run_process(override(settings, server=pem), directory) as server:
        yield server


@pytest.mark.parametrize("act", TLS_ACTS)
async def test_plaintext_on_a_tls_port_is_not_logged_as_error(
    secure: ServerProcess, act: str
) -> None:
    await has_said_where_it_is(secure)
    start = len(secure.output)
    await TLS_ACTS[act](Target(secure.url, "", ""))
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    expect_no_errors(await lines_of(secure, start, verify=trusting), 1)
