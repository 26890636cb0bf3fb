"""Wrong passwords: which clients they delay, and which not (ADR 19).

Clients have addresses of 127.0.0.0/8, all of which belong to this machine.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import argon2
import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import API
from testkit.server import PASSWORD, TestServer, run_server, unique_username, without_limits
from testkit.servers.backend import Backend, override
from testkit.waiting import eventually
from tests.features.users.auth import TOKEN, log_in, renew

WRONG = "something else"
OFFICE, ELSEWHERE = "127.0.0.2", "127.0.0.3"
# So slow that nothing comes back while a test runs.
NEVER = {"attempts_per_minute": 0.01, "account_attempts_per_minute": 0.01}


@asynccontextmanager
async def limited(backend: Backend, **auth: Any) -> AsyncIterator[TestServer]:
    """The default login limits, with other refill rates."""
    settings = without_limits(backend.settings)
    defaults = type(settings.auth)(secret_key=settings.auth.secret_key, argon2_memory_kib=8)
    values = defaults.model_dump() | NEVER | auth
    async with run_server(settings.model_copy(update={"auth": type(defaults)(**values)})) as server:
        yield server


@asynccontextmanager
async def coming_from(server: TestServer, address: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with httpx.AsyncClient(transport=transport, base_url=server.url, timeout=60) as http:
        yield http


async def in_step(*servers: TestServer) -> None:
    """Both servers are connected to Redis."""
    limiters: list[Any] = [server.context.limiter for server in servers]
    await eventually(lambda: all(limiter.available for limiter in limiters))


async def try_wrong(http: httpx.AsyncClient, username: str, times: int) -> list[int]:
    return [(await log_in(http, username, WRONG)).status_code for _ in range(times)]


async def log_in_from(
    http: httpx.AsyncClient, username: str, device: str, password: str = PASSWORD
) -> httpx.Response:
    form = {"grant_type": "password", "username": username, "password": password}
    return await http.post(TOKEN, data=form | {"device_token": device})


async def test_correct_passwords_count_for_no_limit(backend: Backend) -> None:
    async with (
        limited(backend, attempts_burst=2, account_attempts_burst=2) as server,
        coming_from(server, OFFICE) as http,
    ):
        people = await server.people(http, "ada", "bob", "eve")
        for _ in range(8):
            for answer in await asyncio.gather(*(log_in(http, p.username) for p in people)):
                assert_ok(answer)


async def test_wrong_passwords_of_one_client_do_not_lock_out_its_address(backend: Backend) -> None:
    """The users share the address and have never logged in from it."""
    async with limited(backend) as server, coming_from(server, OFFICE) as http:
        people = await server.people(http, *(f"person{n}" for n in range(21)))
        tried = [(await try_wrong(http, unique_username("nobody"), 1))[0] for _ in range(25)]
        assert tried == [400] * 25
        assert await try_wrong(http, unique_username("victim"), 2) == [400, 429]
        for person in people:
            assert_ok(await log_in(http, person.username))
            assert_ok(await renew(http, person.refresh))


async def test_one_address_exhausts_only_its_share_of_an_account_limit(backend: Backend) -> None:
    async with (
        limited(backend) as server,
        coming_from(server, OFFICE) as attacker,
        coming_from(server, ELSEWHERE) as http,
    ):
        ada = await server.person(http)
        device = assert_ok(await log_in(attacker, ada.username))["device_token"]
        assert await try_wrong(attacker, ada.username, 7) == [400] * 5 + [429] * 2
        answer = await log_in(attacker, ada.username)  # the right one is not looked at
        problem = assert_problem(answer, "rate_limited")
        assert "for this account from this address" in problem["detail"]
        assert '"logins-per-account-and-address";r=0;t=' in answer.headers["ratelimit"]
        policy = answer.headers["ratelimit-policy"]
        assert policy.startswith('"logins-per-account-and-address";q=5;w=')
        assert_ok(await log_in(http, ada.username))
        assert_ok(await log_in_from(attacker, ada.username, device))


async def test_an_account_limit_does_not_apply_to_known_devices(
    backend: Backend,
) -> None:
    async with limited(backend) as server, coming_from(server, OFFICE) as http:
        ada = await server.person(http)
        one, two = [assert_ok(await log_in(http, ada.username))["device_token"] for _ in range(2)]
        tried = []
        for number in range(5):
            async with coming_from(server, f"127.0.1.{number + 1}") as attacker:
                tried += await try_wrong(attacker, ada.username, 5)
        assert tried == [400] * 20 + [429] * 5
        assert_problem(await log_in(http, ada.username), "rate_limited")
        # A device has an allowance of its own, and can use up no other one's.
        for _ in range(20):
            assert_problem(await log_in_from(http, ada.username, one, WRONG), "invalid_grant")
        assert_problem(await log_in_from(http, ada.username, one), "rate_limited")
        assert assert_ok(await log_in_from(http, ada.username, two))["device_token"] == two


@pytest.mark.parametrize("kind", ["broken", "empty", "of another account", "of a renewal"])
async def test_an_invalid_device_token_is_ignored(backend: Backend, kind: str) -> None:
    async with limited(backend) as server, coming_from(server, OFFICE) as http:
        ada, bob = await server.people(http, "ada", "bob")
        of_ada, of_bob = [
            assert_ok(await log_in(http, p.username))["device_token"] for p in (ada, bob)
        ]
        token = {
            "broken": of_ada[:-2] + ("AA" if of_ada[-2:] != "AA" else "BB"),
            "empty": "",
            "of another account": of_bob,
            "of a renewal": ada.refresh,
        }[kind]
        await try_wrong(http, ada.username, 5)
        assert_problem(await log_in_from(http, ada.username, token), "rate_limited")
        assert_ok(await log_in_from(http, ada.username, of_ada))


async def test_login_limits_do_not_reveal_which_accounts_exist(backend: Backend) -> None:
    async with limited(backend) as server:
        async with server.client() as http:
            known = (await server.person(http)).username
        stories = []
        for number, username in enumerate((known, unique_username("nobody"))):
            story = []
            async with coming_from(server, f"127.0.2.{number + 1}") as http:
                for _ in range(7):
                    answer = await log_in(http, username, WRONG)
                    fields = {name for name in answer.headers if name != "date"}
                    problem = answer.json()
                    wait = problem.pop("retry_after_ms", 0) // 60_000  # time goes by
                    del problem["request_id"]
                    story.append((answer.status_code, fields, problem, wait))
            stories.append(story)
        assert stories[0] == stories[1]


async def test_concurrent_guesses_do_not_exceed_the_login_limit(
    backend: Backend,
) -> None:
    """At most by the number of passwords that are hashed at the same time."""
    async with (
        limited(backend, argon2_workers=2) as server,
        coming_from(server, OFFICE) as attacker,
        coming_from(server, ELSEWHERE) as http,
    ):
        ada = await server.person(http)
        answers = await asyncio.gather(*(log_in(attacker, ada.username, WRONG) for _ in range(60)))
        heard = sum(answer.status_code == 400 for answer in answers)
        assert 5 <= heard <= 5 + 2
        assert {answer.status_code for answer in answers} <= {400, 429}
        assert_ok(await log_in(http, ada.username))


async def test_unknown_refresh_tokens_are_limited_by_address_and_known_ones_are_not(
    backend: Backend,
) -> None:
    async with (
        limited(backend, attempts_burst=3) as server,
        coming_from(server, OFFICE) as http,
        coming_from(server, ELSEWHERE) as other,
    ):
        ada = await server.person(http)
        for number in range(3):
            assert_problem(await renew(http, f"{number}" * 64), "invalid_grant")
        assert_problem(await renew(http, "9" * 64), "rate_limited")
        assert_problem(await renew(other, "9" * 64), "invalid_grant")
        token = ada.refresh
        for _ in range(10):
            token = assert_ok(await renew(http, token))["refresh_token"]
        assert_ok(await log_in(http, ada.username))


async def test_logins_and_renewals_are_rate_limited(backend: Backend) -> None:
    """Correct passwords by account, refresh tokens by session."""
    limits = {"writes_per_minute": 0.01, "writes_burst": 10}
    settings = override(without_limits(backend.settings), limits=limits)
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        token = ada.refresh
        for _ in range(2):
            token = assert_ok(await renew(http, token))["refresh_token"]
        assert_problem(await renew(http, token), "rate_limited")
        assert_ok(await log_in(http, ada.username))
        login = assert_ok(await log_in(http, ada.username))
        assert_problem(await log_in(http, ada.username), "rate_limited")
        assert_ok(await renew(http, login["refresh_token"]))  # the token was not used up


async def test_a_wrong_old_password_counts_for_the_session(backend: Backend) -> None:
    async with limited(backend, account_attempts_burst=3) as server, server.client() as http:
        ada = await server.person(http)
        other = assert_ok(await log_in(http, ada.username))["access_token"]
        body = {"old_password": WRONG, "new_password": "battery staple"}
        for _ in range(3):
            assert_problem(await ada.put("/users/me/password", **body), "forbidden")
        right = body | {"old_password": PASSWORD}
        assert_problem(await ada.put("/users/me/password", **right), "rate_limited")
        bearer = {"Authorization": f"Bearer {other}"}
        assert_ok(await http.put(f"{API}/users/me/password", json=right, headers=bearer), 204)


async def test_registrations_are_limited_by_address(backend: Backend) -> None:
    async with (
        limited(backend, registrations_per_hour=1, registrations_burst=2) as server,
        coming_from(server, OFFICE) as http,
        coming_from(server, ELSEWHERE) as other,
    ):

        async def register(http: httpx.AsyncClient) -> httpx.Response:
            account = {"username": unique_username("new"), "password": PASSWORD}
            return await http.post(f"{API}/auth/register", json=account)

        for _ in range(2):
            assert_ok(await register(http), 201)
        answer = await register(http)
        problem = assert_problem(answer, "rate_limited")
        assert "1 an hour, 2 at once" in problem["detail"]
        assert answer.headers["ratelimit-policy"] == '"registrations";q=2;w=7200'
        assert_ok(await register(other), 201)


@pytest.mark.cluster
async def test_login_limits_hold_over_all_processes(cluster: Backend) -> None:
    async with limited(cluster) as one, limited(cluster) as two, one.client() as first:
        ada = await one.person(first)
        device = assert_ok(await log_in(first, ada.username))["device_token"]
        await in_step(one, two)
        async with two.client() as second:
            tried = [
                (await log_in(http, ada.username, WRONG)).status_code
                for _ in range(3)
                for http in (first, second)
            ]
            assert tried == [400] * 5 + [429]
            assert_ok(await log_in_from(second, ada.username, device))


# The queue of passwords.


class Gate:
    """Stops the verification of passwords until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.verified: list[str] = []
        self.open = threading.Event()
        verify = argon2.PasswordHasher.verify

        def slow(hasher: argon2.PasswordHasher, stored: str, password: str) -> bool:
            self.verified.append(password)
            self.open.wait(60)
            return verify(hasher, stored, password)

        monkeypatch.setattr(argon2.PasswordHasher, "verify", slow)


