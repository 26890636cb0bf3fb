"""CHAT_USERS__DIRECTORY: which users GET /users and GET /users/{id} return."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpx
import pytest

from app.settings import SettingsError, load_settings
from testkit.answers import are_indistinguishable, assert_ok, assert_problem
from testkit.people import UNKNOWN_ID, Person, all_pages
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend


class Cast(NamedTuple):
    """Ada shares rooms with bob (two) and eve, once shared one with zoe, and none with dan."""

    server: TestServer
    http: httpx.AsyncClient
    ada: Person
    bob: Person
    dan: Person
    eve: Person
    zoe: Person


@asynccontextmanager
async def cast(backend: Backend, directory: str | None) -> AsyncIterator[Cast]:
    users = {"directory": directory} if directory else {}
    async with (
        run_server(without_limits(backend.override(users=users))) as server,
        server.client() as http,
    ):
        ada, bob, dan, eve, zoe = await server.people(http, "ada", "bob", "dan", "eve", "zoe")
        room = await ada.makes_room("private", bob, eve, zoe)
        await bob.makes_room("public", ada)
        await dan.makes_room("public", zoe)
        assert_ok(await zoe.post(f"/rooms/{room}/leave"), 204)
        yield Cast(server, http, ada, bob, dan, eve, zoe)


async def found(person: Person, query: str = "") -> list[str]:
    """The usernames on all pages."""
    pages = await all_pages(person, "/users", query=query, limit=2)
    return [user["username"][:3] for page in pages for user in page]


async def test_directory_everybody_finds_all_users(backend: Backend) -> None:
    async with cast(backend, None) as (_, _, ada, _, dan, *_):
        assert await found(ada) == ["ada", "bob", "dan", "eve", "zoe"]
        assert await found(ada, "DAN") == ["dan"]
        assert_ok(await ada.get(f"/users/{dan.id}"))


@pytest.mark.parametrize("directory", ["shared_rooms", "exact_name"])
@pytest.mark.setting("CHAT_USERS__DIRECTORY")
async def test_directory_shared_rooms_finds_only_users_of_shared_rooms(
    backend: Backend, directory: str
) -> None:
    async with cast(backend, directory) as (server, http, ada, bob, dan, eve, zoe):
        assert await found(ada) == ["ada", "bob", "eve"]
        assert await found(dan) == ["dan", "zoe"]
        assert await found(ada, "of") == ["ada", "bob", "eve"]  # in all display names
        assert await found(ada, dan.username[:-1]) == []
        # Of who has written in a room one wants to know the name, also when they have gone.
        for person in (ada, bob, eve, zoe):
            assert assert_ok(await ada.get(f"/users/{person.id}"))["username"] == person.username
        hidden = await ada.get(f"/users/{dan.id}")
        assert_problem(hidden, "not_found")
        assert are_indistinguishable(hidden, await ada.get(f"/users/{UNKNOWN_ID}"))
        admin = await server.administrator(http)
        assert await found(admin) == ["ada", "adm", "bob", "dan", "eve", "zoe"]
        assert_ok(await admin.get(f"/users/{dan.id}"))
        alone = await server.person(http, "lone")
        assert await found(alone) == ["lon"]
        await admin.makes_room("private", ada, dan)
        assert_ok(await ada.get(f"/users/{dan.id}"))
        assert await found(ada, "dan") == ["dan"]
        await ada.makes_room("direct", dan)


async def test_directory_none_finds_nobody(backend: Backend) -> None:
    """Names of those whom one has met can be got by their ids."""
    async with cast(backend, "none") as (server, http, ada, bob, dan, eve, zoe):
        for query in ("", ada.username, bob.username, dan.username):
            assert await found(ada, query) == []
        assert await by_ids(ada, *[person.id for person in (ada, bob, dan, eve, zoe)]) == [
            *("ada", "bob", "eve", "zoe")
        ]
        admin = await server.administrator(http)
        assert await found(admin, "dan") == ["dan"]


async def test_people_are_completed_as_the_directory_allows(backend: Backend) -> None:
    shown = {
        "everybody": ["bob", "dan"],
        "shared_rooms": ["bob"],
        "exact_name": ["bob", "dan"],
        "none": [],
    }
    for directory, names in shown.items():
        async with cast(backend, directory) as (_, _, ada, bob, dan, *_):
            people = [
                user["username"][:3]
                for person in (bob, dan)
                for user in assert_ok(await ada.get("/search", q=person.username))["people"]
            ]
            assert people == names, directory


async def test_direct_rooms_are_opened_with_users_whom_the_directory_shows(
    backend: Backend,
) -> None:
    """Those who are hidden are refused like an id that does not exist."""
    async with cast(backend, "shared_rooms") as (server, http, ada, bob, dan, *_):
        for user in (dan.id, UNKNOWN_ID):
            answer = await ada.post("/rooms", kind="direct", members=[user])
            problem = assert_problem(answer, "invalid")
            assert problem["detail"] == f"There is no user {user}."
        room = await ada.makes_room("direct", bob)
        admin = await server.administrator(http)
        await admin.makes_room("direct", dan)
        assert assert_ok(await bob.post("/rooms", kind="direct", members=[ada.id]))["id"] == room
    async with cast(backend, "exact_name") as (_, _, ada, _, dan, *_):
        await ada.makes_room("direct", dan)


async def test_directory_none_leaves_direct_rooms_to_administrators(backend: Backend) -> None:
    async with cast(backend, "none") as (server, http, ada, bob, *_):
        answer = await ada.post("/rooms", kind="direct", members=[bob.id])
        assert_problem(answer, "forbidden")
        admin = await server.administrator(http)
        room = await admin.makes_room("direct", ada)
        again = await ada.post("/rooms", kind="direct", members=[admin.id])
        assert assert_ok(again)["id"] == room


async def test_directory_exact_name_finds_the_user_with_that_username(backend: Backend) -> None:
    async with cast(backend, "exact_name") as (_, _, ada, _, dan, *_):
        assert await found(ada, dan.username) == ["dan"]
        assert await found(ada, dan.username.upper()) == ["dan"]
        for part in (dan.username[1:], f"{dan.username}x", f"Dan of {dan.username}", "%", "dan"):
            assert await found(ada, part) == []


async def test_directory_has_four_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_USERS__DIRECTORY", "friends")
    with pytest.raises(SettingsError, match=r"CHAT_USERS__DIRECTORY: .*'everybody'"):
        load_settings()


async def by_ids(person: Person, *ids: str) -> list[str]:
    page = assert_ok(await person.get("/users", ids=list(ids)))
    assert page["next"] is None
    return [user["username"][:3] for user in page["items"]]


@pytest.mark.parametrize("directory", [None, "shared_rooms", "exact_name", "none"])
async def test_users_by_ids_are_those_that_can_be_got_one_by_one(
    backend: Backend, directory: str | None
) -> None:
    async with cast(backend, directory) as (server, http, ada, bob, dan, eve, zoe):
        everybody = [zoe.id, UNKNOWN_ID, dan.id, ada.id, bob.id, eve.id, bob.id]
        admin = await server.administrator(http)
        for person in (ada, dan, admin):
            alone = [await person.get(f"/users/{user}") for user in sorted(set(everybody))]
            found = sorted(a.json()["username"][:3] for a in alone if a.status_code == 200)
            assert await by_ids(person, *everybody) == found
        assert await by_ids(admin, *everybody) == ["ada", "bob", "dan", "eve", "zoe"]
        hidden = [] if directory else ["dan"]
        assert await by_ids(ada, dan.id, UNKNOWN_ID) == hidden
        assert await by_ids(ada, *[dan.id] * 100) == hidden
        ignored = await ada.get("/users", ids=bob.id, query="eve", cursor="YQ", limit=1)
        assert [user["id"] for user in assert_ok(ignored)["items"]] == [bob.id]


async def test_a_list_of_ids_is_checked(ada: Person) -> None:
    assert_problem(await ada.get("/users", ids=[ada.id, "nobody"]), "invalid", "query.ids.1")
    assert_problem(await ada.get("/users", ids=[ada.id] * 101), "invalid")
