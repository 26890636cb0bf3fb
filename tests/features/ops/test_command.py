"""`python -m app serve`: its output, its log and its exit."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from testkit.answers import assert_ok, assert_problem
from testkit.coverage import child_variables
from testkit.people import API
from testkit.servers.backend import Backend
from testkit.waiting import LIMIT_S, limit

# Recognised wherever they turn up.
PASSWORD, QUERY, TOKEN = "pass-SECRET-word", "query-SECRET", "token-SECRET"


@dataclass
class Command:
    """The process. Its standard error is available when it has ended."""

    process: asyncio.subprocess.Process
    banner: str
    url: str

    async def end(self, by: signal.Signals) -> tuple[int, list[str]]:
        """The exit code, and every further line of standard output."""
        self.process.send_signal(by)
        async with limit():
            _, rest = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, rest.decode().splitlines()


@pytest.fixture
async def command(embedded: Backend, tmp_path: Path) -> AsyncIterator[Command]:
    settings = embedded.settings
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "serve"),
        cwd=tmp_path,
        env=os.environ
        | child_variables()
        | {
            "CHAT_SERVER__PORT": "0",
            "CHAT_SERVER__DATA_DIR": str(tmp_path),
            "CHAT_DATABASE__URL": settings.database.url,
            "CHAT_AUTH__SECRET_KEY": settings.auth.secret_key,
            "CHAT_AUTH__ARGON2_MEMORY_KIB": str(settings.auth.argon2_memory_kib),
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    async with limit():
        banner = (await process.stderr.readuntil(b"Ctrl-C stops it.\n")).decode()
    (url,) = re.findall(r"^Chat on (\S+)$", banner, re.MULTILINE)
    yield Command(process, banner, url)
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_each_request_is_logged_once_without_secrets(command: Command) -> None:
    for path in ("/docs", "/ws", "/health/ready"):
        assert f"{command.url.split('://')[1]}{path}" in command.banner
    answers: list[httpx.Response] = []
    async with httpx.AsyncClient(base_url=command.url, timeout=LIMIT_S) as http:

        async def call(method: str, path: str, **options: Any) -> httpx.Response:
            answers.append(await http.request(method, path, **options))
            return answers[-1]

        account = {"username": "ada", "password": PASSWORD}
        assert_ok(await call("POST", f"{API}/auth/register", json=account), 201)
        form = account | {"grant_type": "password"}
        login = assert_ok(await call("POST", f"{API}/auth/token", data=form))
        bearer = {"Authorization": f"Bearer {login['access_token']}"}
        params = {"query": QUERY, "cursor": None}
        assert_ok(await call("GET", f"{API}/users", params=params, headers=bearer))
        ticket = assert_ok(await call("POST", f"{API}/ws-tickets", headers=bearer), 201)["ticket"]
        # Refusals of all kinds, with secrets where they do not belong.
        wrong = {"Authorization": f"Bearer {TOKEN}"}
        assert_problem(await call("GET", f"{API}/users/me", headers=wrong), "unauthenticated")
        form = {"grant_type": "refresh_token", "refresh_token": TOKEN}
        assert_problem(await call("POST", f"{API}/auth/token", data=form), "invalid_grant")
        assert_problem(
            await call("POST", f"{API}/auth/register", json={"password": PASSWORD}), "invalid"
        )
        assert_problem(await call("GET", "/nowhere", params={"token": TOKEN}), "not_found")
        secrets = [PASSWORD, QUERY, TOKEN, *login.values(), ticket]
    socket = f"{command.url.replace('http', 'ws')}/ws?token={TOKEN}"
    async with connect(socket, subprotocols=["chat.v1"]) as opened:  # type: ignore[list-item]
        await opened.send(json.dumps({"type": "hello", "token": TOKEN}))
        await opened.wait_closed()
    code, lines = await command.end(signal.SIGINT)
    assert code == 0  # Ctrl-C is no failure
    for secret in (str(secret) for secret in secrets if len(str(secret)) > 8):
        assert secret not in "\n".join(lines)
    logged = [json.loads(line) for line in lines]
    requests = [line for line in logged if line["event"] == "http.request"]
    assert [(line["request_id"], line["status"]) for line in requests] == [
        (answer.headers["x-request-id"], answer.status_code) for answer in answers
    ]
    for line in requests:
        assert line.keys() == {
            *("event", "level", "timestamp", "request_id"),
            *("method", "path", "status", "duration_ms", "client_address"),
        }
        assert "?" not in line["path"]
