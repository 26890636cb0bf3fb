"""PUT and DELETE /users/{id}/ban, and the command line."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest

from app.settings import Settings
from app.users import sessions
from testkit.answers import assert_ok, assert_problem
from testkit.command_line import run_command, start_command
from testkit.people import UNKNOWN_ID, Person
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend
from tests.features.users.auth import log_in, renew, whoami
from tests.features.users.test_passwords import Paused


@pytest.fixture
async def admin(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.administrator(http)


async def test_a_ban_ends_all_sessions_and_refuses_logins(
    http: httpx.AsyncClient, admin: Person, ada: Person, bob: Person
) -> None:
    other = assert_ok(await log_in(http, ada.username))
    ban = assert_ok(await admin.put(f"/users/{ada.id}/ban"))
    assert ban.keys() == {"user", "at"}
    assert ban["user"] == ada.id
    assert datetime.fromisoformat(ban["at"]).tzinfo
    for access in (ada.access, other["access_token"]):
        assert_problem(await whoami(http, access), "session_ended")
    assert_problem(await ada.post("/ws-tickets"), "session_ended")
    for token in (ada.refresh, other["refresh_token"]):
        assert_problem(await renew(http, token), "forbidden")
    assert_problem(await log_in(http, ada.username), "forbidden")
    # Only who knows the password is told.
    assert_problem(await log_in(http, ada.username, "something else"), "invalid_grant")
    assert_problem(await renew(http, "0" * 64), "invalid_grant")
    assert_ok(await bob.get("/users/me"))


async def test_a_repeated_ban_changes_nothing(admin: Person, ada: Person) -> None:
    first = assert_ok(await admin.put(f"/users/{ada.id}/ban"))
    assert assert_ok(await admin.put(f"/users/{ada.id}/ban")) == first


async def test_a_lifted_ban_allows_logins_again(
    http: httpx.AsyncClient, admin: Person, ada: Person
) -> None:
    room = await ada.makes_room()
    await ada.says(room, "before")
    assert_ok(await admin.put(f"/users/{ada.id}/ban"))
    for _ in range(2):
        assert_ok(await admin.delete(f"/users/{ada.id}/ban"), 204)
    # What has ended stays ended.
    assert_problem(await ada.get("/users/me"), "session_ended")
    assert_problem(await renew(http, ada.refresh), "invalid_grant")
    access = assert_ok(await log_in(http, ada.username))["access_token"]
    back = Person(http, ada.id, ada.username, access, "", "")
    assert [event["seq"] for event in await back.log(room)] == [1, 2, 3]


async def test_only_administrators_ban_and_not_themselves(
    admin: Person, ada: Person, eve: Person
) -> None:
    for user in (ada.id, eve.id, admin.id, UNKNOWN_ID):
        assert_problem(await eve.put(f"/users/{user}/ban"), "forbidden")
        assert_problem(await eve.delete(f"/users/{user}/ban"), "forbidden")
    assert_problem(await admin.put(f"/users/{admin.id}/ban"), "forbidden")
    assert_problem(await admin.put(f"/users/{UNKNOWN_ID}/ban"), "not_found")
    assert_problem(await admin.delete(f"/users/{UNKNOWN_ID}/ban"), "not_found")
    assert_problem(await admin.put("/users/me/ban"), "invalid")
    for person in (admin, ada, eve):
        assert_ok(await person.get("/users/me"))


async def test_only_one_of_two_administrators_who_ban_each_other_succeeds(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    for _ in range(10):
        pair = [await server.administrator(http) for _ in range(2)]
        answers = await asyncio.gather(
            pair[0].put(f"/users/{pair[1].id}/ban"), pair[1].put(f"/users/{pair[0].id}/ban")
        )
        assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 403])


async def test_a_login_verified_before_a_ban_is_refused(
    server: TestServer,
    http: httpx.AsyncClient,
    admin: Person,
    ada: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The ban comes between the check of the password and the new session."""
    paused = Paused(server, monkeypatch, sessions.open_session)
    late = asyncio.create_task(log_in(http, ada.username))
    await paused.reached()
    assert_ok(await admin.put(f"/users/{ada.id}/ban"))
    paused.go_on()
    assert_problem(await late, "forbidden")


async def test_concurrent_logins_leave_no_session_after_a_ban(
    http: httpx.AsyncClient, admin: Person, ada: Person
) -> None:
    attempts = [asyncio.create_task(log_in(http, ada.username)) for _ in range(10)]
    assert_ok(await admin.put(f"/users/{ada.id}/ban"))
    for answer in await asyncio.gather(*attempts):
        if answer.status_code == 200:
            assert_problem(await whoami(http, assert_ok(answer)["access_token"]), "session_ended")
        else:
            assert_problem(answer, "forbidden")


# The command line.


@pytest.fixture
async def own(backend: Backend) -> AsyncIterator[TestServer]:
    async with run_server(without_limits(backend.settings)) as server:
        yield server


async def exit_code_and_last_line(settings: Settings, *words: str) -> tuple[int, str]:
    done = await run_command(settings, *words)
    return done.exit_code, (done.stderr if done.exit_code else done.stdout).splitlines()[-1]


async def test_the_ban_command_bans_by_username(own: TestServer) -> None:
    async with own.client() as http:
        ada = await own.person(http)
        spelt = ada.username.upper()
        async with start_command(own.settings, "ban", spelt) as process:  # as operators do
            said, complaint = await process.communicate()
        assert (process.returncode, said.decode()) == (0, f"{spelt} is banned\n"), complaint
        assert_problem(await ada.get("/users/me"), "session_ended")
        assert_problem(await log_in(http, ada.username), "forbidden")
        assert await exit_code_and_last_line(own.settings, "ban", spelt) == (
            0,
            f"{spelt} was banned already",
        )
        lifted = await exit_code_and_last_line(own.settings, "unban", spelt)
        assert lifted == (0, f"{spelt} may log in again")
        assert_ok(await log_in(http, ada.username))
        assert await exit_code_and_last_line(own.settings, "unban", spelt) == (
            0,
            f"{spelt} was not banned",
        )


async def test_the_ban_command_refuses_an_unknown_username(own: TestServer) -> None:
    for word in ("ban", "unban"):
        code, said = await exit_code_and_last_line(own.settings, word, "nobody")
        assert (code, said) == (1, "error: There is no such user.")