def in_queue(server: TestServer) -> int:
    return len(server.context.passwords.queue._waiting)


async def test_clients_with_failed_attempts_are_hashed_last(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        limited(backend, argon2_workers=1, account_attempts_burst=1000) as server,
        coming_from(server, OFFICE) as attacker,
        coming_from(server, ELSEWHERE) as http,
    ):
        ada, bob = await server.people(http, "ada", "bob")
        await log_in(attacker, ada.username, WRONG)
        gate = Gate(monkeypatch)
        wrong = [asyncio.create_task(log_in(attacker, ada.username, WRONG)) for _ in range(20)]
        await eventually(lambda: in_queue(server) == 19)
        right = asyncio.create_task(log_in(http, bob.username))
        await eventually(lambda: in_queue(server) == 20)
        gate.open.set()
        assert_ok(await right)
        await asyncio.gather(*wrong)
        assert gate.verified[:3] == [WRONG, PASSWORD, WRONG]


async def test_a_password_that_waits_too_long_is_busy(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        limited(backend, argon2_workers=1, argon2_queue_timeout_s=0.05) as server,
        server.client() as http,
    ):
        ada = await server.person(http)
        gate = Gate(monkeypatch)
        at_work = asyncio.create_task(log_in(http, ada.username))
        await eventually(lambda: bool(gate.verified))
        assert_problem(await log_in(http, ada.username), "busy")
        account = {"username": unique_username("bob"), "password": PASSWORD}
        assert_problem(await http.post(f"{API}/auth/register", json=account), "busy")
        assert not in_queue(server)
        gate.open.set()
        assert_ok(await at_work)


async def test_a_disconnected_client_leaves_the_hash_queue(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with limited(backend, argon2_workers=1) as server, server.client() as http:
        ada = await server.person(http)
        gate = Gate(monkeypatch)
        at_work = asyncio.create_task(log_in(http, ada.username))
        await eventually(lambda: bool(gate.verified))
        async with server.client() as leaving:
            waits = asyncio.create_task(log_in(leaving, ada.username, WRONG))
            await eventually(lambda: in_queue(server) == 1)
            waits.cancel()
            await asyncio.wait([waits])
        await eventually(lambda: in_queue(server) == 0)
        gate.open.set()
        assert_ok(await at_work)
        assert WRONG not in gate.verified
        assert_ok(await log_in(http, ada.username))
