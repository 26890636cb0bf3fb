"""Sessions: what one sees of them, and how they end."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from app.core.clock import now
from testkit.answers import ok, refused, same_but_for_the_request
from testkit.people import Person
from testkit.server import generous, serving
from testkit.servers.backend import Backend
from tests.features.users.auth import log_in, renew, session_happened, whoami


async def test_each_login_is_a_session(http: httpx.AsyncClient, ada: Person) -> None:
    agent = {"User-Agent": "a phone " + "x" * 300}
    login = ok(await log_in(http, ada.username, **agent))
    newest, first = ok(await ada.get("/auth/sessions"))
    assert (first["id"], first["current"], first["client"]) == (ada.session, True, "tests")
    assert (newest["current"], newest["address"]) == (False, "127.0.0.1")
    assert newest["client"] == agent["User-Agent"][:200]
    assert newest["created_at"] == newest["used_at"] < newest["expires_at"]
    assert newest.keys() == {
        *("id", "client", "address", "created_at", "used_at", "expires_at", "current")
    }
    # A refresh belongs to its session; no other comes of it.
    ok(await renew(http, login["refresh_token"]))
    assert len(ok(await ada.get("/auth/sessions"))) == 2


async def test_logout_ends_this_session_and_no_other(http: httpx.AsyncClient, ada: Person) -> None:
    other = ok(await log_in(http, ada.username))
    ok(await ada.post("/auth/logout"), 204)
    refused(await ada.get("/users/me"), "session_ended")
    ok(await ada.post("/auth/logout"), 204)
    refused(await renew(http, ada.refresh), "invalid_grant")
    ok(await whoami(http, other["access_token"]))
    ok(await renew(http, other["refresh_token"]))


async def test_a_session_is_revoked_from_another(http: httpx.AsyncClient, ada: Person) -> None:
    lost = ok(await log_in(http, ada.username))
    (gone,) = [s["id"] for s in ok(await ada.get("/auth/sessions")) if not s["current"]]
    ok(await ada.delete(f"/auth/sessions/{gone}"), 204)
    refused(await whoami(http, lost["access_token"]), "session_ended")
    refused(await renew(http, lost["refresh_token"]), "invalid_grant")
    assert [s["id"] for s in ok(await ada.get("/auth/sessions"))] == [ada.session]
    refused(await ada.delete(f"/auth/sessions/{gone}"), "not_found")


async def test_nobody_sees_or_ends_the_sessions_of_others(ada: Person, eve: Person) -> None:
    assert [s["id"] for s in ok(await eve.get("/auth/sessions"))] == [eve.session]
    theirs = await eve.delete(f"/auth/sessions/{ada.session}")
    refused(theirs, "not_found")
    assert same_but_for_the_request(theirs, await eve.delete(f"/auth/sessions/{uuid4()}"))
    ok(await ada.get("/users/me"))


async def test_many_logouts_at_once_are_one(ada: Person) -> None:
    answers = await asyncio.gather(*(ada.post("/auth/logout") for _ in range(8)))
    for answer in answers:
        ok(answer, 204)
    refused(await ada.get("/users/me"), "session_ended")


@pytest.mark.setting("CHAT_LIMITS__SESSIONS_PER_USER")
async def test_the_session_used_longest_ago_makes_room(backend: Backend) -> None:
    settings = generous(backend.vary(limits={"sessions_per_user": 2}))
    async with serving(settings) as server, server.client() as http:
        ada = await server.person(http)
        second = ok(await log_in(http, ada.username))
        ok(await renew(http, ada.refresh))  # so that the second is the one that rests
        third = ok(await log_in(http, ada.username))
        refused(await whoami(http, second["access_token"]), "session_ended")
        for access in (ada.access, third["access_token"]):
            ok(await whoami(http, access))
        assert len(ok(await ada.get("/auth/sessions"))) == 2


async def test_expired_sessions_do_not_count(backend: Backend) -> None:
    settings = generous(backend.vary(limits={"sessions_per_user": 2}))
    async with serving(settings) as server, server.client() as http:
        ada, bob = await server.people(http, "ada", "bob")
        old = await server.person(http)
        await session_happened(server, old.session, expires_at=now())
        for _ in range(2):
            ok(await log_in(http, old.username))
        refused(await old.get("/users/me"), "session_ended")
        # Everybody else's sessions are as they were.
        for person in (ada, bob):
            ok(await person.get("/users/me"))
