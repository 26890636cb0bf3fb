"""Managers of user groups: /groups/{id}/managers."""

import asyncio

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import UNKNOWN_ID, Person, all_pages, ids
from testkit.server import TestServer, run_server, unique_username, without_limits
from testkit.servers.backend import Backend


@pytest.fixture
async def admin(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.administrator(http)


async def members(person: Person, path: str) -> set[str]:
    pages = await all_pages(person, f"{path}/members")
    return {user["id"] for page in pages for user in page}


async def managers(person: Person, path: str) -> set[str]:
    return {user["id"] for user in assert_ok(await person.get(f"{path}/managers"))}


async def test_a_manager_changes_the_members_of_the_group_and_nothing_else(
    admin: Person, ada: Person, bob: Person, eve: Person
) -> None:
    path = f"/groups/{await admin.makes_group(unique_username('team'), bob)}"
    other = f"/groups/{await admin.makes_group(unique_username('crew'))}"
    for _ in range(2):
        assert_ok(await admin.put(f"{path}/managers/{ada.id}"), 204)
    assert await managers(eve, path) == {ada.id}
    assert await members(eve, path) == set(ids([ada, bob]))
    assert_ok(await ada.put(f"{path}/members/{eve.id}"), 204)
    assert_ok(await ada.delete(f"{path}/members/{bob.id}"), 204)
    assert await members(ada, path) == set(ids([ada, eve]))
    for answer in (
        await ada.patch(path, display_name="x"),
        await ada.delete(path),
        await ada.put(f"{path}/managers/{eve.id}"),
        await ada.delete(f"{path}/managers/{ada.id}"),
        await ada.put(f"{other}/members/{eve.id}"),
        await eve.put(f"{path}/members/{bob.id}"),
        await eve.delete(f"{path}/members/{ada.id}"),
    ):
        assert_problem(answer, "forbidden")


async def test_a_manager_goes_but_removes_no_other_manager(
    admin: Person, ada: Person, bob: Person
) -> None:
    path = f"/groups/{await admin.makes_group(unique_username('team'))}"
    for person in (ada, bob):
        assert_ok(await admin.put(f"{path}/managers/{person.id}"), 204)
    assert_problem(await ada.delete(f"{path}/members/{bob.id}"), "forbidden")
    assert_ok(await ada.delete(f"{path}/members/{ada.id}"), 204)
    assert await managers(admin, path) == {bob.id}
    assert_problem(await ada.put(f"{path}/members/{ada.id}"), "forbidden")
    assert_ok(await admin.put(f"{path}/members/{ada.id}"), 204)
    assert await managers(admin, path) == {bob.id}  # only a member again
    assert_ok(await admin.delete(f"{path}/members/{bob.id}"), 204)
    assert await managers(admin, path) == set()


async def test_who_is_no_manager_any_more_stays_a_member(
    admin: Person, ada: Person, eve: Person
) -> None:
    path = f"/groups/{await admin.makes_group(unique_username('team'))}"
    assert_ok(await admin.put(f"{path}/managers/{ada.id}"), 204)
    for _ in range(2):
        assert_ok(await admin.delete(f"{path}/managers/{ada.id}"), 204)
    assert await members(ada, path) == {ada.id}
    assert_problem(await ada.put(f"{path}/members/{eve.id}"), "forbidden")


async def test_managers_that_do_not_exist_are_not_found(admin: Person, ada: Person) -> None:
    path = f"/groups/{await admin.makes_group(unique_username('team'))}"
    assert_problem(await admin.put(f"{path}/managers/{UNKNOWN_ID}"), "not_found")
    assert_ok(await admin.put(f"{path}/managers/{ada.id}"), 204)
    assert_problem(await ada.put(f"{path}/members/{UNKNOWN_ID}"), "not_found")
    unknown = f"/groups/{UNKNOWN_ID}"
    for answer in (
        await admin.get(f"{unknown}/managers"),
        await admin.put(f"{unknown}/managers/{ada.id}"),
        await admin.delete(f"{unknown}/managers/{ada.id}"),
    ):
        assert_problem(answer, "not_found")
    assert_problem(await ada.put(f"{unknown}/members/{ada.id}"), "forbidden")


async def test_the_limit_of_members_counts_managers(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"user_group_members": 2}))
    async with run_server(settings) as server, server.client() as http:
        admin = await server.administrator(http)
        ada, bob, eve = await server.people(http, "ada", "bob", "eve")
        path = f"/groups/{await admin.makes_group('team', bob)}"
        assert_ok(await admin.put(f"{path}/managers/{ada.id}"), 204)
        assert_problem(await ada.put(f"{path}/members/{eve.id}"), "too_many")
        assert_problem(await admin.put(f"{path}/managers/{eve.id}"), "too_many")
        assert_ok(await admin.put(f"{path}/managers/{bob.id}"), 204)
        for _ in range(3):  # of several at once one finds a place
            assert_ok(await admin.delete(f"{path}/members/{bob.id}"), 204)
            answers = await asyncio.gather(
                *(ada.put(f"{path}/members/{person.id}") for person in (bob, eve))
            )
            assert [answer.is_success for answer in answers].count(True) == 1
            assert len(await members(admin, path)) == 2
            assert_ok(await admin.delete(f"{path}/members/{eve.id}"), 204)
            assert_ok(await admin.put(f"{path}/members/{bob.id}"), 204)


async def test_managers_add_only_users_whom_the_directory_shows(backend: Backend) -> None:
    settings = without_limits(backend.override(users={"directory": "shared_rooms"}))
    async with run_server(settings) as server, server.client() as http:
        admin = await server.administrator(http)
        ada, bob, eve = await server.people(http, "ada", "bob", "eve")
        path = f"/groups/{await admin.makes_group('team')}"
        assert_ok(await admin.put(f"{path}/managers/{ada.id}"), 204)
        await ada.makes_room("private", bob)
        assert_ok(await ada.put(f"{path}/members/{bob.id}"), 204)
        assert_problem(await ada.put(f"{path}/members/{eve.id}"), "not_found")
        assert await managers(eve, path) == set()
        assert await managers(bob, path) == {ada.id}
