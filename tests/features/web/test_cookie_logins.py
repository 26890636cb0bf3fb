"""POST /auth/cookie and what belongs to it: sessions of pages."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from app.core.clock import now
from app.http.session_cookie import PLAIN_NAME, SECURE_NAME
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.server import TestServer, run_embedded_server, run_server, without_limits
from testkit.servers.backend import Backend
from tests.features.ops.test_tls import trusting, with_certificate
from tests.features.users.auth import renew, set_token_times, whoami
from tests.features.web.cookies import (
    COOKIE,
    cookie_login,
    cookie_logout,
    get_cookie,
    own_origin,
    renew_with_cookie,
)

LIFETIME_S = 30 * 86400
LONG_AGO = timedelta(hours=1)
LISTED, OTHER = "https://app.example.org", "https://evil.example"


def assert_cleared(answer: httpx.Response, name: str = PLAIN_NAME) -> None:
    cookie = get_cookie(answer)
    assert (cookie.key, cookie.value, cookie["max-age"]) == (name, "", "0")
    assert cookie["path"] == "/api/v1/auth"


async def test_a_login_puts_the_refresh_token_into_a_cookie_only(
    http: httpx.AsyncClient, ada: Person
) -> None:
    answer = await cookie_login(http, ada.username)
    login, cookie = assert_ok(answer), get_cookie(answer)
    assert login.keys() == {"access_token", "token_type", "expires_in", "device_token"}
    assert login["expires_in"] == 900
    assert cookie.key == PLAIN_NAME
    assert cookie["httponly"]
    assert not cookie["secure"]
    assert not cookie["domain"]
    assert cookie["samesite"] == "strict"
    assert cookie["path"] == "/api/v1/auth"
    assert int(cookie["max-age"]) == LIFETIME_S
    assert cookie.value not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert assert_ok(await whoami(http, login["access_token"]))["id"] == ada.id


async def test_a_wrong_password_sets_no_cookie(http: httpx.AsyncClient, ada: Person) -> None:
    answer = await cookie_login(http, ada.username, "wrong")
    assert_problem(answer, "invalid_grant")
    assert "set-cookie" not in answer.headers


async def test_the_form_of_a_renewal_is_refused(http: httpx.AsyncClient, ada: Person) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": ada.refresh}
    answer = await http.post(COOKIE, data=form, headers={"Origin": own_origin(http)})
    assert_problem(answer, "unsupported_grant_type")
    assert_ok(await renew(http, ada.refresh))


async def test_a_renewal_replaces_the_cookie(http: httpx.AsyncClient, ada: Person) -> None:
    token, seen = ada.refresh, {ada.refresh}
    for _ in range(3):
        answer = await renew_with_cookie(http, token)
        login, cookie = assert_ok(answer), get_cookie(answer)
        assert login.keys() == {"access_token", "token_type", "expires_in"}
        assert int(cookie["max-age"]) == LIFETIME_S
        token = cookie.value
        assert token not in seen
        seen.add(token)
        assert assert_ok(await whoami(http, login["access_token"]))["id"] == ada.id


async def test_a_browser_renews_with_nothing_but_its_cookie(
    server: TestServer, ada: Person
) -> None:
    """The client keeps cookies, as a browser does."""
    async with server.client() as browser:
        assert_ok(await cookie_login(browser, ada.username))
        origin = {"Origin": own_origin(browser)}
        for _ in range(2):
            assert_ok(await browser.post(f"{COOKIE}/refresh", headers=origin))
        assert_ok(await browser.post(f"{COOKIE}/logout", headers=origin), 204)
        assert not browser.cookies
        assert_problem(await browser.post(f"{COOKIE}/refresh", headers=origin), "unauthenticated")


async def test_a_lost_answer_to_a_renewal_is_repeated(http: httpx.AsyncClient, ada: Person) -> None:
    first = await renew_with_cookie(http, ada.refresh)
    again = await renew_with_cookie(http, ada.refresh)
    assert get_cookie(first).value == get_cookie(again).value
    assert_ok(await renew(http, get_cookie(again).value))


async def test_a_reused_cookie_ends_the_session_and_is_cleared(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    answer = await renew_with_cookie(http, ada.refresh)
    assert_ok(await whoami(http, assert_ok(answer)["access_token"]))
    await set_token_times(server, ada.refresh, used_at=now() - LONG_AGO)
    refusal = await renew_with_cookie(http, ada.refresh)
    assert "somebody has a copy" in assert_problem(refusal, "session_ended")["detail"]
    assert_cleared(refusal)
    refusal = await renew_with_cookie(http, get_cookie(answer).value)
    assert_problem(refusal, "session_ended")
    assert_problem(await whoami(http, ada.access), "session_ended")


@pytest.mark.parametrize("token", ["", "x", "x y", '"x"', "é", "a" * 201, "a" * 20_000])
async def test_a_bad_cookie_is_answered_with_401_and_cleared(
    http: httpx.AsyncClient, token: str
) -> None:
    answer = await renew_with_cookie(http, token)
    assert answer.status_code == 401
    assert answer.json()["code"] in ("unauthenticated", "session_ended")
    assert_cleared(answer)


async def test_two_cookies_of_the_name_count_as_none(
    http: httpx.AsyncClient, ada: Person, bob: Person
) -> None:
    """Another host of the domain may have added one."""
    both = f"{ada.refresh}; {PLAIN_NAME}={bob.refresh}"
    assert_problem(await renew_with_cookie(http, both), "unauthenticated")
    assert_ok(await renew_with_cookie(http, f"{ada.refresh}; other=1; x"))


async def test_the_cookie_of_a_banned_user_is_refused_and_cleared(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    admin = await server.administrator(http)
    assert_ok(await admin.put(f"/users/{ada.id}/ban"))
    answer = await renew_with_cookie(http, ada.refresh)
    assert_problem(answer, "forbidden")
    assert_cleared(answer)


async def test_a_logout_ends_the_session_and_clears_the_cookie(
    http: httpx.AsyncClient, ada: Person
) -> None:
    for _ in range(2):
        answer = await cookie_logout(http, ada.refresh)
        assert_ok(answer, 204)
        assert_cleared(answer)
        assert_problem(await whoami(http, ada.access), "session_ended")
    answer = await http.post(f"{COOKIE}/logout", headers={"Origin": own_origin(http)})
    assert_ok(answer, 204)
    assert_cleared(answer)


async def test_a_cookie_authenticates_nothing_else(http: httpx.AsyncClient, ada: Person) -> None:
    cookie = {"Cookie": f"{PLAIN_NAME}={ada.refresh}", "Origin": own_origin(http)}
    for method, path in (("GET", "users/me"), ("POST", "auth/logout"), ("POST", "ws-tickets")):
        answer = await http.request(method, f"/api/v1/{path}", headers=cookie)
        assert_problem(answer, "unauthenticated")


# Origins.


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": OTHER},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1.evil.example"},
        {"Origin": ""},
        {"Origin": "é"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=ascii,
)
async def test_pages_of_other_origins_are_refused(
    http: httpx.AsyncClient, ada: Person, headers: dict[str, str]
) -> None:
    for answer in (
        await renew_with_cookie(http, ada.refresh, **headers),
        await cookie_logout(http, ada.refresh, **headers),
    ):
        assert_problem(answer, "forbidden")
        assert "set-cookie" not in answer.headers
    if headers != {"Origin": ""}:
        assert_problem(await cookie_login(http, ada.username, **headers), "forbidden")
    assert_ok(await ada.get("/users/me"))
    assert_ok(await renew_with_cookie(http, ada.refresh, **{"Sec-Fetch-Site": "same-origin"}))


async def test_a_login_without_an_origin_is_accepted(http: httpx.AsyncClient, ada: Person) -> None:
    form = {"grant_type": "password", "username": ada.username, "password": "correct horse battery"}
    assert_ok(await http.post(COOKIE, data=form))
    forged = {"Sec-Fetch-Site": "cross-site"}
    assert_problem(await http.post(COOKIE, data=form, headers=forged), "forbidden")


async def test_listed_origins_may_use_the_cookie(embedded: Backend) -> None:
    settings = without_limits(embedded.override(server={"allowed_origins": LISTED}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        token = ada.refresh
        for headers in ({"Origin": LISTED}, {"Origin": LISTED, "Sec-Fetch-Site": "same-site"}):
            answer = await cookie_login(http, ada.username, **headers)
            assert_ok(answer)
            assert answer.headers["access-control-allow-credentials"] == "true"
            token = get_cookie(answer).value
            assert_ok(await renew_with_cookie(http, token, **headers))
        assert_problem(await renew_with_cookie(http, token, Origin=OTHER), "forbidden")


async def test_a_wildcard_lists_no_origin_for_the_cookie(embedded: Backend) -> None:
    settings = without_limits(embedded.override(server={"allowed_origins": "*"}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        assert_problem(await renew_with_cookie(http, ada.refresh, Origin=OTHER), "forbidden")
        assert_ok(await renew_with_cookie(http, ada.refresh))


# TLS.


@pytest.fixture
async def tls(embedded: Backend, tmp_path: Path) -> AsyncIterator[tuple[TestServer, Any]]:
    authority = trustme.CA()
    settings = with_certificate(embedded, authority, tmp_path, "127.0.0.1")
    async with (
        run_server(without_limits(settings)) as server,
        server.client(trusting(authority)) as http,
    ):
        yield server, http


async def test_over_tls_the_cookie_is_secure(tls: tuple[TestServer, httpx.AsyncClient]) -> None:
    server, http = tls
    ada = await server.person(http)
    answer = await cookie_login(http, ada.username)
    assert_ok(answer)
    cookie = get_cookie(answer)
    assert cookie.key == SECURE_NAME
    assert cookie["secure"]
    assert_problem(await renew_with_cookie(http, cookie.value), "unauthenticated")  # a plain name
    plain = {"Origin": own_origin(http).replace("https", "http")}
    assert_problem(await renew_with_cookie(http, cookie.value, SECURE_NAME, **plain), "forbidden")
    answer = await renew_with_cookie(http, cookie.value, SECURE_NAME)
    assert_ok(answer)
    answer = await cookie_logout(http, get_cookie(answer).value, SECURE_NAME)
    assert_cleared(answer, SECURE_NAME)


async def test_a_trusted_proxy_says_that_the_browser_uses_tls(tmp_path: Path) -> None:
    forwarded = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
    for trusted, name in (("127.0.0.1", SECURE_NAME), ("", PLAIN_NAME)):
        directory = tmp_path / f"of-{name}"
        directory.mkdir()
        server_settings = {"trusted_proxies": trusted, "data_dir": directory}
        async with (
            run_embedded_server(directory, server=server_settings) as server,
            server.client() as http,
        ):
            ada = await server.person(http)
            origin = {
                "Origin": own_origin(http).replace("http", "https"),
                "Host": http.base_url.netloc.decode(),
            }
            answer = await cookie_login(http, ada.username, **forwarded, **origin)
            assert_ok(answer)
            assert get_cookie(answer).key == name
            assert bool(get_cookie(answer)["secure"]) == (name == SECURE_NAME)
