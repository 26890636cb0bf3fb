"""POST /auth/token with grant_type=password."""

import asyncio
import threading
from typing import Any

import argon2
import httpx
import pytest
from sqlalchemy import update

from app.persistence.tables import User
from app.persistence.uow import UnitOfWork
from testkit.answers import assert_ok, assert_problem
from testkit.people import API, Person
from testkit.server import PASSWORD, TestServer, run_server, unique_username, without_limits
from testkit.servers.backend import Backend
from testkit.waiting import LIMIT_S, eventually
from tests.features.users.auth import TOKEN, log_in, whoami


async def test_the_token_response_follows_oauth(http: httpx.AsyncClient, ada: Person) -> None:
    answer = await log_in(http, ada.username)
    login = assert_ok(answer)
    assert login.keys() == {
        *("access_token", "token_type", "expires_in", "refresh_token", "device_token")
    }
    assert (login["token_type"], login["expires_in"]) == ("bearer", 900)
    assert len(login["refresh_token"]) == 64
    assert answer.headers["cache-control"] == "no-store"
    assert assert_ok(await whoami(http, login["access_token"]))["id"] == ada.id


@pytest.mark.parametrize("spelt", [str.upper, str.title, "ａ".__add__])
async def test_a_login_accepts_any_spelling_of_the_username(
    server: TestServer, http: httpx.AsyncClient, spelt: object
) -> None:
    assert callable(spelt)
    person = await server.person(http, "axa")
    written = spelt(person.username[1:] if not spelt("x").isascii() else person.username)
    assert_ok(await log_in(http, written))


async def test_the_authorize_button_of_swagger_works(http: httpx.AsyncClient, ada: Person) -> None:
    """The request has the additional parameters of Swagger UI."""
    form = {
        "grant_type": "password",
        "username": ada.username,
        "password": PASSWORD,
        "scope": "",
        "client_id": "string",
        "client_secret": "string",
    }
    assert_ok(await http.post(TOKEN, data=form))


