"""Sessions: how they are listed and how they end."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from app.core.clock import now
from testkit.answers import are_indistinguishable, assert_ok, assert_problem
from testkit.people import Person
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend
from tests.features.users.auth import log_in, renew, set_session_times, whoami


async def test_each_login_opens_a_session(http: httpx.AsyncClient, ada: Person) -> None:
    agent = {"User-Agent": "a phone " + "x" * 300}
    login = assert_ok(await log_in(http, ada.username, **agent))
    newest, first = assert_ok(await ada.get("/auth/sessions"))
    assert (first["id"], first["current"], first["client"]) == (ada.session, True, "tests")
    assert (newest["current"], newest["address"]) == (False, "127.0.0.1")
    assert newest["client"] == agent["User-Agent"][:200]
    assert newest["created_at"] == newest["used_at"] < newest["expires_at"]
    assert newest.keys() == {
        *("id", "client", "address", "created_at", "used_at", "expires_at", "current")
    }
    # A refresh belongs to its session; no other comes of it.
    assert_ok(await renew(http, login["refresh_token"]))
    assert len(assert_ok(await ada.get("/auth/sessions"))) == 2


async def test_a_logout_ends_only_its_own_session(http: httpx.AsyncClient, ada: Person) -> None:
    other = assert_ok(await log_in(http, ada.username))
    assert_ok(await ada.post("/auth/logout"), 204)
    assert_problem(await ada.get("/users/me"), "session_ended")
    assert_ok(await ada.post("/auth/logout"), 204)
    assert_problem(await renew(http, ada.refresh), "invalid_grant")
    assert_ok(await whoami(http, other["access_token"]))
    assert_ok(await renew(http, other["refresh_token"]))


async def test_a_session_can_revoke_another_session_of_its_user(
    http: httpx.AsyncClient, ada: Person
) -> None:
    lost = assert_ok(await log_in(http, ada.username))
    (gone,) = [s["id"] for s in assert_ok(await ada.get("/auth/sessions")) if not s["current"]]
    assert_ok(await ada.delete(f"/auth/sessions/{gone}"), 204)
    assert_problem(await whoami(http, lost["access_token"]), "session_ended")
    assert_problem(await renew(http, lost["refresh_token"]), "invalid_grant")
    assert [s["id"] for s in assert_ok(await ada.get("/auth/sessions"))] == [ada.session]
    assert_problem(await ada.delete(f"/auth/sessions/{gone}"), "not_found")


async def test_users_neither_see_nor_end_sessions_of_others(ada: Person, eve: Person) -> None:
    assert [s["id"] for s in assert_ok(await eve.get("/auth/sessions"))] == [eve.session]
    theirs = await eve.delete(f"/auth/sessions/{ada.session}")
    assert_problem(theirs, "not_found")
    assert are_indistinguishable(theirs, await eve.delete(f"/auth/sessions/{uuid4()}"))
    assert_ok(await ada.get("/users/me"))


async def test_concurrent_logouts_are_idempotent(ada: Person) -> None:
    answers = await asyncio.gather(*(ada.post("/auth/logout") for _ in range(8)))
    for answer in answers:
        assert_ok(answer, 204)
    assert_problem(await ada.get("/users/me"), "session_ended")


@pytest.mark.setting("CHAT_LIMITS__SESSIONS_PER_USER")
async def test_one_session_too_many_ends_the_least_recently_used(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"sessions_per_user": 2}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        second = assert_ok(await log_in(http, ada.username))
        assert_ok(await renew(http, ada.refresh))  # so that the second is the one that rests
        third = assert_ok(await log_in(http, ada.username))
        assert_problem(await whoami(http, second["access_token"]), "session_ended")
        for access in (ada.access, third["access_token"]):
            assert_ok(await whoami(http, access))
        assert len(assert_ok(await ada.get("/auth/sessions"))) == 2


async def test_expired_sessions_do_not_count_for_the_limit(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"sessions_per_user": 2}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob = await server.people(http, "ada", "bob")
        old = await server.person(http)
        await set_session_times(server, old.session, expires_at=now())
        for _ in range(2):
            assert_ok(await log_in(http, old.username))
        assert_problem(await old.get("/users/me"), "session_ended")
        # Everybody else's sessions are as they were.
        for person in (ada, bob):
            assert_ok(await person.get("/users/me"))
