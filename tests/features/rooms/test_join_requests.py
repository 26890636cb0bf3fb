"""Requests to join private rooms."""

import asyncio

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend


async def makes_open_room(person: Person, *members: Person) -> str:
    room = await person.makes_room("private", *members)
    assert_ok(await person.patch(f"/rooms/{room}", settings={"join_requests": True}))
    return room


async def test_a_user_asks_and_is_let_in(ada: Person, bob: Person) -> None:
    room = await makes_open_room(ada)
    path = f"/rooms/{room}/join-requests"
    assert_ok(await bob.post(path, note="hello"), 201)
    asked = assert_ok(await bob.post(path, note="I grow tomatoes."), 201)
    assert assert_ok(await ada.get(path))["items"] == [asked]
    assert (asked["user"], asked["note"]) == (bob.id, "I grow tomatoes.")
    assert_problem(await bob.get(f"/rooms/{room}"), "not_found")
    member = assert_ok(await ada.post(f"{path}/{bob.id}/approve"))
    assert (member["user"]["id"], member["role"]) == (bob.id, "member")
    event = (await bob.log(room))[-1]
    assert (event["type"], event["actor"]) == ("member.joined", ada.id)
    assert assert_ok(await ada.get(path))["items"] == []
    assert_problem(await ada.post(f"{path}/{bob.id}/approve"), "not_found")
    assert_problem(await bob.post(path), "forbidden")


async def test_a_request_is_declined_or_cancelled(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    room = await makes_open_room(ada)
    path = f"/rooms/{room}/join-requests"
    for person, own in ((bob, f"{path}/{bob.id}"), (eve, f"{path}/{eve.id}")):
        for closer in (ada, person):
            assert_ok(await person.post(path), 201)
            assert_ok(await closer.delete(own), 204)
            assert_problem(await closer.delete(own), "not_found")
    assert_ok(await bob.post(path), 201)
    assert_problem(await eve.delete(f"{path}/{bob.id}"), "not_found")
    assert_problem(await eve.post(f"{path}/{bob.id}/approve"), "not_found")
    assert_problem(await eve.get(path), "not_found")


async def test_only_who_may_add_members_answers(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, *others = await server.people(http, "ada", "bob", "one", "two", "three")
    room = await makes_open_room(ada, bob)
    path = f"/rooms/{room}/join-requests"
    for person in others:
        assert_ok(await person.post(path), 201)
    for answer in (
        await bob.get(path),
        await bob.post(f"{path}/{others[0].id}/approve"),
        await bob.delete(f"{path}/{others[0].id}"),
    ):
        assert_problem(answer, "forbidden")
    pages = await all_pages(ada, path, limit=2)
    assert [len(page) for page in pages] == [2, 1]
    assert {entry["user"] for page in pages for entry in page} == {p.id for p in others}


async def test_a_room_that_takes_no_requests_looks_like_none(ada: Person, bob: Person) -> None:
    rooms = [await ada.makes_room("private"), await ada.makes_room("group")]
    rooms += [await makes_open_room(ada) for _ in range(2)]
    assert_ok(await ada.patch(f"/rooms/{rooms[2]}", settings={"join_requests": False}))
    assert_ok(await ada.delete(f"/rooms/{rooms[3]}"), 204)
    for room in rooms:
        assert_problem(await bob.post(f"/rooms/{room}/join-requests"), "not_found")


async def test_who_is_banned_cannot_ask_nor_be_let_in(ada: Person, bob: Person) -> None:
    room = await makes_open_room(ada)
    path = f"/rooms/{room}/join-requests"
    assert_ok(await bob.post(path), 201)
    assert_ok(await ada.put(f"/rooms/{room}/bans/{bob.id}"))
    assert_problem(await ada.post(f"{path}/{bob.id}/approve"), "forbidden")
    assert_problem(await bob.post(path), "forbidden")
    assert_ok(await ada.delete(f"/rooms/{room}/bans/{bob.id}"), 204)
    assert_ok(await ada.post(f"{path}/{bob.id}/approve"))


async def test_a_request_is_over_when_its_user_joins_otherwise(ada: Person, bob: Person) -> None:
    room = await makes_open_room(ada)
    path = f"/rooms/{room}/join-requests"
    assert_ok(await bob.post(path), 201)
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    assert assert_ok(await ada.get(path))["items"] == []


async def test_of_two_answers_one_counts(ada: Person, bob: Person) -> None:
    room = await makes_open_room(ada)
    path = f"/rooms/{room}/join-requests/{bob.id}"
    assert_ok(await bob.post(f"/rooms/{room}/join-requests"), 201)
    approval, cancellation = await asyncio.gather(ada.post(f"{path}/approve"), bob.delete(path))
    statuses = approval.status_code, cancellation.status_code
    assert statuses in {(200, 404), (404, 204)}
    assert (await bob.get(f"/rooms/{room}")).status_code == approval.status_code


@pytest.mark.setting("CHAT_LIMITS__MAX_JOIN_REQUESTS")
async def test_a_room_has_as_many_requests_as_the_setting_says(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"max_join_requests": 1}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob, eve = await server.people(http, "ada", "bob", "eve")
        room = await makes_open_room(ada)
        assert_ok(await bob.post(f"/rooms/{room}/join-requests"), 201)
        assert_problem(await eve.post(f"/rooms/{room}/join-requests"), "too_many")
        assert_ok(await ada.delete(f"/rooms/{room}/join-requests/{bob.id}"), 204)
        assert_ok(await eve.post(f"/rooms/{room}/join-requests"), 201)
