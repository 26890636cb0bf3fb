"""Bans and time-outs in rooms."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update

from app.core.clock import now
from app.persistence.room_tables import RoomSanction
from app.persistence.tables import Member
from testkit.answers import assert_ok, assert_problem
from testkit.peer import Peers
from testkit.people import Person, all_pages
from testkit.server import TestServer

LATER = "2100-01-01T00:00:00Z"


def ban(room: str, person: Person) -> str:
    return f"/rooms/{room}/bans/{person.id}"


def time_out(room: str, person: Person) -> str:
    return f"/rooms/{room}/time-outs/{person.id}"


async def let_end(server: TestServer, room: str) -> None:
    """All bans and time-outs of the room have ended a second ago."""
    ended = now() - timedelta(seconds=1)
    async with server.context.database._engines.write.begin() as connection:
        for model, column in ((RoomSanction, "until"), (Member, "timed_out_until")):
            table: Any = model
            await connection.execute(
                update(table).where(table.room_id == UUID(room)).values({column: ended})
            )


async def test_a_banned_member_is_removed_and_cannot_return_by_any_way(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("public", bob)
    answer = assert_ok(await ada.put(ban(room, bob), reason="Spam"))
    assert answer | {"at": None} == {
        "user": bob.id,
        "until": None,
        "reason": "Spam",
        "set_by": ada.id,
        "at": None,
    }
    assert (await ada.log(room))[-1]["type"] == "member.removed"
    refused = assert_problem(await bob.post(f"/rooms/{room}/join"), "forbidden")
    assert refused["detail"] == "You are banned from this room."
    added = await ada.post(f"/rooms/{room}/members", users=[bob.id])
    assert f"DELETE /api/v1/rooms/{room}/bans" in assert_problem(added, "forbidden")["detail"]
    assert_problem(await bob.sends(room), "forbidden")
    for _ in range(2):
        assert_ok(await ada.delete(ban(room, bob)), 204)
    assert_ok(await bob.post(f"/rooms/{room}/join"))


async def test_adding_several_adds_nobody_if_one_is_banned(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    room = await ada.makes_room("private")
    assert_ok(await ada.put(ban(room, bob)))
    answer = await ada.post(f"/rooms/{room}/members", users=[eve.id, bob.id])
    assert_problem(answer, "forbidden")
    assert_problem(await eve.get(f"/rooms/{room}"), "not_found")


async def test_a_ban_ends_at_its_time(server: TestServer, ada: Person, bob: Person) -> None:
    room = await ada.makes_room("public", bob)
    assert_ok(await ada.put(ban(room, bob), until=LATER))
    refused = assert_problem(await bob.post(f"/rooms/{room}/join"), "forbidden")
    assert "until 2100-01-01" in refused["detail"]
    await let_end(server, room)
    assert_ok(await bob.post(f"/rooms/{room}/join"))


async def test_bans_are_listed_for_those_who_may_remove_members(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, *others = await server.people(http, "ada", "bob", "one", "two", "three")
    room = await ada.makes_room("private", bob)
    for person in others:
        assert_ok(await ada.put(ban(room, person), reason=person.username))
    pages = await all_pages(ada, f"/rooms/{room}/bans", limit=2)
    assert [len(page) for page in pages] == [2, 1]
    listed = {entry["user"]: entry["reason"] for page in pages for entry in page}
    assert listed == {person.id: person.username for person in others}
    assert_problem(await bob.get(f"/rooms/{room}/bans"), "forbidden")
    assert_problem(await ada.get(f"/rooms/{room}/bans", cursor="x"), "invalid")
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="moderator"))
    assert_ok(await bob.get(f"/rooms/{room}/bans"))


async def test_a_member_who_is_timed_out_reads_and_does_not_write(
    server: TestServer, ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("group", bob)
    [seq] = await ada.says(room, "hello")
    [own] = await bob.says(room, "mine")
    peer = await peers.join(bob, room)
    assert_ok(await ada.put(time_out(room, bob), until=LATER, reason="Calm down"))
    event = await peer.expect("member.timed_out")
    assert (event["member"]["user"], event["until"]) == (bob.id, LATER)
    await peer.lists(room, permissions=["read", "leave"], timed_out_until=LATER)
    refused = assert_problem(await bob.sends(room), "forbidden")
    assert "timed out in this room until 2100-01-01" in refused["detail"]
    path = f"/rooms/{room}/messages/{seq}"
    soon = (now() + timedelta(hours=1)).isoformat()
    for answer in (
        await bob.sends(room, thread=seq),
        await bob.patch(f"/rooms/{room}/messages/{own}", text="x", version=1),
        await bob.put(f"{path}/reactions/🎉"),
        await bob.put(f"{path}/pin"),
        await bob.patch(f"/rooms/{room}", topic="x"),
        await bob.post(f"/rooms/{room}/members", users=[ada.id]),
        await bob.post(f"/rooms/{room}/scheduled", text="x", nonce="n", due_at=soon),
    ):
        assert_problem(answer, "forbidden")
    assert (await peer.ask("message.send", room=room, nonce="n", text="x"))["code"] == "forbidden"
    assert_ok(await bob.get(f"/rooms/{room}/messages"))
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=seq))
    await let_end(server, room)
    assert_ok(await bob.sends(room), 201)
    assert "timed_out_until" not in await bob.room(room)


async def test_a_time_out_is_lifted(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    assert_ok(await ada.put(time_out(room, bob), until=LATER))
    for _ in range(2):
        assert_ok(await ada.delete(time_out(room, bob)), 204)
    assert_ok(await bob.sends(room), 201)
    events = [event for event in await ada.log(room) if event["type"] == "member.timed_out"]
    assert [event["until"] for event in events] == [LATER, None]
    assert assert_ok(await ada.get(f"/rooms/{room}/time-outs"))["items"] == []


@pytest.mark.parametrize("kind", ["public", "private"])
async def test_a_time_out_holds_for_a_member_who_leaves_and_returns(
    ada: Person, bob: Person, kind: str
) -> None:
    room = await ada.makes_room(kind, bob)
    assert_ok(await ada.put(time_out(room, bob), until=LATER))
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    if kind == "public":
        assert_ok(await bob.post(f"/rooms/{room}/join"))
    else:
        assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    assert_problem(await bob.sends(room), "forbidden")
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    assert_ok(await ada.delete(time_out(room, bob)), 204)
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    assert_ok(await bob.sends(room), 201)


@pytest.mark.parametrize("path", [ban, time_out])
async def test_nobody_acts_on_an_equal_or_higher_rank(
    server: TestServer, http: httpx.AsyncClient, path: Any
) -> None:
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    room = await ada.makes_room("private", bob, eve)
    for person, role in ((bob, "moderator"), (eve, "moderator")):
        assert_ok(await ada.patch(f"/rooms/{room}/members/{person.id}", role=role))
    for target in (ada, bob, eve):
        assert_problem(await bob.put(path(room, target), until=LATER), "forbidden")
        assert_problem(await bob.delete(path(room, target)), "forbidden")
    assert_problem(await ada.put(path(room, ada), until=LATER), "forbidden")
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="member"))
    assert_problem(await bob.put(path(room, eve), until=LATER), "forbidden")
    assert_ok(await eve.put(path(room, bob), until=LATER))


async def test_what_makes_no_sense_is_refused(ada: Person, bob: Person, eve: Person) -> None:
    room, direct = await ada.makes_room("private", bob), await ada.makes_room("direct", bob)
    for path in (ban(room, bob), time_out(room, bob)):
        assert_problem(await ada.put(path, until="2020-01-01T00:00:00Z"), "invalid", "until")
        assert_problem(await ada.put(path, until=LATER, reason="x" * 501), "invalid", "reason")
    assert_problem(await ada.put(time_out(room, bob)), "invalid", "until")
    assert_problem(await ada.put(time_out(room, eve), until=LATER), "not_found")
    assert_problem(await ada.put(f"/rooms/{room}/bans/{uuid4()}"), "not_found")
    for path in (ban(direct, bob), time_out(direct, bob)):
        assert_problem(await ada.put(path, until=LATER), "forbidden")
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    assert_problem(await ada.put(ban(room, bob)), "room_archived")


async def test_the_last_owner_cannot_be_banned(server: TestServer, ada: Person) -> None:
    """By an administrator of the server, who acts as an owner of public rooms."""
    room = await ada.makes_room("public")
    administrator = await server.administrator(ada.http)
    assert_problem(await administrator.put(ban(room, ada)), "last_owner")
    assert_problem(await administrator.put(time_out(room, ada), until=LATER), "forbidden")
    assert assert_ok(await administrator.get(f"/rooms/{room}/bans"))["items"] == []
