"""POST /auth/token with grant_type=refresh_token: rotation, lost responses, reuse (ADR 8)."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.consumers import runner
from app.core.clock import now
from app.core.tokens import digest
from app.persistence.tables import RefreshToken
from app.persistence.uow import UnitOfWork
from app.wire.errors import Busy
from testkit.answers import assert_ok, assert_problem
from testkit.peer import joined
from testkit.people import Person
from testkit.server import TestServer
from tests.features.users.auth import log_in, renew, set_session_times, set_token_times, whoami

LONG_AGO = timedelta(seconds=21)  # just past the grace


async def stored(server: TestServer, token: str) -> RefreshToken:
    async def read(uow: UnitOfWork) -> RefreshToken | None:
        return await uow.sessions.token(digest(token))

    found = await server.context.database.transact(read)
    assert found
    return found


async def test_a_refresh_token_returns_its_successor(http: httpx.AsyncClient, ada: Person) -> None:
    token, seen = ada.refresh, {ada.refresh}
    for _ in range(4):
        login = assert_ok(await renew(http, token))
        token = login["refresh_token"]
        assert token not in seen
        seen.add(token)
        assert assert_ok(await whoami(http, login["access_token"]))["id"] == ada.id


async def test_a_repeated_refresh_returns_the_same_successor_however_late(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    """Such as a phone that slept for weeks between its request and the response."""
    first = assert_ok(await renew(http, ada.refresh))
    for ago in (timedelta(seconds=23), timedelta(days=29)):
        await set_token_times(server, ada.refresh, used_at=now() - ago)
        again = assert_ok(await renew(http, ada.refresh))
        assert again["refresh_token"] == first["refresh_token"]
    # The old access token shows nothing: it came with the token before.
    assert_ok(await ada.get("/users/me"))
    again = assert_ok(await renew(http, ada.refresh))
    assert_ok(await whoami(http, again["access_token"]))
    assert_ok(await renew(http, again["refresh_token"]))


async def test_a_repeated_refresh_works_as_long_as_the_session_lives(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    """Even after the used token would have expired."""
    await set_token_times(server, ada.refresh, expires_at=now() + timedelta(minutes=1))
    assert_ok(await renew(http, ada.refresh))
    row = await stored(server, ada.refresh)
    assert row.expires_at > now() + timedelta(days=29)
    await set_session_times(server, ada.session, expires_at=now())
    assert_problem(await renew(http, ada.refresh), "invalid_grant")


async def test_using_the_access_token_over_http_or_a_socket_confirms_the_refresh(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    for over_http in (True, False):
        ada = await server.person(http)
        login = assert_ok(await renew(http, ada.refresh))
        await set_token_times(server, ada.refresh, used_at=now() - LONG_AGO)
        if over_http:
            assert_ok(await whoami(http, login["access_token"]))
        else:
            async with joined(ada, token=login["access_token"]):
                pass
        assert_problem(await renew(http, ada.refresh), "invalid_grant")
        assert_problem(await whoami(http, login["access_token"]), "session_ended")


async def test_a_stolen_refresh_token_that_is_used_first_is_detected(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    """The thief uses the stolen token and its access token; then the owner uses the old token."""
    stolen = assert_ok(await renew(http, ada.refresh))
    assert_ok(await whoami(http, stolen["access_token"]))
    await set_token_times(server, ada.refresh, used_at=now() - LONG_AGO)
    assert_problem(await renew(http, ada.refresh), "invalid_grant")
    assert_problem(await whoami(http, stolen["access_token"]), "session_ended")
    assert_problem(await renew(http, stolen["refresh_token"]), "invalid_grant")


async def test_a_refresh_is_confirmed_by_one_write(
    server: TestServer, http: httpx.AsyncClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = assert_ok(await renew(http, ada.refresh))["access_token"]
    writes: list[object] = []
    transact = server.context.database.transact

    async def counting(use_case: Any, *args: Any) -> Any:
        if use_case.__module__ != runner.__name__:
            writes.append(use_case)
        return await transact(use_case, *args)

    monkeypatch.setattr(server.context.database, "transact", counting)
    for _ in range(3):
        assert_ok(await whoami(http, access))
        assert_ok(await ada.get("/users/me"))  # with the token of the login
    assert len(writes) == 1


async def test_a_request_that_cannot_confirm_its_refresh_is_served(
    server: TestServer, http: httpx.AsyncClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = assert_ok(await renew(http, ada.refresh))["access_token"]

    async def busy(*_: object) -> None:
        raise Busy("Not now.")

    with monkeypatch.context() as broken:
        broken.setattr(server.context.database, "transact", busy)
        assert_ok(await whoami(http, access))
    assert_ok(await whoami(http, access))
    await set_token_times(server, ada.refresh, used_at=now() - LONG_AGO)
    assert_problem(await renew(http, ada.refresh), "invalid_grant")


async def test_concurrent_refreshes_get_the_same_successor(
    http: httpx.AsyncClient, ada: Person
) -> None:
    """Two tabs of one browser refresh at once; the session stays."""
    token = ada.refresh
    for _ in range(3):
        answers = await asyncio.gather(*(renew(http, token) for _ in range(8)))
        logins = [assert_ok(answer) for answer in answers]
        assert len({login["refresh_token"] for login in logins}) == 1
        token = logins[0]["refresh_token"]
    assert_ok(await ada.get("/users/me"))


async def test_a_concurrent_refresh_is_accepted_after_the_access_token_was_used(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    """CHAT_AUTH__REFRESH_REUSE_GRACE_S: the other tab was a little slower."""
    first = assert_ok(await renew(http, ada.refresh))
    assert_ok(await whoami(http, first["access_token"]))
    again = assert_ok(await renew(http, ada.refresh))
    assert again["refresh_token"] == first["refresh_token"]
    await set_token_times(server, ada.refresh, used_at=now() - LONG_AGO)
    assert_problem(await renew(http, ada.refresh), "invalid_grant")


async def test_refresh_token_reuse_after_the_grace_ends_the_session(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    """Two clients have the token, and the server cannot tell which one is the owner."""
    login = assert_ok(await renew(http, ada.refresh))
    assert_ok(await whoami(http, login["access_token"]))
    await set_token_times(server, ada.refresh, used_at=now() - LONG_AGO)
    other = assert_ok(await log_in(http, ada.username))
    assert_problem(await renew(http, ada.refresh), "invalid_grant")
    assert_problem(await renew(http, login["refresh_token"]), "invalid_grant")
    for access in (ada.access, login["access_token"]):
        assert_problem(await whoami(http, access), "session_ended")
    # Another session of the same person is another family.
    assert_ok(await renew(http, other["refresh_token"]))


async def test_refresh_token_reuse_is_detected_within_the_grace_once_the_successor_is_used(
    http: httpx.AsyncClient, ada: Person
) -> None:
    successor = assert_ok(await renew(http, ada.refresh))["refresh_token"]
    latest = assert_ok(await renew(http, successor))
    assert_problem(await renew(http, ada.refresh), "invalid_grant")
    assert_problem(await renew(http, latest["refresh_token"]), "invalid_grant")
    assert_problem(await whoami(http, latest["access_token"]), "session_ended")


async def test_an_expired_refresh_token_is_refused_and_ends_no_session(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    await set_token_times(server, ada.refresh, expires_at=now())
    assert_problem(await renew(http, ada.refresh), "invalid_grant")
    assert_ok(await ada.get("/users/me"))


async def test_an_expired_session_cannot_be_refreshed(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    await set_session_times(server, ada.session, expires_at=now())
    assert_problem(await renew(http, ada.refresh), "invalid_grant")
    assert_problem(await ada.get("/users/me"), "session_ended")


async def test_a_refresh_extends_the_session(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    await set_session_times(server, ada.session, expires_at=now() + timedelta(minutes=1))
    assert_ok(await renew(http, ada.refresh))
    (session,) = assert_ok(await ada.get("/auth/sessions"))
    assert session["expires_at"] > (now() + timedelta(days=29)).isoformat()
    assert session["used_at"] > session["created_at"]


@pytest.mark.parametrize("token", ["0" * 64, "x", "é" * 100, "\ufffd", "a b"])
async def test_a_forged_refresh_token_is_refused(http: httpx.AsyncClient, token: str) -> None:
    assert_problem(await renew(http, token), "invalid_grant")


async def test_an_access_token_is_refused_as_refresh_token(
    http: httpx.AsyncClient, ada: Person
) -> None:
    assert_problem(await renew(http, ada.access), "invalid_request")  # it is longer than any
    assert_problem(await whoami(http, ada.refresh), "unauthenticated")