async def test_a_wrong_password_answers_like_an_unknown_user(
    http: httpx.AsyncClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs one Argon2 verification with the same parameters, so the time reveals nothing."""
    verified: list[str] = []
    verify = argon2.PasswordHasher.verify

    def counting(hasher: argon2.PasswordHasher, stored: str, password: str) -> bool:
        verified.append(stored)
        return verify(hasher, stored, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counting)
    wrong = assert_problem(await log_in(http, ada.username, "something else"), "invalid_grant")
    assert len(verified) == 1
    unknown = assert_problem(
        await log_in(http, unique_username("nobody"), "something else"), "invalid_grant"
    )
    assert len(verified) == 2
    one, other = (argon2.extract_parameters(stored) for stored in verified)
    assert one == other
    assert wrong | {"request_id": None} == unknown | {"request_id": None}
    assert wrong["error"] == "invalid_grant"  # RFC 6749, 5.2


async def test_an_account_without_a_password_cannot_log_in(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    """Such as imported accounts, and not with an empty password either."""

    async def forget(uow: UnitOfWork) -> None:
        of_ada = User.username == ada.username
        await uow._session.execute(update(User).where(of_ada).values(password_hash=None))

    await server.context.database.transact(forget)
    for password in (PASSWORD, "nobody", "None", " "):
        assert_problem(await log_in(http, ada.username, password), "invalid_grant")


GOOD = {"grant_type": "password", "username": "ada", "password": PASSWORD}


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "invalid_request"),
        ({"grant_type": "password", "username": "ada"}, "invalid_request"),
        ({"grant_type": "password", "password": PASSWORD}, "invalid_request"),
        (GOOD | {"username": "", "password": ""}, "invalid_request"),
        (GOOD | {"grant_type": "client_credentials"}, "unsupported_grant_type"),
        (GOOD | {"grant_type": "PASSWORD"}, "unsupported_grant_type"),
        (GOOD | {"grant_type": "password\n"}, "unsupported_grant_type"),
        (GOOD | {"grant_type": "é" * 300}, "unsupported_grant_type"),
        (GOOD | {"username": "a" * 201}, "invalid_request"),
        (GOOD | {"password": "x" * 201}, "invalid_request"),
        (GOOD | {"username": "a\0da"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": ""}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "0" * 64}, "invalid_grant"),
        (GOOD | {"username": "nobody at all"}, "invalid_grant"),
        *((GOOD | {name: ["x", "x"]}, "invalid_request") for name in GOOD),
        (GOOD | {"client_id": ["", ""]}, "invalid_request"),
        (GOOD | {"of_tomorrow": ["1", "2"]}, "invalid_request"),
        (GOOD | {f"p{number}": "x" for number in range(100)}, "invalid_request"),
    ],
    ids=str,
)
async def test_token_endpoint_errors_follow_oauth(
    http: httpx.AsyncClient, form: dict[str, Any], error: str
) -> None:
    """RFC 6749, 5.2: 400, `error`, and no caching."""
    answer = await http.post(TOKEN, data=form)
    problem = assert_problem(answer, error)
    assert (answer.status_code, problem["error"]) == (400, error)
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


async def test_every_token_endpoint_refusal_has_an_oauth_error(
    server: TestServer, http: httpx.AsyncClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def error(answer: httpx.Response, code: str) -> str:
        return str(assert_problem(answer, code)["error"])

    assert await error(await http.get(TOKEN), "method_not_allowed") == "invalid_request"
    large = await http.post(TOKEN, content=b"x" * 300_000)
    assert await error(large, "too_large") == "invalid_request"
    admin = await server.administrator(http)
    assert_ok(await admin.put(f"/users/{ada.id}/ban"))
    assert await error(await log_in(http, ada.username), "forbidden") == "access_denied"
    with monkeypatch.context() as broken:
        broken.setattr(server.context.passwords, "acquire", lambda *_: None)
        assert await error(await log_in(http, ada.username), "internal") == "server_error"
    with monkeypatch.context() as full:
        full.setattr(server.context.passwords.queue, "_max_waiting", 0)
        full.setattr(server.context.passwords.queue, "_free", 0)
        assert await error(await log_in(http, ada.username), "busy") == "temporarily_unavailable"
    assert "error" not in assert_problem(await http.get(f"{API}/users/me"), "unauthenticated")


async def test_empty_and_unknown_token_parameters_are_ignored(
    http: httpx.AsyncClient, ada: Person
) -> None:
    """RFC 6749, 3.2."""
    form = GOOD | {"username": ada.username, "scope": "", "refresh_token": "", "of_tomorrow": "x"}
    answer = await http.post(TOKEN, data=form)
    assert_ok(answer)
    assert answer.headers["pragma"] == "no-cache"


@pytest.mark.parametrize("after", [" ", "  ", "\u3000", "\u00a0", " x"], ids=ascii)
async def test_a_username_with_trailing_characters_is_another_username(
    http: httpx.AsyncClient, ada: Person, after: str
) -> None:
    """MySQL and MariaDB ignore trailing spaces."""
    assert_problem(await log_in(http, ada.username + after), "invalid_grant")
    assert_problem(await log_in(http, " " + ada.username), "invalid_grant")


async def test_a_form_in_an_unusual_encoding_is_no_internal_error(
    http: httpx.AsyncClient,
) -> None:
    """In `unicode_escape` a client can write half of a surrogate pair."""
    fields = {"grant_type": "refresh_token", "refresh_token": "\\ud800"}
    body = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    kind = "multipart/form-data; boundary=x; charset=unicode_escape"
    answer = await http.post(TOKEN, content=f"{body}--x--\r\n", headers={"Content-Type": kind})
    assert_problem(answer, "unsupported_media_type")


@pytest.mark.setting("CHAT_AUTH__ARGON2_MEMORY_KIB")
async def test_an_outdated_password_hash_is_renewed_at_the_next_login(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheap, dear = (
        without_limits(backend.override(auth={"argon2_memory_kib": memory})) for memory in (8, 16)
    )
    async with run_server(cheap) as server, server.client() as http:
        ada = await server.person(http)
    async with run_server(dear) as server, server.client() as http:
        assert_ok(await log_in(http, ada.username))
        assert (await _stored(server, ada)).startswith("$argon2id$v=19$m=16,")
        assert_ok(await log_in(http, ada.username))


async def _stored(server: TestServer, person: Person) -> str:
    async def read(uow: UnitOfWork) -> str:
        user = await uow.users.by_key(person.username)
        assert user
        assert user.password_hash
        return user.password_hash

    return await server.context.database.transact(read)


@pytest.mark.setting("CHAT_AUTH__ARGON2_WORKERS", "CHAT_AUTH__ARGON2_QUEUE_SIZE")
async def test_a_full_hash_queue_is_busy(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """One password is hashed, one waits, the third is refused; the first two are answered."""
    settings = without_limits(backend.override(auth={"argon2_workers": 1, "argon2_queue_size": 1}))
    go_on = threading.Event()

    def slow(*_: object) -> bool:
        go_on.wait(LIMIT_S)
        return True

    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        monkeypatch.setattr(argon2.PasswordHasher, "verify", slow)
        taken = [asyncio.create_task(log_in(http, ada.username)) for _ in range(2)]
        await eventually(lambda: len(server.context.passwords.queue._waiting) == 1)
        assert_problem(await log_in(http, ada.username), "busy")
        account = {"username": unique_username("bob"), "password": PASSWORD}
        assert_problem(await http.post(f"{API}/auth/register", json=account), "busy")
        go_on.set()
        for answer in await asyncio.gather(*taken):
            assert_ok(answer)
        assert_ok(await log_in(http, ada.username))
