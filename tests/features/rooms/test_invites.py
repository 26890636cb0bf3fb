"""Invite links and the transfer of rooms."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update

from app.core.clock import now
from app.persistence.room_tables import RoomInvite
from app.rooms.invites import MAKER_MAY_NOT_INVITE
from testkit.answers import are_indistinguishable, assert_ok, assert_problem
from testkit.people import Person, all_pages
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend


async def invite(person: Person, room: str, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = assert_ok(await person.post(f"/rooms/{room}/invites", **body), 201)
    return made


async def test_a_user_joins_a_private_room_by_a_link(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private")
    link = await invite(ada, room, role="guest", max_uses=2)
    preview = assert_ok(await bob.get(f"/invites/{link['code']}"))
    assert preview == {
        "room": room,
        "kind": "private",
        "name": "A room",
        "topic": "",
        "members": 1,
        "role": "guest",
        "joined": False,
    }
    assert_problem(await bob.get(f"/rooms/{room}"), "not_found")
    for _ in range(3):
        joined = assert_ok(await bob.post(f"/invites/{link['code']}/join"))
        assert (joined["id"], joined["role"]) == (room, "guest")
    event = (await ada.log(room))[-1]
    assert (event["type"], event["actor"], event["seq"]) == ("member.joined", bob.id, 3)
    assert assert_ok(await bob.get(f"/invites/{link['code']}"))["joined"]
    [listed] = assert_ok(await ada.get(f"/rooms/{room}/invites"))["items"]
    assert listed == link | {"uses": 1}
    uses = assert_ok(await ada.get(f"/rooms/{room}/invites/{link['id']}/uses"))["items"]
    assert [use["user"] for use in uses] == [bob.id]


async def test_a_link_that_does_not_work_any_more_looks_like_none(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    """Used up, expired, revoked, or of an archived room. Members join by it as ever."""
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    rooms = [await ada.makes_room("private") for _ in range(4)]
    links = [await invite(ada, room, max_uses=1) for room in rooms]
    used_up, expired, revoked, archived = rooms
    assert_ok(await bob.post(f"/invites/{links[0]['code']}/join"))
    async with server.context.database._engines.write.begin() as connection:
        ended = now() - timedelta(seconds=1)
        of_room = update(RoomInvite).where(RoomInvite.room_id == UUID(expired))
        await connection.execute(of_room.values(expires_at=ended))
    for _ in range(2):
        assert_ok(await ada.delete(f"/rooms/{revoked}/invites/{links[2]['id']}"), 204)
    assert_ok(await ada.delete(f"/rooms/{archived}"), 204)
    nothing = await eve.get("/invites/" + "x" * 22)
    assert_problem(nothing, "not_found")
    for link in links:
        path = f"/invites/{link['code']}"
        assert are_indistinguishable(await eve.get(path), nothing)
        assert_problem(await eve.post(f"{path}/join"), "not_found")
    assert_ok(await bob.post(f"/invites/{links[0]['code']}/join"))
    assert used_up in [room["id"] for room in assert_ok(await bob.get("/rooms"))["items"]]


async def test_a_banned_user_does_not_join_by_a_link(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    link = await invite(ada, room)
    assert_ok(await ada.put(f"/rooms/{room}/bans/{bob.id}"))
    assert_problem(await bob.get(f"/invites/{link['code']}"), "forbidden")
    assert_problem(await bob.post(f"/invites/{link['code']}/join"), "forbidden")
    [listed] = assert_ok(await ada.get(f"/rooms/{room}/invites"))["items"]
    assert listed["uses"] == 0


async def test_of_many_at_once_no_more_join_than_a_link_allows(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada = await server.person(http)
    people = await server.people(http, *(f"user{n}" for n in range(30)))
    room = await ada.makes_room("private")
    link = await invite(ada, room, max_uses=7)
    answers = await asyncio.gather(
        *(person.post(f"/invites/{link['code']}/join") for person in people)
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [404] * 23
    pages = await all_pages(ada, f"/rooms/{room}/invites/{link['id']}/uses", limit=5)
    assert [len(page) for page in pages] == [5, 2]
    joined = [p.id for p, a in zip(people, answers, strict=True) if a.status_code == 200]
    assert sorted(joined) == [use["user"] for page in pages for use in page]


async def test_who_may_add_members_makes_links_and_nobody_gives_more_than_they_have(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    private, public = await ada.makes_room("private", bob), await ada.makes_room("public", bob)
    assert_problem(await bob.post(f"/rooms/{private}/invites"), "forbidden")
    assert_problem(await bob.get(f"/rooms/{private}/invites"), "forbidden")
    link = await invite(bob, public)
    assert_problem(await bob.post(f"/rooms/{public}/invites", role="moderator"), "forbidden")
    assert (await invite(ada, public, role="moderator"))["role"] == "moderator"
    for role in ("admin", "owner", "king"):
        assert_problem(await ada.post(f"/rooms/{public}/invites", role=role), "invalid", "role")
    assert_ok(await ada.patch(f"/rooms/{public}/members/{bob.id}", role="guest"))
    assert_ok(await ada.put(f"/rooms/{public}/permissions/roles/guest", allow=["add"]))
    assert_problem(await bob.post(f"/rooms/{public}/invites"), "forbidden")
    assert_problem(await eve.post(f"/invites/{link['code']}/join"), "forbidden")
    guests = await invite(bob, public, role="guest")
    assert assert_ok(await eve.post(f"/invites/{guests['code']}/join"))["role"] == "guest"
    others = await invite(ada, public)
    assert_problem(await bob.delete(f"/rooms/{public}/invites/{others['id']}"), "forbidden")
    assert_ok(await bob.delete(f"/rooms/{public}/invites/{link['id']}"), 204)
    assert_problem(await ada.delete(f"/rooms/{private}/invites/{link['id']}"), "not_found")
    assert_problem(await ada.get(f"/rooms/{private}/invites/{link['id']}/uses"), "not_found")


async def test_what_makes_no_sense_is_refused(ada: Person, bob: Person) -> None:
    room, direct = await ada.makes_room(), await ada.makes_room("direct", bob)
    path = f"/rooms/{room}/invites"
    for body in ({"max_uses": 0}, {"max_uses": "1"}, {"expires_at": "2020-01-01T00:00:00Z"}):
        assert_problem(await ada.post(path, **body), "invalid", *body)
    assert_problem(await ada.post(f"/rooms/{direct}/invites"), "forbidden")
    assert_problem(await ada.get("/invites/" + "x" * 65), "invalid")
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    assert_problem(await ada.post(path), "room_archived")


@pytest.mark.setting("CHAT_LIMITS__MAX_INVITES")
async def test_a_room_has_as_many_open_links_as_the_setting_says(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"max_invites": 3}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        links = [await invite(ada, room) for _ in range(3)]
        assert_problem(await ada.post(f"/rooms/{room}/invites"), "too_many")
        assert_ok(await ada.delete(f"/rooms/{room}/invites/{links[0]['id']}"), 204)
        await invite(ada, room)
        pages = await all_pages(ada, f"/rooms/{room}/invites", limit=3)
        assert [len(page) for page in pages] == [3, 1]


@pytest.mark.parametrize("how", ["leaves", "is removed", "is demoted", "is denied", "is timed out"])
async def test_a_link_does_not_outlive_the_permission_of_its_maker(
    ada: Person, bob: Person, eve: Person, how: str
) -> None:
    room = await ada.makes_room("private", bob)
    member = f"/rooms/{room}/members/{bob.id}"
    assert_ok(await ada.patch(member, role="admin"))
    link = await invite(bob, room)
    path = f"/invites/{link['code']}"
    assert_ok(await eve.get(path))
    changes = {
        "leaves": lambda: bob.post(f"/rooms/{room}/leave"),
        "is removed": lambda: ada.delete(member),
        "is demoted": lambda: ada.patch(member, role="member"),
        "is denied": lambda: ada.put(f"/rooms/{room}/permissions/users/{bob.id}", deny=["add"]),
        "is timed out": lambda: ada.put(
            f"/rooms/{room}/time-outs/{bob.id}", until=(now() + timedelta(hours=1)).isoformat()
        ),
    }
    assert (await changes[how]()).is_success
    for answer in (await eve.get(path), await eve.post(f"{path}/join")):
        assert_problem(answer, "forbidden")
        assert answer.json()["detail"] == MAKER_MAY_NOT_INVITE
    assert_problem(await eve.get(f"/rooms/{room}"), "not_found")
    [listed] = assert_ok(await ada.get(f"/rooms/{room}/invites"))["items"]
    assert listed["uses"] == 0
    if how == "is denied":  # it works again with the permission
        assert_ok(await ada.delete(f"/rooms/{room}/permissions/users/{bob.id}"), 204)
        assert_ok(await eve.post(f"{path}/join"))


async def test_a_link_gives_no_role_that_its_maker_could_not_give_any_more(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob)
    member = f"/rooms/{room}/members/{bob.id}"
    assert_ok(await ada.patch(member, role="owner"))
    link = await invite(bob, room, role="moderator")
    assert_ok(await ada.patch(member, role="admin"))
    assert_problem(await eve.post(f"/invites/{link['code']}/join"), "forbidden")
    assert_ok(await ada.patch(member, role="owner"))
    assert assert_ok(await eve.post(f"/invites/{link['code']}/join"))["role"] == "moderator"


async def test_an_owner_gives_the_room_to_a_member(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    room = await ada.makes_room("private", bob)
    path = f"/rooms/{room}/transfer"
    assert_problem(await bob.post(path, user=bob.id), "forbidden")
    assert_problem(await ada.post(path, user=ada.id), "forbidden")
    for nobody in (eve.id, str(uuid4())):
        assert_problem(await ada.post(path, user=nobody), "not_found")
    assert assert_ok(await ada.post(path, user=bob.id))["role"] == "owner"
    assert ((await ada.room(room))["role"], (await bob.room(room))["role"]) == ("admin", "owner")
    assert_problem(await ada.post(path, user=bob.id), "forbidden")
    assert [event["member"]["role"] for event in (await ada.log(room))[-2:]] == ["owner", "admin"]
