"""POST /auth/token with grant_type=refresh_token: rotation, grace, reuse (RFC 9700, 4.14.2)."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from app.core.clock import now
from tests.features.answers import ok, refused
from tests.features.people import Person
from tests.features.serving import Running
from tests.features.users.auth import log_in, renew, session_happened, token_happened, whoami

LONG_AGO = timedelta(seconds=21)  # just past the grace


async def test_each_token_brings_the_next(http: httpx.AsyncClient, ada: Person) -> None:
    token, seen = ada.refresh, {ada.refresh}
    for _ in range(4):
        login = ok(await renew(http, token))
        token = login["refresh_token"]
        assert token not in seen
        seen.add(token)
        assert ok(await whoami(http, login["access_token"]))["id"] == ada.id


async def test_a_repeat_within_the_grace_gets_the_same_successor(
    http: httpx.AsyncClient, ada: Person
) -> None:
    """The answer may have got lost on its way."""
    first, again = [ok(await renew(http, ada.refresh)) for _ in range(2)]
    assert first["refresh_token"] == again["refresh_token"]
    ok(await whoami(http, again["access_token"]))
    ok(await renew(http, again["refresh_token"]))


async def test_two_that_race_get_the_same_successor(http: httpx.AsyncClient, ada: Person) -> None:
    """Two tabs of one browser; the session lives on."""
    token = ada.refresh
    for _ in range(3):
        answers = await asyncio.gather(*(renew(http, token) for _ in range(8)))
        logins = [ok(answer) for answer in answers]
        assert len({login["refresh_token"] for login in logins}) == 1
        token = logins[0]["refresh_token"]
    ok(await ada.get("/users/me"))


async def test_reuse_after_the_grace_ends_the_session(
    server: Running, http: httpx.AsyncClient, ada: Person
) -> None:
    """Somebody has a copy; nobody can tell who is who, so neither goes on."""
    login = ok(await renew(http, ada.refresh))
    await token_happened(server, ada.refresh, used_at=now() - LONG_AGO)
    other = ok(await log_in(http, ada.username))
    refused(await renew(http, ada.refresh), "invalid_grant")
    refused(await renew(http, login["refresh_token"]), "invalid_grant")
    for access in (ada.access, login["access_token"]):
        refused(await whoami(http, access), "unauthenticated")
    # Another session of the same person is another family.
    ok(await renew(http, other["refresh_token"]))


async def test_reuse_is_noticed_even_within_the_grace_once_the_successor_is_used(
    http: httpx.AsyncClient, ada: Person
) -> None:
    successor = ok(await renew(http, ada.refresh))["refresh_token"]
    latest = ok(await renew(http, successor))
    refused(await renew(http, ada.refresh), "invalid_grant")
    refused(await renew(http, latest["refresh_token"]), "invalid_grant")
    refused(await whoami(http, latest["access_token"]), "unauthenticated")


async def test_an_expired_token_is_refused_and_ends_nothing(
    server: Running, http: httpx.AsyncClient, ada: Person
) -> None:
    await token_happened(server, ada.refresh, expires_at=now())
    refused(await renew(http, ada.refresh), "invalid_grant")
    ok(await ada.get("/users/me"))


async def test_a_session_past_its_end_is_over(
    server: Running, http: httpx.AsyncClient, ada: Person
) -> None:
    await session_happened(server, ada.session, expires_at=now())
    refused(await renew(http, ada.refresh), "invalid_grant")
    refused(await ada.get("/users/me"), "unauthenticated")


async def test_a_session_that_is_used_lives_on(
    server: Running, http: httpx.AsyncClient, ada: Person
) -> None:
    await session_happened(server, ada.session, expires_at=now() + timedelta(minutes=1))
    ok(await renew(http, ada.refresh))
    (session,) = ok(await ada.get("/auth/sessions"))
    assert session["expires_at"] > (now() + timedelta(days=29)).isoformat()
    assert session["used_at"] > session["created_at"]


@pytest.mark.parametrize("token", ["0" * 64, "x", "é" * 100, "\ufffd", "a b"])
async def test_a_token_that_we_did_not_make(http: httpx.AsyncClient, token: str) -> None:
    refused(await renew(http, token), "invalid_grant")


async def test_an_access_token_is_no_refresh_token(http: httpx.AsyncClient, ada: Person) -> None:
    refused(await renew(http, ada.access), "invalid")  # it is longer than any
    refused(await whoami(http, ada.refresh), "unauthenticated")
