"""Deletion of rooms, over HTTP and on sockets."""

import asyncio
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.persistence.tables import Room
from testkit.answers import assert_ok, assert_problem
from testkit.peer import Peers
from testkit.people import UNKNOWN_ID, Person
from testkit.server import TestServer, unique_username
from tests.authorization.documents import Operation, read_operations
from tests.features.rooms.room_contents import WORD, furnish
from tests.features.use_cases import tomorrow

RACES = 10


async def delete(person: Person, room: str, name: str = "A room", **more: str) -> httpx.Response:
    return await person.post(f"/rooms/{room}/delete", confirmation=name, **more)


@pytest.mark.parametrize("kind", ["public", "private", "group"])
async def test_only_owners_delete_a_room(
    server: TestServer, http: httpx.AsyncClient, kind: str
) -> None:
    owner, other, stranger = await server.people(http, "owner", "other", "stranger")
    room = await owner.makes_room(kind, other)
    name = room if kind == "group" else "A room"
    for role in ("guest", "member", "moderator", "admin"):
        assert_ok(await owner.patch(f"/rooms/{room}/members/{other.id}", role=role))
        assert_problem(await delete(other, room, name), "forbidden")
        assert "delete" not in (await other.room(room))["permissions"]
    refused = "forbidden" if kind == "public" else "not_found"
    assert_problem(await delete(stranger, room, name), refused)
    assert "delete" in (await owner.room(room))["permissions"]
    assert_ok(await owner.delete(f"/rooms/{room}"), 204)
    assert "delete" in (await owner.room(room))["permissions"]
    assert_ok(await delete(owner, room, name), 204)
    assert_problem(await owner.get(f"/rooms/{room}"), "not_found")


