"""POST /rooms."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.wire.domain import Permission
from testkit.answers import assert_ok, assert_problem
from testkit.people import UNKNOWN_ID, Person, all_pages, ids
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend


async def test_a_public_room_is_created(ada: Person) -> None:
    room = assert_ok(
        await ada.post("/rooms", kind="public", name="  Général ", topic=" 日本 \n"), 201
    )
    assert room | {"id": "", "created_at": ""} == {
        "id": "",
        "created_at": "",
        "kind": "public",
        "name": "Général",
        "topic": " 日本 \n",
        "archived": False,
        "seq": 2,
        "users": None,
        "role": "owner",
        "permissions": list(Permission),
        "read_seq": 2,
        "unread": 0,
        "mentions": 0,
        "last_message": None,
    }
    assert await ada.room(room["id"]) == room


@pytest.mark.parametrize("kind", ["public", "private", "group"])
async def test_a_room_is_created_with_members_and_their_events(
    ada: Person, bob: Person, eve: Person, kind: str
) -> None:
    room = await ada.makes_room(kind, bob, eve, bob, ada)  # each counts once
    log = await ada.log(room)
    assert [event["seq"] for event in log] == [1, 2, 3, 4]
    assert [event["type"] for event in log] == ["room.created"] + ["member.joined"] * 3
    assert {event["actor"] for event in log} == {ada.id}
    assert [event["member"] for event in log[1:]] == [
        {"user": ada.id, "role": "owner"},
        {"user": bob.id, "role": "member"},
        {"user": eve.id, "role": "member"},
    ]
    assert log[0]["details"]["kind"] == kind
    assert await bob.log(room) == log
    for person in (ada, bob, eve):
        assert (await person.room(room))["unread"] == 0
    (members,) = await all_pages(ada, f"/rooms/{room}/members")
    assert {(m["user"]["id"], m["role"]) for m in members} == {
        (ada.id, "owner"),
        (bob.id, "member"),
        (eve.id, "member"),
    }


async def test_the_name_of_a_group_is_optional(ada: Person, bob: Person) -> None:
    for body in ({}, {"name": "Trip"}):
        room = assert_ok(await ada.post("/rooms", kind="group", members=[bob.id], **body), 201)
        assert room["name"] == body.get("name")


async def test_the_members_of_a_direct_room_have_equal_roles(ada: Person, bob: Person) -> None:
    room = assert_ok(await ada.post("/rooms", kind="direct", members=[bob.id]), 201)
    assert set(room["users"]) == {ada.id, bob.id}
    assert (room["name"], room["role"]) == (None, "member")
    theirs = await bob.room(room["id"])
    assert (theirs["users"], theirs["role"]) == (room["users"], "member")


async def test_two_users_have_one_direct_room(ada: Person, bob: Person, eve: Person) -> None:
    room = assert_ok(await ada.post("/rooms", kind="direct", members=[bob.id]), 201)["id"]
    for person, other in ((ada, bob), (bob, ada)):
        again = assert_ok(await person.post("/rooms", kind="direct", members=[other.id]), 200)
        assert again["id"] == room
    assert assert_ok(await ada.post("/rooms", kind="direct", members=[eve.id]), 201)["id"] != room
    assert len(await ada.log(room)) == 3


async def test_concurrently_created_direct_rooms_are_one_room(ada: Person, bob: Person) -> None:
    answers = await asyncio.gather(
        *(
            person.post("/rooms", kind="direct", members=[other.id])
            for _ in range(10)
            for person, other in ((ada, bob), (bob, ada))
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    log = await ada.log(answers[0].json()["id"])
    assert [(event["seq"], event["type"]) for event in log] == [
        (1, "room.created"),
        (2, "member.joined"),
        (3, "member.joined"),
    ]


async def test_a_user_can_have_a_direct_room_alone(ada: Person) -> None:
    room = assert_ok(await ada.post("/rooms", kind="direct", members=[ada.id]), 201)
    assert set(room["users"]) == {ada.id}
    assert (
        assert_ok(await ada.post("/rooms", kind="direct", members=[ada.id]), 200)["id"]
        == room["id"]
    )
    assert_ok(await ada.sends(room["id"], "to do"), 201)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "kind"),
        ({"kind": "secret", "name": "x"}, "kind"),
        ({"kind": "PUBLIC", "name": "x"}, "kind"),
        ({"kind": "public"}, "body"),
        ({"kind": "private", "name": None}, "body"),
        ({"kind": "public", "name": ""}, "name"),
        ({"kind": "public", "name": " \n"}, "name"),
        ({"kind": "public", "name": "x" * 65}, "name"),
        ({"kind": "public", "name": "ﷺ" * 6}, "name"),
        ({"kind": "public", "name": "a\0b"}, "name"),
        ({"kind": "public", "name": "x", "topic": "x" * 501}, "topic"),
        ({"kind": "public", "name": "x", "topic": "\0"}, "topic"),
        ({"kind": "public", "name": "x", "topic": None}, "topic"),
        ({"kind": "public", "name": "x", "seq": 7}, "seq"),
        ({"kind": "public", "name": "x", "members": ["me"]}, "members.0"),
        ({"kind": "public", "name": "x", "members": {}}, "members"),
        ({"kind": "public", "name": "x", "members": [UNKNOWN_ID] * 101}, "members"),
        ({"kind": "direct"}, "body"),
        ({"kind": "direct", "members": []}, "body"),
        ({"kind": "direct", "members": [UNKNOWN_ID] * 2}, "body"),
        ({"kind": "direct", "members": [UNKNOWN_ID], "name": "x"}, "body"),
        ({"kind": "direct", "members": [UNKNOWN_ID], "topic": "x"}, "body"),
    ],
)
async def test_invalid_rooms_are_refused(ada: Person, body: dict[str, Any], path: str) -> None:
    assert_problem(await ada.post("/rooms", **body), "invalid", path)
    assert assert_ok(await ada.get("/rooms"))["items"] == []


@pytest.mark.parametrize("kind", ["public", "private", "group", "direct"])
async def test_a_room_with_an_unknown_member_is_not_created(
    ada: Person, bob: Person, kind: str
) -> None:
    nobody = str(uuid4())
    members = [nobody] if kind == "direct" else [bob.id, nobody]
    body = {"kind": kind, "members": members} | (
        {"name": "x"} if kind in {"public", "private"} else {}
    )
    problem = assert_problem(await ada.post("/rooms", **body), "invalid")
    assert nobody in problem["detail"]
    assert bob.id not in problem["detail"]
    for person in (ada, bob):
        assert assert_ok(await person.get("/rooms"))["items"] == []


async def test_a_room_is_created_with_100_members(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    people = [await server.person(http) for _ in range(100)]
    room = assert_ok(await ada.post("/rooms", kind="group", members=ids(people)), 201)
    assert room["seq"] == 102
    pages = await all_pages(ada, f"/rooms/{room['id']}/members", limit=40)
    assert [len(page) for page in pages] == [40, 40, 21]
    found = [member["user"]["username"] for page in pages for member in page]
    assert found == sorted(person.username for person in [ada, *people])


@pytest.mark.setting("CHAT_LIMITS__ROOMS_PER_USER")
async def test_the_number_of_rooms_per_user_is_limited(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"rooms_per_user": 2}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob = await server.people(http, "ada", "bob")
        public = await bob.makes_room()
        await ada.makes_room()
        direct = assert_ok(await ada.post("/rooms", kind="direct", members=[bob.id]), 201)["id"]
        assert_problem(await ada.post("/rooms", kind="group"), "too_many")
        assert_problem(await ada.post(f"/rooms/{public}/join"), "too_many")
        # What one is in stays within reach.
        again = assert_ok(await ada.post("/rooms", kind="direct", members=[bob.id]), 200)
        assert again["id"] == direct
        assert_ok(await ada.post(f"/rooms/{direct}/join"))
