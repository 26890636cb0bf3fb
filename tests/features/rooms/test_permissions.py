"""Overrides of permissions in a room, and the permissions that a client sees."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, ids
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend

DEFAULTS = ["read", "send", "send_in_threads", "create_polls", "react", "add", "leave"]
PRIVATE = [name for name in DEFAULTS if name != "add"]


async def permissions(person: Person, room: str) -> list[str]:
    """In both places where HTTP shows them."""
    shown: list[str] = (await person.room(room))["permissions"]
    listed = assert_ok(await person.get("/rooms"))["items"]
    assert [entry["permissions"] for entry in listed if entry["id"] == room] == [shown]
    return shown


async def set_role(founder: Person, room: str, person: Person, role: str) -> None:
    assert_ok(await founder.patch(f"/rooms/{room}/members/{person.id}", role=role))


def of_user(room: str, person: Person) -> str:
    return f"/rooms/{room}/permissions/users/{person.id}"


def of_role(room: str, role: str) -> str:
    return f"/rooms/{room}/permissions/roles/{role}"


async def test_a_room_shows_what_the_caller_may_do(ada: Person, bob: Person) -> None:
    public, private = await ada.makes_room("public", bob), await ada.makes_room("private", bob)
    assert await permissions(bob, public) == DEFAULTS
    assert await permissions(bob, private) == PRIVATE
    assert {"archive", "set_role", "manage_permissions"} <= set(await permissions(ada, private))
    assert_ok(await ada.delete(f"/rooms/{private}"), 204)
    assert await permissions(bob, private) == ["read", "leave"]
    assert await permissions(ada, private) == [
        *("read", "view_audit_log", "archive", "delete", "leave")
    ]


async def test_a_public_room_shows_no_permissions_to_those_who_are_no_members(
    server: TestServer, ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("public")
    assert "permissions" not in await bob.room(room)
    administrator = await server.administrator(ada.http)
    shown = (await administrator.room(room))["permissions"]
    assert {"add", "remove", "edit", "archive", "set_role"} <= set(shown)
    assert not {"read", "send", "react", "pin", "leave"} & set(shown)


async def test_an_override_of_a_role_holds_for_its_members(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    room = await ada.makes_room("private", bob, eve)
    await set_role(ada, room, eve, "moderator")
    answer = await ada.put(of_role(room, "member"), allow=["pin"], deny=["send"])
    override = {"role": "member", "user": None, "allow": ["pin"], "deny": ["send"]}
    assert assert_ok(answer) == override
    shown = await permissions(bob, room)
    assert "pin" in shown
    assert "send" not in shown
    [seq] = await eve.says(room, "by a moderator")
    assert_problem(await bob.sends(room), "forbidden")
    assert_ok(await bob.sends(room, thread=seq), 201)
    assert_problem(await bob.sends(room, thread=seq, also_in_room=True), "forbidden")
    assert_ok(await bob.put(f"/rooms/{room}/messages/{seq}/pin"))
    assert (await ada.log(room))[-1]["type"] == "message.pinned"
    for person in (ada, bob, eve):
        shown = assert_ok(await person.get(f"/rooms/{room}/permissions"))["overrides"]
        assert shown == [override]
    assert_ok(await ada.delete(of_role(room, "member")), 204)
    assert await permissions(bob, room) == PRIVATE
    assert_ok(await bob.sends(room), 201)


async def test_an_override_of_a_person_counts_more_than_one_of_a_role(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    room = await ada.makes_room("private", bob, eve)
    assert_ok(await ada.put(of_role(room, "member"), deny=["send"]))
    assert_ok(await ada.put(of_user(room, bob), allow=["send"]))
    assert_ok(await bob.sends(room), 201)
    assert_problem(await eve.sends(room), "forbidden")


async def test_an_override_of_a_person_stays_when_they_leave_and_return(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("public", bob)
    assert_ok(await ada.put(of_user(room, bob), deny=["send"]))
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    assert_problem(await bob.sends(room), "forbidden")
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    assert_ok(await ada.delete(of_user(room, bob)), 204)
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    assert_ok(await bob.sends(room), 201)


async def test_each_change_is_one_event_and_the_same_again_none(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    for _ in range(2):
        assert_ok(await ada.put(of_user(room, bob), allow=["pin"]))
    for _ in range(2):
        assert_ok(await ada.delete(of_user(room, bob)), 204)
    events = (await bob.log(room))[3:]
    assert [event["type"] for event in events] == ["room.permissions_changed"] * 2
    shown: dict[str, Any] = {"role": None, "user": bob.id, "deny": []}
    assert [event["override"] for event in events] == [
        shown | {"allow": ["pin"]},
        shown | {"allow": []},
    ]


async def test_nobody_changes_a_permission_that_they_lack(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    await set_role(ada, room, bob, "admin")
    assert_ok(await bob.put(of_role(room, "member"), allow=["pin"]))
    refused = await bob.put(of_role(room, "member"), allow=["pin", "archive"])
    assert "archive" in assert_problem(refused, "forbidden")["detail"]
    assert_ok(await ada.put(of_role(room, "guest"), allow=["archive"]))
    assert_problem(await bob.delete(of_role(room, "guest")), "forbidden")
    assert_problem(await bob.put(of_role(room, "guest"), allow=[]), "forbidden")


@pytest.mark.parametrize("actor_role", ["owner", "admin", "member"])
async def test_nobody_changes_permissions_of_an_equal_or_higher_rank(
    server: TestServer, http: httpx.AsyncClient, actor_role: str
) -> None:
    """Also if a member was given the permission to change permissions. Owners have all."""
    founder, actor, other = await server.people(http, "founder", "actor", "other")
    room = await founder.makes_room("private", actor, other)
    assert_ok(await founder.put(of_role(room, "member"), allow=["manage_permissions"]))
    await set_role(founder, room, actor, actor_role)
    ranks = ["guest", "member", "moderator", "admin", "owner"]
    for role in ranks:
        may = ranks.index(role) < ranks.index(actor_role)
        await set_role(founder, room, other, role)
        for path in (of_role(room, role), of_user(room, other)):
            answer = await actor.put(path, deny=["react"])
            if may:
                assert_ok(answer)
                assert_ok(await actor.delete(path), 204)
            else:
                assert_problem(answer, "forbidden")
    assert_problem(await actor.put(of_user(room, actor), deny=["react"]), "forbidden")
    if actor_role != "owner":
        for path in (of_role(room, "owner"), of_user(room, founder)):
            assert_problem(await actor.delete(path), "forbidden")


async def test_the_last_owner_cannot_be_locked_out(ada: Person, bob: Person) -> None:
    """Neither before nor after somebody is made an owner."""
    room = await ada.makes_room("private", bob)
    everything = [name for name in await permissions(ada, room) if name not in {"read", "leave"}]
    assert_problem(await ada.put(of_user(room, ada), deny=["manage_permissions"]), "forbidden")
    assert_problem(await ada.put(of_role(room, "owner"), deny=everything), "forbidden")
    assert_ok(await ada.put(of_user(room, bob), deny=everything))
    await set_role(ada, room, bob, "owner")
    assert_ok(await ada.post(f"/rooms/{room}/leave"), 204)
    assert set(everything) <= set(await permissions(bob, room))
    assert_ok(await bob.patch(f"/rooms/{room}", topic="still mine"))


async def test_who_may_change_roles_gives_only_lower_ones(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    room = await ada.makes_room("private", bob, eve)
    await set_role(ada, room, bob, "admin")
    assert_problem(await bob.patch(f"/rooms/{room}/members/{eve.id}", role="guest"), "forbidden")
    assert_ok(await ada.put(of_role(room, "admin"), allow=["set_role"]))
    for role in ("guest", "moderator"):
        await set_role(bob, room, eve, role)
    for role in ("admin", "owner"):
        answer = await bob.patch(f"/rooms/{room}/members/{eve.id}", role=role)
        assert_problem(answer, "forbidden")
    for person in (ada, bob):
        answer = await bob.patch(f"/rooms/{room}/members/{person.id}", role="member")
        assert_problem(answer, "forbidden")


@pytest.mark.parametrize(
    "body",
    [
        {"allow": ["fly"]},
        {"allow": ["send"], "deny": ["send"]},
        {"deny": ["read"]},
        {"deny": ["leave"]},
        {"deny": "send"},
        {"deny": ["send"] * 100},
        {"role": "member"},
    ],
)
async def test_an_override_that_makes_no_sense_is_refused(
    ada: Person, body: dict[str, Any]
) -> None:
    room = await ada.makes_room()
    assert_problem(await ada.put(of_role(room, "member"), **body), "invalid")
    assert_problem(await ada.put(of_role(room, "emperor")), "invalid")
    assert assert_ok(await ada.get(f"/rooms/{room}/permissions")) == {"overrides": []}


async def test_only_members_have_overrides_and_see_them(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    room, direct = await ada.makes_room("public", bob), await ada.makes_room("direct", bob)
    assert_problem(await ada.put(of_user(room, eve), deny=["send"]), "not_found")
    assert_problem(await eve.get(f"/rooms/{room}/permissions"), "forbidden")
    assert_problem(await bob.put(of_user(room, ada), deny=["send"]), "forbidden")
    assert_problem(await ada.put(of_user(direct, bob), deny=["send"]), "forbidden")
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    assert_problem(await ada.put(of_user(room, bob), deny=["send"]), "room_archived")


@pytest.mark.setting("CHAT_LIMITS__MAX_OVERRIDES")
async def test_a_room_has_as_many_overrides_as_the_setting_says(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"max_overrides": 3}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        people = await server.people(http, "bob", "eve", "joe")
        room = await ada.makes_room("private")
        assert_ok(await ada.post(f"/rooms/{room}/members", users=ids(people)))
        for person in people:
            assert_ok(await ada.put(of_user(room, person), allow=["pin"]))
        assert_problem(await ada.put(of_role(room, "guest"), deny=["send"]), "too_many")
        assert_ok(await ada.put(of_user(room, people[0]), deny=["send"]))
        assert_ok(await ada.delete(of_user(room, people[1])), 204)
        assert_ok(await ada.put(of_role(room, "guest"), deny=["send"]))
    fewer = without_limits(backend.override(limits={"max_overrides": 1}))
    async with run_server(fewer) as server, server.client() as http:
        again = replace(ada, http=http)
        assert_ok(await again.put(of_user(room, people[0]), deny=["pin"]))
        assert_ok(await again.delete(of_user(room, people[0])), 204)


async def test_in_a_room_for_announcements_only_moderators_write(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    room = await ada.makes_room("private", bob, eve)
    await set_role(ada, room, eve, "moderator")
    assert_ok(await ada.patch(f"/rooms/{room}", settings={"announcement": True}))
    assert (await bob.room(room))["settings"]["announcement"]
    [seq] = await eve.says(room, "an announcement")
    refused = assert_problem(await bob.sends(room), "forbidden")
    assert refused["detail"] == "You may not send messages in this private room as member."
    assert_problem(await bob.sends(room, poll={"options": ["a", "b"]}), "forbidden")
    assert_ok(await bob.sends(room, thread=seq), 201)
    assert_ok(await bob.put(f"/rooms/{room}/messages/{seq}/reactions/🎉"))
    assert "send" not in await permissions(bob, room)
    assert_ok(await ada.put(of_user(room, bob), allow=["send"]))
    assert_ok(await bob.sends(room), 201)


async def test_a_setting_that_limits_members_needs_the_permission_to_change_permissions(
    ada: Person, bob: Person
) -> None:
    """In a group every member may change its name and its other settings."""
    room = await ada.makes_room("group", bob)
    path = f"/rooms/{room}"
    assert_ok(await bob.patch(path, settings={"read_by": False}))
    assert_problem(await bob.patch(path, settings={"announcement": True}), "forbidden")
    assert_problem(await bob.patch(path, settings={"announcement": True}, topic="x"), "forbidden")
    assert (await ada.room(room))["topic"] == ""
    assert_ok(await ada.patch(path, settings={"announcement": True}))