async def test_an_administrator_of_the_server_deletes_public_rooms(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    administrator = await server.administrator(http)
    public, private = await ada.makes_room("public"), await ada.makes_room("private")
    assert_problem(await delete(administrator, private), "not_found")
    assert_ok(await delete(administrator, public), 204)
    assert_problem(await ada.get(f"/rooms/{public}"), "not_found")


async def test_a_direct_room_cannot_be_deleted(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("direct", bob)
    assert_problem(await delete(ada, room, room), "forbidden")
    await bob.says(room, "still here")


async def test_a_deletion_has_to_be_confirmed_with_the_name(ada: Person) -> None:
    room = await ada.makes_room("private", name="Roses")
    for name in ("", "roses", "Rose", room):
        assert_problem(await delete(ada, room, name), "invalid", "confirmation")
    assert_problem(await ada.post(f"/rooms/{room}/delete"), "invalid", "confirmation")
    assert_ok(await ada.get(f"/rooms/{room}"))
    assert_ok(await delete(ada, room, " Roses "), 204)
    assert_problem(await delete(ada, room, "Roses"), "not_found")


async def test_the_audit_log_of_the_server_tells_of_a_deletion(
    server: TestServer, http: httpx.AsyncClient, ada: Person, bob: Person
) -> None:
    """And administrators see nothing else of it that they did not see before."""
    administrator = await server.administrator(http)
    room = await ada.makes_room("private", bob, name="Secret roses")
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    assert_ok(await delete(ada, room, "Secret roses", reason="withered"), 204)
    log = assert_ok(await administrator.get("/audit-log", room=room))["items"]
    assert [entry["action"] for entry in log] == ["room_deleted", "member_removed"]
    assert (log[0]["actor"], log[0]["reason"]) == (ada.id, "withered")
    assert log[0]["before"] == {"name": "Secret roses", "kind": "private"}
    assert log[1]["before"] is None
    assert_problem(await administrator.get(f"/rooms/{room}/audit-log"), "not_found")


async def test_from_the_deletion_on_all_answers_are_those_about_no_room(
    server: TestServer, http: httpx.AsyncClient, ada: Person, bob: Person, eve: Person
) -> None:
    former, administrator = await server.person(http, "former"), await server.administrator(http)
    room = await furnish(ada, bob, eve, former)
    invite = assert_ok(await ada.post(f"/rooms/{room}/invites"), 201)
    report = assert_ok(await ada.get("/users/me/reports"))["items"][0]["id"]
    known = {"code": invite["code"], "invite_id": invite["id"], "report_id": report}
    assert_ok(await delete(ada, room, "A furnished room"), 204)
    operations = [op for op in read_operations().values() if is_about_rooms(op)]
    assert len(operations) > 60
    for person in (ada, bob, former, eve, administrator):
        for operation in operations:
            answer = await call(person, operation, room, known)
            assert answer.status_code == 404, (operation.id, answer.text)
        for path, query in LISTS.items():
            assert WORD not in (await person.get(path, **query)).text, path
    for person in (ada, bob, former):
        entries = assert_ok(await person.get("/rooms"))["items"]
        assert room not in {entry["id"] for entry in entries}


LISTS = {
    "/search": {"q": WORD},
    "/search/messages": {"q": WORD},
    "/rooms/public": {"query": "furnished"},
    **{path: {} for path in ("/rooms", "/reports", "/audit-log")},
    **{f"/users/me/{name}": {} for name in ("mentions", "saved", "threads", "reports")},
}


def is_about_rooms(operation: Operation) -> bool:
    parameters = ("room_id", "code", "report_id")
    # What is saved is the user's own: it can be removed also where the room is gone.
    return any(map(operation.takes, parameters)) and operation.id != "remove_saved_message"


async def call(
    person: Person, operation: Operation, room: str, known: dict[str, str]
) -> httpx.Response:
    values = {"room_id": room, "seq": "4", "user_id": person.id, "role": "guest", "emoji": "🎉"}
    path = operation.path
    for name, value in (values | known).items():
        path = path.replace(f"{{{name}}}", value)
    path = path.replace("{rule_id}", UNKNOWN_ID)
    body = operation.copy_body()
    if body is not None and "due_at" in body:
        body["due_at"] = tomorrow()
    if body is not None and "until" in body:
        body["until"] = "2100-01-01T00:00:00Z"
    return await person.http.request(
        operation.method,
        path,
        params=operation.query,
        json=body,
        headers={"Authorization": f"Bearer {person.access}"},
    )


async def test_the_name_of_a_deleted_room_is_free(ada: Person) -> None:
    name = unique_username("Tulips")
    first = await ada.makes_room("public", name=name)
    assert_ok(await delete(ada, first, name), 204)
    assert assert_ok(await ada.get("/rooms/public", query=name))["items"] == []
    second = await ada.makes_room("public", name=name)
    found = assert_ok(await ada.get("/rooms/public", query=name))["items"]
    assert [entry["id"] for entry in found] == [second]


async def test_a_deletion_leaves_nothing_but_a_tombstone_in_the_row_of_the_room(
    server: TestServer, ada: Person
) -> None:
    room = await ada.makes_room("public", name="Roses")
    assert_ok(await ada.patch(f"/rooms/{room}", topic="red", settings={"slow_mode_s": 5}))
    assert_ok(await delete(ada, room, "Roses"), 204)
    async with server.context.database._engines.read.connect() as connection:
        rows = await connection.execute(select(Room.__table__).where(Room.id == UUID(room)))
        row = rows.one()._mapping
    kept = {name for name, value in row.items() if value}
    assert kept == {"id", "kind", "seq", "created_at", "changed_at", "deleted_at"}
    assert row["kind"] == "private"


async def test_a_repeated_send_gets_a_clean_error_after_the_deletion(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    assert_ok(await bob.sends(room, "hello", nonce="once"), 201)
    assert_ok(await bob.sends(room, "hello", nonce="once"), 200)
    assert_ok(await delete(ada, room), 204)
    for nonce in ("once", "twice"):
        assert_problem(await bob.sends(room, "hello", nonce=nonce), "not_found")


async def test_sends_beside_a_deletion_are_either_done_before_or_refused(
    server: TestServer, ada: Person, bob: Person, peers: Peers
) -> None:
    for _ in range(RACES):
        room = await ada.makes_room("private", bob)
        peer = await peers.join(bob, room)
        sends = [bob.sends(room, str(number)) for number in range(8)]
        *answers, deleted = await asyncio.gather(*sends, delete(ada, room))
        assert_ok(deleted, 204)
        acked = [answer.json()["seq"] for answer in answers if answer.status_code == 201]
        refused = [answer for answer in answers if answer.status_code != 201]
        for answer in refused:
            assert_problem(answer, "not_found")
        end = await peer.expect("room.deleted", room=room)
        assert sorted(acked) == [*range(4, end["seq"])]


async def test_sockets_learn_of_a_deletion_where_the_room_is_open_and_where_it_is_not(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob, eve)
    seen = await peers.join(eve)
    await seen.until(lambda: any("snapshot" in frame for frame in seen.of("rooms")))
    snapshot = seen.of("rooms")[-1]["snapshot"]
    await seen.leave()
    opened, closed = await peers.join(bob, room), await peers.join(bob)
    assert_ok(await delete(ada, room), 204)
    end = await opened.expect("room.deleted", room=room)
    assert end["actor"] == ada.id
    gone = await opened.expect("room.closed", room=room)
    assert (gone["reason"], gone["seq"]) == ("removed", end["seq"])
    for peer in (opened, closed):
        await peer.loses(room)
    assert (await opened.opens(room, since=end["seq"] - 1))["code"] == "not_found"
    assert (await opened.ask("history", room=room))["code"] == "not_found"
    assert (await opened.ask("read", room=room, seq=1))["code"] == "not_found"
    frame = {"room": room, "nonce": "n", "text": "x"}
    assert (await opened.ask("message.send", **frame))["code"] == "not_found"
    later = await peers.dial(str(eve.http.base_url).rstrip("/"))
    await later.send("hello", token=eve.access, snapshot=snapshot)
    frames = await later.expect("rooms")
    assert not frames["full"]
    assert room in frames["gone"]


async def test_a_former_member_who_comes_back_with_a_position_sees_nothing(
    ada: Person, bob: Person, peers: Peers
) -> None:
    """Without the deletion they would be given the events up to their departure."""
    room = await ada.makes_room("private", bob)
    (seq,) = await ada.says(room, "hello")
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    peer = await peers.join(bob)
    assert (await peer.opens(room, since=seq - 1))["type"] == "room.opened"
    assert_ok(await delete(ada, room), 204)
    assert (await peer.opens(room, since=seq - 1))["code"] == "not_found"


async def test_counts_of_unread_messages_go_with_the_room(ada: Person, bob: Person) -> None:
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    for place in (room, other):
        await ada.says(place, f"@{bob.username}")
    assert_ok(await delete(ada, room), 204)
    entries = assert_ok(await bob.get("/rooms"))["items"]
    assert [(entry["id"], entry["mentions"]) for entry in entries if entry["unread"]] == [
        (other, 1)
    ]
