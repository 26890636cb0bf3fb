"""PUT /users/me/password."""

import asyncio
from typing import Any

import argon2
import httpx
import pytest

from app.persistence.uow import UnitOfWork
from app.users import sessions
from testkit.answers import assert_ok, assert_problem
from testkit.command_line import run_command
from testkit.people import API, Person
from testkit.server import PASSWORD, TestServer
from testkit.waiting import limit
from tests.features.users.auth import log_in, renew, whoami

NEW = "battery staple"


async def change(person: Person, old: str = PASSWORD, new: str = NEW) -> httpx.Response:
    return await person.put("/users/me/password", old_password=old, new_password=new)


async def test_a_new_password_replaces_the_old_one(http: httpx.AsyncClient, ada: Person) -> None:
    assert_ok(await change(ada), 204)
    assert_problem(await log_in(http, ada.username), "invalid_grant")
    assert_ok(await log_in(http, ada.username, NEW))
    assert_problem(await change(ada), "forbidden")
    assert_ok(await change(ada, NEW, PASSWORD), 204)
    assert_ok(await log_in(http, ada.username))


async def test_a_new_password_ends_every_other_session(
    http: httpx.AsyncClient, ada: Person, eve: Person
) -> None:
    others = [assert_ok(await log_in(http, ada.username)) for _ in range(3)]
    assert_ok(await change(ada), 204)
    for login in others:
        assert_problem(await whoami(http, login["access_token"]), "session_ended")
        assert_problem(await renew(http, login["refresh_token"]), "invalid_grant")
    assert [s["id"] for s in assert_ok(await ada.get("/auth/sessions"))] == [ada.session]
    assert_ok(await renew(http, ada.refresh))
    assert_ok(await eve.get("/users/me"))


async def test_a_wrong_old_password_changes_nothing(http: httpx.AsyncClient, ada: Person) -> None:
    other = assert_ok(await log_in(http, ada.username))
    for wrong in ("", "wrong horse battery", PASSWORD.upper(), PASSWORD + " "):
        assert_problem(await change(ada, wrong), "forbidden")
    assert_ok(await whoami(http, other["access_token"]))
    assert_ok(await log_in(http, ada.username))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"old_password": PASSWORD},
        {"new_password": NEW},
        {"old_password": PASSWORD, "new_password": "short"},
        {"old_password": PASSWORD, "new_password": "x" * 201},
        {"old_password": "x" * 201, "new_password": NEW},
        {"old_password": PASSWORD, "new_password": NEW, "more": 1},
        {"old_password": 1, "new_password": NEW},
    ],
    ids=str,
)
async def test_invalid_password_changes_are_refused(ada: Person, body: dict[str, Any]) -> None:
    assert_problem(await ada.put("/users/me/password", **body), "invalid")


async def test_a_new_password_must_not_be_common_or_the_username(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada = await server.person(http, "ada-of-many-letters")
    display_name = assert_ok(await ada.get("/users/me"))["display_name"]
    for weak in ("password1", ada.username, display_name.upper()):
        assert_problem(await change(ada, new=weak), "invalid", "new_password")
    assert_ok(await log_in(http, ada.username))


async def test_an_existing_weak_password_still_logs_in(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    weak = await server.context.passwords.hash("password")

    async def weaken(uow: UnitOfWork) -> None:
        user = await uow.users.by_key(ada.username)
        assert user
        user.password_hash = weak

    await server.context.database.transact(weaken)
    assert_ok(await log_in(http, ada.username, "password"))
    assert_ok(await change(ada, "password"), 204)


async def test_an_administrator_s_password_must_not_be_common_or_the_username(
    server: TestServer,
) -> None:
    for weak in ("password", "ADMIN-of-all"):
        words = ("create-admin", "admin-of-all", "--password-stdin")
        done = await run_command(server.settings, *words, stdin=f"{weak}\n")
        assert done.exit_code == 1
        assert done.stderr.startswith("error: The password ")


async def test_changing_a_password_needs_a_session(http: httpx.AsyncClient, ada: Person) -> None:
    body = {"old_password": PASSWORD, "new_password": NEW}
    assert_problem(await http.put(f"{API}/users/me/password", json=body), "unauthenticated")


class Paused:
    """The next unit of work of one use case waits until `go_on` is called."""

    def __init__(
        self, server: TestServer, monkeypatch: pytest.MonkeyPatch, use_case: object
    ) -> None:
        self._reached, self._go = asyncio.Event(), asyncio.Event()
        database = server.context.database
        transact = database.transact

        async def wait_once(case: Any, *args: Any) -> Any:
            if case is use_case and not self._reached.is_set():
                self._reached.set()
                await self._go.wait()
            return await transact(case, *args)

        monkeypatch.setattr(database, "transact", wait_once)

    async def reached(self) -> None:
        async with limit():
            await self._reached.wait()

    def go_on(self) -> None:
        self._go.set()


async def test_a_login_verified_before_a_password_change_is_refused(
    server: TestServer, http: httpx.AsyncClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change comes between the check of the password and the new session."""
    paused = Paused(server, monkeypatch, sessions.open_session)
    late = asyncio.create_task(log_in(http, ada.username))
    await paused.reached()
    assert_ok(await change(ada), 204)
    paused.go_on()
    assert_problem(await late, "invalid_grant")
    assert len(assert_ok(await ada.get("/auth/sessions"))) == 1


async def test_a_renewed_password_hash_refuses_no_login(
    server: TestServer, http: httpx.AsyncClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two concurrent logins, one renews the hash that the other has verified."""
    paused = Paused(server, monkeypatch, sessions.open_session)
    late = asyncio.create_task(log_in(http, ada.username))
    await paused.reached()

    async def renew_hash(uow: UnitOfWork) -> None:
        user = await uow.users.by_key(ada.username)
        assert user
        user.password_hash = argon2.PasswordHasher(memory_cost=16, parallelism=1).hash(PASSWORD)

    await server.context.database.transact(renew_hash)
    paused.go_on()
    assert_ok(await late)


async def test_only_one_of_two_concurrent_password_changes_succeeds(
    server: TestServer, http: httpx.AsyncClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = assert_ok(await log_in(http, ada.username))["access_token"]
    paused = Paused(server, monkeypatch, sessions.change_password)
    late = asyncio.create_task(change(ada, new="the late one's"))
    await paused.reached()
    body = {"old_password": PASSWORD, "new_password": NEW}
    bearer = {"Authorization": f"Bearer {other}"}
    assert_ok(await http.put(f"{API}/users/me/password", json=body, headers=bearer), 204)
    paused.go_on()
    assert_problem(await late, "session_ended")
    assert_ok(await log_in(http, ada.username, NEW))
