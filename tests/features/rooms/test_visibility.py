"""A resource that a user may not see is answered exactly like one that does not exist."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from testkit.answers import are_indistinguishable, assert_ok, assert_problem
from testkit.people import Person
from testkit.server import TestServer

# Every operation on one room: method, path below the room, body.
OPERATIONS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "", None),
    ("PATCH", "", {"topic": "x"}),
    ("PATCH", "", {}),
    ("DELETE", "", None),
    ("POST", "/join", None),
    ("POST", "/leave", None),
    ("GET", "/members", None),
    ("POST", "/members", {"users": ["{user}"]}),
    ("PATCH", "/members/{user}", {"role": "admin"}),
    ("DELETE", "/members/{user}", None),
    ("GET", "/messages", None),
    ("POST", "/messages", {"nonce": "n", "text": "x"}),
    ("GET", "/messages/4", None),
    ("GET", "/events", None),
    ("PUT", "/read", {"seq": 1}),
]


async def attempt(person: Person, room: str, operation: tuple[str, str, Any], user: str) -> Any:
    method, path, body = operation
    if body and "users" in body:
        body = {"users": [user]}
    options = {} if body is None else {"json": body}
    return await person.call(method, f"/rooms/{room}{path.format(user=user)}", **options)


@pytest.mark.parametrize("kind", ["private", "group", "direct"])
async def test_a_private_room_of_others_is_not_found(
    ada: Person, bob: Person, eve: Person, kind: str
) -> None:
    room = await ada.makes_room(kind, bob)
    await ada.says(room, "secret")
    for operation in OPERATIONS:
        theirs = await attempt(eve, room, operation, bob.id)
        nowhere = await attempt(eve, str(uuid4()), operation, bob.id)
        assert_problem(theirs, "not_found")
        assert are_indistinguishable(theirs, nowhere), operation
    assert len(await ada.log(room)) == 4


async def test_a_removed_member_does_not_find_the_room(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    for operation in OPERATIONS:
        theirs = await attempt(bob, room, operation, ada.id)
        nowhere = await attempt(bob, str(uuid4()), operation, ada.id)
        assert are_indistinguishable(theirs, nowhere), operation
    assert assert_ok(await bob.get("/rooms"))["items"] == []


async def test_private_rooms_are_hidden_from_server_administrators(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    admin = await server.administrator(http)
    room = await ada.makes_room("private")
    for operation in OPERATIONS:
        assert_problem(await attempt(admin, room, operation, ada.id), "not_found")


async def test_a_public_room_shows_its_name_but_not_its_messages(ada: Person, eve: Person) -> None:
    room = await ada.makes_room(name="Square")
    await ada.says(room, "hello")
    seen = await eve.room(room)
    assert (seen["name"], seen["seq"]) == ("Square", 3)
    assert [seen[key] for key in ("role", "read_seq", "unread", "mentions")] == [None] * 4
    for method, path, body in OPERATIONS:
        if path.startswith(("/messages", "/events", "/read", "/members")):
            answer = await attempt(eve, room, (method, path, body), ada.id)
            assert_problem(answer, "forbidden")


async def test_replies_cannot_refer_to_messages_of_other_rooms(ada: Person, eve: Person) -> None:
    secret = await ada.makes_room("private")
    (said,) = await ada.says(secret, "secret")
    own = await eve.makes_room("private")
    assert_problem(await eve.sends(own, reply_to=said), "invalid", "reply_to")


async def test_rooms_need_a_token(server: TestServer, ada: Person) -> None:
    room = await ada.makes_room()
    async with server.client() as http:
        for method, path, body in OPERATIONS:
            url = f"/api/v1/rooms/{room}{path.format(user=ada.id)}"
            assert_problem(await http.request(method, url, json=body), "unauthenticated")
