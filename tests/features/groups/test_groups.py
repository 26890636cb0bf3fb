"""User groups: /groups."""

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import API, UNKNOWN_ID, Person, all_pages, ids
from testkit.server import PASSWORD, TestServer, run_server, unique_username, without_limits
from testkit.servers.backend import Backend


@pytest.fixture
async def admin(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.administrator(http)


async def test_an_administrator_creates_changes_and_deletes_a_group(
    admin: Person, ada: Person
) -> None:
    handle, other = unique_username("team"), unique_username("crew")
    group = assert_ok(await admin.post("/groups", handle=handle, display_name=" The team "), 201)
    assert group.keys() == {"id", "handle", "display_name", "created_at"}
    assert (group["handle"], group["display_name"]) == (handle, "The team")
    path = f"/groups/{group['id']}"
    assert assert_ok(await ada.get(path)) == group
    renamed = assert_ok(await admin.patch(path, handle=other))
    assert renamed == group | {"handle": other}
    assert assert_ok(await admin.patch(path, handle=other, display_name="B")) == renamed | {
        "display_name": "B"
    }
    assert_ok(await admin.post("/groups", handle=handle), 201)  # it is free again
    assert_ok(await admin.delete(path), 204)
    assert_problem(await ada.get(path), "not_found")


async def test_groups_are_found_by_the_beginning_of_their_handle(
    admin: Person, ada: Person
) -> None:
    start = unique_username("Team")
    names = [f"{start}-{letter}" for letter in "cab"]
    for name in names:
        await admin.makes_group(name)
    pages = await all_pages(ada, "/groups", query=start.upper(), limit=2)
    assert [[group["handle"] for group in page] for page in pages] == [
        sorted(names)[:2],
        sorted(names)[2:],
    ]
    assert assert_ok(await ada.get("/groups", query=f"{start}-c%"))["items"] == []
    assert_problem(await ada.get("/groups", cursor="é"), "invalid")


async def test_members_are_added_listed_and_removed(
    admin: Person, ada: Person, bob: Person, eve: Person
) -> None:
    group = await admin.makes_group(unique_username("team"), ada, bob, eve)
    path = f"/groups/{group}/members"
    assert_ok(await admin.put(f"{path}/{ada.id}"), 204)  # again
    pages = await all_pages(ada, path, limit=2)
    assert [len(page) for page in pages] == [2, 1]
    assert {user["id"] for page in pages for user in page} == set(ids([ada, bob, eve]))
    assert pages[0][0].keys() == {"id", "username", "display_name"}
    for _ in range(2):
        assert_ok(await admin.delete(f"{path}/{bob.id}"), 204)
    (page,) = await all_pages(ada, path)
    assert {user["id"] for user in page} == set(ids([ada, eve]))


async def test_only_administrators_of_the_server_change_groups(admin: Person, ada: Person) -> None:
    group = await admin.makes_group(unique_username("team"))
    path = f"/groups/{group}"
    for answer in (
        await ada.post("/groups", handle=unique_username("team")),
        await ada.patch(path, display_name="x"),
        await ada.delete(path),
        await ada.put(f"{path}/members/{ada.id}"),
        await ada.delete(f"{path}/members/{ada.id}"),
    ):
        assert_problem(answer, "forbidden")
    assert await all_pages(ada, f"{path}/members") == [[]]


async def test_what_does_not_exist_is_not_found(admin: Person) -> None:
    group, path = await admin.makes_group(unique_username("team")), f"/groups/{UNKNOWN_ID}"
    for answer in (
        await admin.get(path),
        await admin.patch(path, display_name="x"),
        await admin.delete(path),
        await admin.get(f"{path}/members"),
        await admin.put(f"{path}/members/{admin.id}"),
        await admin.delete(f"{path}/members/{admin.id}"),
        await admin.put(f"/groups/{group}/members/{UNKNOWN_ID}"),
    ):
        assert_problem(answer, "not_found")


async def test_no_group_has_the_name_of_a_user_or_of_another_group(
    admin: Person, ada: Person, http: httpx.AsyncClient
) -> None:
    handle = unique_username("team")
    group = await admin.makes_group(handle)
    other = await admin.makes_group(unique_username("crew"))
    for taken in (ada.username, ada.username.upper(), handle.upper()):
        assert_problem(await admin.post("/groups", handle=taken), "username_taken")
        assert_problem(await admin.patch(f"/groups/{other}", handle=taken), "username_taken")
    account = {"username": handle.upper(), "password": PASSWORD}
    assert_problem(await http.post(f"{API}/auth/register", json=account), "username_taken")
    assert_ok(await admin.patch(f"/groups/{group}", handle=handle.upper()))


@pytest.mark.parametrize(
    "handle", ["room", "Here", "a", "a b", "", "a" * 33, "-a", None, 1], ids=repr
)
async def test_an_invalid_handle_is_refused(admin: Person, handle: object) -> None:
    assert_problem(await admin.post("/groups", handle=handle), "invalid", "handle")


@pytest.mark.setting("CHAT_LIMITS__USER_GROUPS")
@pytest.mark.setting("CHAT_LIMITS__USER_GROUP_MEMBERS")
async def test_the_numbers_of_groups_and_of_members_are_limited(backend: Backend) -> None:
    limits = {"user_groups": 2, "user_group_members": 1}
    settings = without_limits(backend.override(limits=limits))
    async with run_server(settings) as server, server.client() as http:
        admin = await server.administrator(http)
        bob = await server.person(http, "bob")
        group, other = [await admin.makes_group(f"group{n}", admin) for n in range(2)]
        assert_problem(await admin.post("/groups", handle="group3"), "too_many")
        assert_problem(await admin.put(f"/groups/{group}/members/{bob.id}"), "too_many")
        assert_ok(await admin.put(f"/groups/{group}/members/{admin.id}"), 204)  # again
        assert_ok(await admin.delete(f"/groups/{other}"), 204)
        assert_ok(await admin.post("/groups", handle="group3"), 201)


async def test_members_are_shown_as_the_directory_allows(backend: Backend) -> None:
    settings = without_limits(backend.override(users={"directory": "shared_rooms"}))
    async with run_server(settings) as server, server.client() as http:
        admin = await server.administrator(http)
        ada, bob, eve = await server.people(http, "ada", "bob", "eve")
        group = await admin.makes_group("team", bob, eve)
        await ada.makes_room("private", bob)
        (page,) = await all_pages(ada, f"/groups/{group}/members")
        assert [user["id"] for user in page] == [bob.id]
        (page,) = await all_pages(admin, f"/groups/{group}/members")
        assert len(page) == 2
