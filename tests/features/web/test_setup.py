"""The first run: GET /server, POST /setup, and the name of the server."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import structlog.testing

from app.main import VERSION
from app.server.uvicorn_server import format_startup_message
from app.settings import Settings
from testkit.answers import assert_ok, assert_problem
from testkit.people import API, Person
from testkit.processes import run_process
from testkit.server import PASSWORD, TestServer, run_server, unique_username, without_limits
from testkit.servers.backend import Backend, override
from tests.features.users.auth import log_in
from tests.features.web.setup import forget_setup, get_setup_code, setup_body

CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}")
WRONG = "0000-0000-0000-0000"


@pytest.fixture
def settings(backend: Backend) -> Settings:
    return without_limits(backend.settings)


@pytest.fixture
async def fresh(settings: Settings) -> AsyncIterator[tuple[TestServer, httpx.AsyncClient]]:
    """A server that has no account."""
    async with run_server(settings) as server, server.client() as http:
        await forget_setup(server)
        yield server, http


async def get_server(http: httpx.AsyncClient) -> dict[str, object]:
    answer: dict[str, object] = assert_ok(await http.get(f"{API}/server"))
    return answer


async def set_up(http: httpx.AsyncClient, code: str, **fields: object) -> httpx.Response:
    return await http.post(f"{API}/setup", json=setup_body(code, **fields))


async def test_the_first_account_is_an_administrator_with_a_room(
    fresh: tuple[TestServer, httpx.AsyncClient],
) -> None:
    server, http = fresh
    assert await get_server(http) == {
        "name": "Chat",
        "needs_setup": True,
        "registration": "open",
        "version": VERSION,
    }
    username = unique_username("first")
    made = assert_ok(await set_up(http, await get_setup_code(server), username=username), 201)
    assert made["user"]["username"] == username
    assert made["user"]["is_admin"]
    assert (made["room"]["name"], made["room"]["kind"]) == ("General", "public")
    assert made["room"]["role"] == "owner"
    found = await get_server(http)
    assert (found["name"], found["needs_setup"]) == ("Analytical", False)
    login = assert_ok(await log_in(http, username))
    bearer = {"Authorization": f"Bearer {login['access_token']}"}
    assert assert_ok(await http.get(f"{API}/users/me", headers=bearer))["is_admin"]
    rooms = assert_ok(await http.get(f"{API}/rooms", headers=bearer))["items"]
    assert [room["id"] for room in rooms] == [made["room"]["id"]]


async def test_a_second_setup_is_refused(fresh: tuple[TestServer, httpx.AsyncClient]) -> None:
    server, http = fresh
    code = await get_setup_code(server)
    assert_ok(await set_up(http, code), 201)
    for typed in (code, WRONG):
        assert "already" in assert_problem(await set_up(http, typed), "forbidden")["detail"]


async def test_a_code_may_be_typed_as_people_do(
    fresh: tuple[TestServer, httpx.AsyncClient],
) -> None:
    server, http = fresh
    code = await get_setup_code(server)
    assert CODE.fullmatch(code)
    typed = f" {code.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} "
    assert_ok(await set_up(http, typed), 201)


@pytest.mark.parametrize("code", [WRONG, "x", "-", "😀", "0" * 100])
async def test_a_wrong_code_is_refused(
    fresh: tuple[TestServer, httpx.AsyncClient], code: str
) -> None:
    _, http = fresh
    assert "code is wrong" in assert_problem(await set_up(http, code), "forbidden")["detail"]
    assert (await get_server(http))["needs_setup"]


async def test_a_refused_setup_changes_nothing(
    fresh: tuple[TestServer, httpx.AsyncClient],
) -> None:
    server, http = fresh
    code = await get_setup_code(server)
    for fields, problem in (
        ({"password": "password"}, "invalid"),
        ({"username": "a b"}, "invalid"),
        ({"server_name": ""}, "invalid"),
        ({"room_name": "\n"}, "invalid"),
    ):
        assert_problem(await set_up(http, code, **fields), problem)
    username = unique_username("ada")
    account = {"username": username, "password": PASSWORD}
    assert_ok(await http.post(f"{API}/auth/register", json=account), 201)
    assert_problem(await set_up(http, code, username=username), "username_taken")
    found = await get_server(http)
    assert (found["name"], found["needs_setup"]) == ("Chat", True)


async def test_an_ordinary_account_does_not_take_the_place_of_the_administrator(
    fresh: tuple[TestServer, httpx.AsyncClient],
) -> None:
    server, http = fresh
    account = {"username": unique_username("early"), "password": PASSWORD}
    registered = assert_ok(await http.post(f"{API}/auth/register", json=account), 201)
    assert not registered["is_admin"]
    assert (await get_server(http))["needs_setup"]
    assert_ok(await set_up(http, await get_setup_code(server)), 201)


async def test_an_administrator_of_the_command_line_ends_the_setup(
    fresh: tuple[TestServer, httpx.AsyncClient],
) -> None:
    server, http = fresh
    await server.administrator(http)
    assert not (await get_server(http))["needs_setup"]
    code = await get_setup_code(server)
    assert_problem(await set_up(http, code), "forbidden")


async def test_guesses_are_limited(embedded: Backend) -> None:
    settings = override(
        without_limits(embedded.settings), auth={"attempts_per_minute": 0.01, "attempts_burst": 3}
    )
    async with run_server(settings) as server, server.client() as http:
        await forget_setup(server)
        for _ in range(3):
            assert_problem(await set_up(http, WRONG), "forbidden")
        assert_problem(await set_up(http, await get_setup_code(server)), "rate_limited")


async def test_of_setups_at_once_in_two_processes_one_succeeds(
    settings: Settings, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    async with (
        run_process(settings, folders[0]) as one,
        run_process(settings, folders[1]) as two,
        httpx.AsyncClient(base_url=one.url, timeout=60) as first,
        httpx.AsyncClient(base_url=two.url, timeout=60) as second,
    ):
        codes = {match[0] for process in (one, two) if (match := CODE.search(process.story()))}
        [code] = codes  # the same in both
        clients = [first, second] * 3
        answers = await asyncio.gather(*(set_up(http, code) for http in clients))
        assert sorted(answer.status_code for answer in answers) == [201, *[403] * 5]
        [user] = [answer.json()["user"] for answer in answers if answer.status_code == 201]
        login = assert_ok(await log_in(first, user["username"]))
        bearer = {"Authorization": f"Bearer {login['access_token']}"}
        rooms = assert_ok(await second.get(f"{API}/rooms/public", headers=bearer))["items"]
        assert len(rooms) == 1


# What the operator sees.


async def test_the_code_is_logged_and_printed_until_it_is_used(settings: Settings) -> None:
    codes = []
    for _ in range(2):
        with structlog.testing.capture_logs() as logged:
            async with run_server(settings) as server:
                printed = server.uvicorn.lifespan.state["setup_code"]
                codes.append(printed)
                assert printed == await get_setup_code(server)
        [line] = [line for line in logged if line["event"] == "setup.pending"]
        assert line["code"] == printed
    assert codes[0] == codes[1]
    assert codes[0] in format_startup_message(settings, 1, codes[0])
    async with run_server(settings) as server, server.client() as http:
        assert_ok(await set_up(http, codes[0]), 201)
    with structlog.testing.capture_logs() as logged:
        async with run_server(settings) as server:
            assert server.uvicorn.lifespan.state["setup_code"] is None
    assert not [line for line in logged if line["event"] == "setup.pending"]


def test_the_startup_message_names_the_page_and_the_code(embedded: Backend) -> None:
    settings = embedded.settings
    message = format_startup_message(settings, 8000, "7H2K-9QXM-4TBW-D3FZ")
    assert "http://127.0.0.1:8000/welcome with the code 7H2K-9QXM-4TBW-D3FZ" in message
    without_page = override(settings, web={"enabled": False})
    message = format_startup_message(without_page, 8000, "7H2K-9QXM-4TBW-D3FZ")
    assert "POST http://127.0.0.1:8000/api/v1/setup" in message
    assert "code" not in format_startup_message(settings, 8000)


# The name.


async def test_an_administrator_renames_the_server(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    admin = await server.administrator(http)
    for name in ("Analytical", "分析 🎉"):
        assert assert_ok(await admin.patch("/server", name=name))["name"] == name
        assert (await get_server(http))["name"] == name
    assert assert_ok(await admin.patch("/server"))["name"] == "分析 🎉"
    assert_problem(await admin.patch("/server", name=""), "invalid")
    assert_problem(await ada.patch("/server", name="Mine"), "forbidden")
    assert (await get_server(http))["name"] == "分析 🎉"


async def test_closed_registration_is_shown(embedded: Backend) -> None:
    settings = embedded.override(auth={"registration": "closed"})
    async with run_server(settings) as server, server.client() as http:
        assert (await get_server(http))["registration"] == "closed"
