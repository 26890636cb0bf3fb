"""Join, leave, add and remove members, change roles."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.persistence.repositories import members as member_lists
from testkit.answers import assert_ok, assert_problem
from testkit.people import UNKNOWN_ID, Person, all_pages, ids
from testkit.server import TestServer


async def members(person: Person, room: str) -> dict[str, str]:
    """Usernames and roles, in the order of the list."""
    pages = await all_pages(person, f"/rooms/{room}/members")
    return {m["user"]["username"]: m["role"] for page in pages for m in page}


async def last_event(person: Person, room: str) -> dict[str, Any]:
    return (await person.log(room))[-1]


async def test_a_user_joins_a_public_room(ada: Person, bob: Person) -> None:
    room = await ada.makes_room()
    await ada.says(room, "before")
    joined = assert_ok(await bob.post(f"/rooms/{room}/join"))
    assert (joined["role"], joined["seq"], joined["read_seq"]) == ("member", 4, 4)
    assert (joined["unread"], joined["mentions"]) == (0, 0)  # what was said before is history
    event = await last_event(ada, room)
    assert (event["type"], event["actor"]) == ("member.joined", bob.id)
    assert event["member"] == {"user": bob.id, "role": "member"}
    assert await members(bob, room) == {ada.username: "owner", bob.username: "member"}


async def test_joining_again_changes_nothing(ada: Person, bob: Person) -> None:
    room = await ada.makes_room()
    first = assert_ok(await bob.post(f"/rooms/{room}/join"))
    await ada.says(room, "hello")
    again = assert_ok(await bob.post(f"/rooms/{room}/join"))
    assert (first["last_message"], again["last_message"]["seq"]) == (None, 4)
    assert again == first | {"seq": 4, "unread": 1, "last_message": again["last_message"]}
    assert assert_ok(await ada.post(f"/rooms/{room}/join"))["role"] == "owner"
    assert (await ada.room(room))["seq"] == 4


async def test_concurrent_joins_of_one_user_are_one_join(ada: Person, bob: Person) -> None:
    room = await ada.makes_room()
    for answer in await asyncio.gather(*(bob.post(f"/rooms/{room}/join") for _ in range(10))):
        assert assert_ok(answer)["seq"] == 3
    assert len(await ada.log(room)) == 3


@pytest.mark.parametrize("kind", ["private", "group", "direct"])
async def test_only_public_rooms_can_be_joined(
    ada: Person, bob: Person, eve: Person, kind: str
) -> None:
    room = await ada.makes_room(kind, bob)
    assert_problem(await eve.post(f"/rooms/{room}/join"), "not_found")
    assert_ok(await bob.post(f"/rooms/{room}/join"))  # a member is there already


async def test_a_member_leaves(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    event = await last_event(ada, room)
    assert (event["type"], event["actor"]) == ("member.left", bob.id)
    assert event["member"] == {"user": bob.id, "role": "member"}
    assert_problem(await bob.post(f"/rooms/{room}/leave"), "not_found")
    assert await members(ada, room) == {ada.username: "owner"}
    public = await ada.makes_room()
    assert_problem(await bob.post(f"/rooms/{public}/leave"), "forbidden")


async def test_a_member_who_rejoins_starts_as_a_new_member(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("public", bob)
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="admin"))
    await ada.says(room, f"@{bob.username} one", "two")
    assert (await bob.room(room))["unread"] == 2
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    await ada.says(room, f"@{bob.username} three")
    back = assert_ok(await bob.post(f"/rooms/{room}/join"))
    assert (back["role"], back["unread"], back["mentions"]) == ("member", 0, 0)
    assert len(await bob.log(room)) == back["seq"]


@pytest.mark.parametrize("kind", ["public", "private", "group"])
async def test_the_last_owner_cannot_leave(ada: Person, bob: Person, kind: str) -> None:
    room = await ada.makes_room(kind, bob)
    mine, his = (f"/rooms/{room}/members/{person.id}" for person in (ada, bob))
    assert_problem(await ada.post(f"/rooms/{room}/leave"), "last_owner")
    assert_problem(await ada.patch(mine, role="member"), "last_owner")
    assert len(await ada.log(room)) == 3
    assert_ok(await ada.patch(his, role="owner"))
    assert_ok(await ada.patch(mine, role="member"))
    assert_problem(await bob.post(f"/rooms/{room}/leave"), "last_owner")
    assert_ok(await ada.post(f"/rooms/{room}/leave"), 204)
    assert await members(bob, room) == {bob.username: "owner"}


async def test_only_one_of_two_last_owners_can_leave_concurrently(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    for _ in range(5):
        ada, bob = await server.people(http, "ada", "bob")
        room = await ada.makes_room("private", bob)
        assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="owner"))
        answers = await asyncio.gather(
            *(person.post(f"/rooms/{room}/leave") for person in (ada, bob))
        )
        assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_the_last_owner_of_an_archived_room_can_leave(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("group", bob)
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    assert_ok(await ada.post(f"/rooms/{room}/leave"), 204)
    assert_problem(await ada.get(f"/rooms/{room}"), "not_found")


async def test_members_add_members(ada: Person, bob: Person, eve: Person) -> None:
    room = await ada.makes_room("private")
    added = assert_ok(await ada.post(f"/rooms/{room}/members", users=[eve.id, bob.id, eve.id]))
    assert [(m["user"]["id"], m["role"]) for m in added] == [
        (eve.id, "member"),
        (bob.id, "member"),
    ]
    log = await bob.log(room)
    assert [(e["actor"], e["member"]["user"]) for e in log[2:]] == [
        (ada.id, eve.id),
        (ada.id, bob.id),
    ]
    assert (await bob.room(room))["unread"] == 0


async def test_adding_a_member_again_changes_nothing(ada: Person, bob: Person, eve: Person) -> None:
    room = await ada.makes_room("private", bob)
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="admin"))
    added = assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id, ada.id]))
    assert [m["role"] for m in added] == ["admin", "owner"]
    assert len(await ada.log(room)) == 4
    added = assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id, eve.id]))
    assert [m["role"] for m in added] == ["admin", "member"]
    assert len(await ada.log(room)) == 5


async def test_adding_members_is_all_or_nothing(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private")
    nobody = str(uuid4())
    assert_problem(await ada.post(f"/rooms/{room}/members", users=[bob.id, nobody]), "invalid")
    assert await members(ada, room) == {ada.username: "owner"}
    assert len(await ada.log(room)) == 2


@pytest.mark.parametrize("users", [[], ["x"], None, "me", [1], [UNKNOWN_ID] * 101])
async def test_unknown_users_cannot_be_added(ada: Person, users: object) -> None:
    room = await ada.makes_room()
    assert_problem(await ada.post(f"/rooms/{room}/members", users=users), "invalid")


async def test_a_concurrent_add_and_join_is_one_membership(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    room = await ada.makes_room()
    people = [await server.person(http) for _ in range(5)]
    for answer in await asyncio.gather(
        *(person.post(f"/rooms/{room}/join") for person in people),
        *(ada.post(f"/rooms/{room}/members", users=ids(people)) for _ in range(3)),
    ):
        assert_ok(answer)
    log = await ada.log(room)
    assert [event["seq"] for event in log] == list(range(1, 8))
    assert {event["member"]["user"] for event in log[2:]} == set(ids(people))


async def test_a_member_is_removed(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("public", bob)
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    event = await last_event(ada, room)
    assert (event["type"], event["actor"]) == ("member.removed", ada.id)
    assert event["member"] == {"user": bob.id, "role": "member"}
    assert_problem(await bob.get(f"/rooms/{room}/events"), "forbidden")
    assert_problem(await bob.sends(room), "forbidden")
    assert_problem(await ada.delete(f"/rooms/{room}/members/{bob.id}"), "not_found")


async def test_a_member_gets_a_new_role(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    path = f"/rooms/{room}/members/{bob.id}"
    member = assert_ok(await ada.patch(path, role="admin"))
    assert (member["user"]["id"], member["role"]) == (bob.id, "admin")
    event = await last_event(bob, room)
    assert (event["type"], event["actor"]) == ("member.role_changed", ada.id)
    assert event["member"] == {"user": bob.id, "role": "admin"}
    assert_ok(await ada.patch(path, role="admin"))  # the same again
    assert len(await ada.log(room)) == 4
    for role in ("boss", "", None, "OWNER"):
        assert_problem(await ada.patch(path, role=role), "invalid", "role")


async def test_members_are_listed_to_members_only(ada: Person, eve: Person) -> None:
    public, private = await ada.makes_room(), await ada.makes_room("private")
    assert_problem(await eve.get(f"/rooms/{public}/members"), "forbidden")
    assert_problem(await eve.get(f"/rooms/{private}/members"), "not_found")


@pytest.mark.parametrize("max_users", [2, 1000])
async def test_pages_of_members_of_a_large_room_are_by_name(
    server: TestServer, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, max_users: int
) -> None:
    """Found among the next users by name, or by sorting all members if there are too few."""
    monkeypatch.setattr(member_lists, "MANY_MEMBERS", 2)
    monkeypatch.setattr(member_lists, "MAX_USERS_PER_PAGE", max_users)
    ada, *people = await server.people(http, *(f"user{n}" for n in range(9)))
    room = await ada.makes_room("private")
    assert_ok(await ada.post(f"/rooms/{room}/members", users=ids(people[::2])))
    names = sorted(person.username for person in (ada, *people[::2]))
    for limit, sizes in ((2, [2, 2, 1]), (3, [3, 2]), (50, [5])):
        pages = await all_pages(ada, f"/rooms/{room}/members", limit=limit)
        assert [len(page) for page in pages] == sizes
        assert [member["user"]["username"] for page in pages for member in page] == names
    assert_problem(await people[1].get(f"/rooms/{room}/members"), "not_found")
