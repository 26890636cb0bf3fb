"""/users/me/blocks: whom a user has blocked."""

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import UNKNOWN_ID, Person, all_pages
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend


async def block(person: Person, other: Person) -> None:
    assert assert_ok(await person.put(f"/users/me/blocks/{other.id}"))["user"] == other.id


async def unblock(person: Person, other: Person) -> None:
    assert_ok(await person.delete(f"/users/me/blocks/{other.id}"), 204)


async def blocked(person: Person, **query: int) -> list[str]:
    pages = await all_pages(person, "/users/me/blocks", **query)
    return [item["user"] for page in pages for item in page]


async def changes(person: Person) -> int:
    events = assert_ok(await person.get("/users/me/events"))["items"]
    return sum(event["item"] == "block" for event in events)


async def test_the_newest_blocks_come_first_page_by_page(
    server: TestServer, http: httpx.AsyncClient, ada: Person, bob: Person
) -> None:
    others = await server.people(http, "kim", "lee", "max", "pia")
    for person in others:
        await block(ada, person)
    expected = [person.id for person in others[::-1]]
    for size in (1, 3, 4):
        assert await blocked(ada, limit=size) == expected
    assert await blocked(bob) == []
    await unblock(ada, others[1])
    del expected[2]
    assert await blocked(ada) == expected


async def test_blocking_or_unblocking_again_changes_nothing(ada: Person, bob: Person) -> None:
    first = assert_ok(await ada.put(f"/users/me/blocks/{bob.id}"))
    assert assert_ok(await ada.put(f"/users/me/blocks/{bob.id}")) == first
    assert await changes(ada) == 1
    for _ in range(2):
        await unblock(ada, bob)
    assert await changes(ada) == 2
    assert_ok(await ada.delete(f"/users/me/blocks/{UNKNOWN_ID}"), 204)


async def test_only_other_users_who_exist_can_be_blocked(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    assert_problem(await ada.put(f"/users/me/blocks/{ada.id}"), "invalid")
    assert_problem(await ada.put(f"/users/me/blocks/{UNKNOWN_ID}"), "not_found")
    assert_problem(await ada.put("/users/me/blocks/nobody"), "invalid")
    admin = await server.administrator(http)
    await block(ada, admin)
    assert await blocked(ada) == [admin.id]


@pytest.mark.parametrize("cursor", ["AAAA", "eA", "!", "MSAyIDM"])
async def test_an_invalid_cursor_is_refused(ada: Person, cursor: str) -> None:
    assert_problem(await ada.get("/users/me/blocks", cursor=cursor), "invalid")


async def test_the_log_of_the_blocked_user_does_not_tell(ada: Person, bob: Person) -> None:
    await ada.makes_room("private", bob)
    before = assert_ok(await bob.get("/users/me/events"))["items"]
    await block(ada, bob)
    assert assert_ok(await bob.get("/users/me/events"))["items"] == before


@pytest.mark.setting("CHAT_LIMITS__MAX_BLOCKS")
async def test_the_number_of_blocks_is_limited(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"max_blocks": 2}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        first, second, third = await server.people(http, "kim", "lee", "max")
        await block(ada, first)
        await block(ada, second)
        assert_problem(await ada.put(f"/users/me/blocks/{third.id}"), "too_many")
        await block(ada, first)
        await unblock(ada, first)
        await block(ada, third)
        assert await blocked(ada) == [third.id, second.id]


async def test_users_whom_the_directory_hides_cannot_be_found_by_blocking(
    backend: Backend,
) -> None:
    settings = without_limits(backend.override(users={"directory": "shared_rooms"}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob, eve = await server.people(http, "ada", "bob", "eve")
        await ada.makes_room("private", bob)
        await block(ada, bob)
        assert_problem(await ada.put(f"/users/me/blocks/{eve.id}"), "not_found")
