"""A resource that a user may not know of is indistinguishable from one that does not exist: the
response and the statements are the same. Statements are compared, because times depend on the
machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from app.core.actor import Actor
from app.core.clock import now
from app.core.send_request import SendRequest
from app.messages.send.batch import commit_individually
from app.persistence.tables import Room
from app.wire.content import Content
from app.wire.errors import NotFound
from testkit.answers import are_indistinguishable, assert_ok, assert_problem
from testkit.limits import LIMITS
from testkit.peer import Frame, Peer, dial
from testkit.people import API, Person
from testkit.server import TestServer, unique_username
from testkit.statements import recorded_statements
from tests.hostile.routes import CLIENT_FRAMES, every_route

# Bodies of the routes that take one.
BODIES: dict[str, dict[str, Any]] = {
    "PATCH /rooms/{room_id}": {"topic": "x"},
    "POST /rooms/{room_id}/members": {"users": ["{user}"]},
    "PATCH /rooms/{room_id}/members/{user_id}": {"role": "admin"},
    "POST /rooms/{room_id}/messages": {"nonce": "n", "text": "x"},
    "POST /rooms/{room_id}/messages/{seq}/reports": {"reason": "spam", "note": "x"},
    "POST /rooms/{room_id}/members/{user_id}/reports": {"reason": "spam", "note": "x"},
    "POST /reports/{report_id}/resolution": {"outcome": "other", "note": "x"},
    "POST /rooms/{room_id}/filters": {"kind": "word", "expression": "x", "action": "report"},
    "POST /filters": {"kind": "word", "expression": "x", "action": "report"},
    "POST /rooms/{room_id}/join-requests": {"note": "x"},
    "POST /rooms/{room_id}/invites": {"max_uses": 1},
    "POST /rooms/{room_id}/delete": {"confirmation": "x"},
    "POST /rooms/{room_id}/transfer": {"user": "{user}"},
    "PUT /rooms/{room_id}/bans/{user_id}": {"reason": "x"},
    "PUT /rooms/{room_id}/time-outs/{user_id}": {"until": "2100-01-01T00:00:00Z"},
    "PUT /rooms/{room_id}/permissions/roles/{role}": {"deny": ["send"]},
    "PUT /rooms/{room_id}/permissions/users/{user_id}": {"deny": ["send"]},
    "PUT /rooms/{room_id}/read": {"seq": 1},
    "POST /rooms/{room_id}/unread": {"seq": 1},
    "PUT /rooms/{room_id}/draft": {"text": "x"},
    "POST /rooms/{room_id}/scheduled": {
        "nonce": "n",
        "text": "x",
        "due_at": "2000-01-01T00:00:00Z",
    },
    "PUT /rooms/{room_id}/messages/{seq}/saved": {"note": "x"},
    "PATCH /rooms/{room_id}/messages/{seq}": {"text": "x", "version": 1},
    "POST /rooms/{room_id}/deletions": {"seqs": [1]},
    "POST /rooms/{room_id}/messages/{seq}/forward": {"to": "{room_id}", "nonce": "n"},
    "PUT /rooms/{room_id}/messages/{seq}/vote": {"options": [1]},
    "POST /rooms/{room_id}/messages/{seq}/poll/options": {"text": "x"},
    "PUT /rooms/{room_id}/threads/{seq}/read": {"seq": 1},
    "PUT /rooms/{room_id}/notifications": {"level": "all"},
    "PATCH /scheduled/{scheduled_id}": {"text": "x"},
    "PATCH /users/me/reminders/{reminder_id}": {"note": "x"},
    "PATCH /groups/{group_id}": {"display_name": "x"},
}
OF_ROOMS = sorted(
    route.name.replace(API, "") for route in every_route() if "{room_id}" in route.path
)
ITEMS = sorted(
    f"{method} {path}"
    for method in ("PATCH", "DELETE")
    for path in ("/scheduled/{scheduled_id}", "/users/me/reminders/{reminder_id}")
)
OF_ADMINISTRATORS = [
    *("PUT /users/{user_id}/ban", "DELETE /users/{user_id}/ban"),
    *("PATCH /groups/{group_id}", "DELETE /groups/{group_id}"),
    "DELETE /filters/{rule_id}",
    *("PUT /groups/{group_id}/members/{user_id}", "DELETE /groups/{group_id}/members/{user_id}"),
    *("PUT /groups/{group_id}/managers/{user_id}", "DELETE /groups/{group_id}/managers/{user_id}"),
]
RESOLUTION = "POST /reports/{report_id}/resolution"
# Profiles of users who are visible to each other have tests of their own; groups are no secret.
VISIBLE = {
    *(
        "GET /users/{user_id}",
        "PUT /users/me/blocks/{user_id}",
        "DELETE /users/me/blocks/{user_id}",
    ),
    *("GET /groups/{group_id}", "GET /groups/{group_id}/members"),
    "GET /groups/{group_id}/managers",
}
FRAMES: dict[str, dict[str, Any]] = {
    "open": {"rooms": [{"room": "{room}", "since": 0}]},
    "close": {"rooms": ["{room}"]},
    "message.send": {"room": "{room}", "nonce": "n", "text": "x"},
    "history": {"room": "{room}"},
    "read": {"room": "{room}", "seq": 1},
    "typing": {"room": "{room}"},
    "message.edit": {"room": "{room}", "seq": 1, "text": "x", "version": 1},
    "reaction.add": {"room": "{room}", "seq": 1, "emoji": "🎉"},
    "reaction.remove": {"room": "{room}", "seq": 1, "emoji": "🎉"},
}
WITHOUT_ROOM = {"hello", "pong", "presence.subscribe"}


def filled(pattern: Any, **ids: str) -> Any:
    """The pattern with ids instead of their names, at any depth."""
    if isinstance(pattern, dict):
        return {key: filled(value, **ids) for key, value in pattern.items()}
    if isinstance(pattern, list):
        return [filled(value, **ids) for value in pattern]
    if isinstance(pattern, str):
        for name, value in ids.items():
            pattern = pattern.replace(f"{{{name}}}", value)
    return pattern


async def asked(
    server: TestServer, person: Person, route: str, **ids: str
) -> tuple[Any, list[str]]:
    method, path = filled(route, **ids).split()
    body = filled(BODIES.get(route), **ids)
    with recorded_statements(server.context.database) as found:
        answer = await person.call(method, path, **({"json": body} if body else {}))
    return answer, found


async def no_difference(
    server: TestServer, person: Person, route: str, there: dict[str, str], absent: dict[str, str]
) -> int:
    """Check that both responses and their statements are equal. Returns the status."""
    await asked(server, person, route, **absent)  # what is asked once for all, such as a version
    real, statements_real = await asked(server, person, route, **there)
    nothing, statements_nothing = await asked(server, person, route, **absent)
    assert are_indistinguishable(real, nothing)
    assert statements_real == statements_nothing
    status: int = real.status_code
    return status


@pytest.mark.parametrize("kind", ["private", "group", "direct"])
@pytest.mark.parametrize("route", OF_ROOMS)
async def test_a_private_room_is_indistinguishable_from_a_missing_one(
    server: TestServer, ada: Person, bob: Person, route: str, kind: str
) -> None:
    room = await ada.makes_room(kind, await server.person(ada.http, "eve"))
    ids = {"user": ada.id, "user_id": ada.id, "seq": "1", "role": "guest"}
    ids["invite_id"] = ids["report_id"] = ids["rule_id"] = str(uuid4())
    status = await no_difference(
        server, bob, route, ids | {"room_id": room}, ids | {"room_id": str(uuid4())}
    )
    assert status == 404


@pytest.mark.cluster
async def test_requests_do_not_wait_for_the_lock_of_an_invisible_room(
    cluster_server: TestServer,
) -> None:
    """A request that waited for it would be `busy` after five seconds."""
    database = cluster_server.context.database

    @asynccontextmanager
    async def locked(room: str) -> AsyncIterator[None]:
        async with database._engines.write.begin() as holder:
            await holder.execute(select(Room).where(Room.id == UUID(room)).with_for_update())
            yield

    async with cluster_server.client() as http:
        ada, bob = await cluster_server.people(http, "ada", "bob")
        room = await ada.makes_room("private")
        ids = {"room_id": room, "user": ada.id, "user_id": ada.id, "seq": "1", "role": "guest"}
        ids["invite_id"] = ids["report_id"] = ids["rule_id"] = str(uuid4())
        for route in OF_ROOMS:
            async with locked(room):  # for each one anew: a lock that is held for long is lost
                answer, _ = await asked(cluster_server, bob, route, **ids)
            assert_problem(answer, "not_found")
        bobs = Actor(UUID(bob.id), UUID(bob.session), is_admin=False, expires_at=now())
        request = SendRequest(bobs, UUID(room), "n", Content(text="x"))
        async with locked(room):
            with pytest.raises(NotFound):
                await commit_individually(database, LIMITS, request)


async def test_a_session_of_another_user_is_indistinguishable_from_a_missing_one(
    server: TestServer, ada: Person, bob: Person
) -> None:
    route = "DELETE /auth/sessions/{session_id}"
    there, absent = {"session_id": ada.session}, {"session_id": str(uuid4())}
    assert await no_difference(server, bob, route, there, absent) == 404


@pytest.mark.parametrize("route", ITEMS)
async def test_an_item_of_another_user_is_indistinguishable_from_a_missing_one(
    server: TestServer, ada: Person, bob: Person, route: str
) -> None:
    room = await ada.makes_room("private", bob)
    due_at = (now() + timedelta(hours=1)).isoformat()
    scheduled = await ada.post(f"/rooms/{room}/scheduled", text="x", nonce="n", due_at=due_at)
    reminder = await ada.post("/users/me/reminders", room=room, due_at=due_at)
    there = {
        "scheduled_id": assert_ok(scheduled, 201)["id"],
        "reminder_id": assert_ok(reminder, 201)["id"],
    }
    absent = dict.fromkeys(there, str(uuid4()))
    assert await no_difference(server, bob, route, there, absent) == 404


async def test_a_report_in_a_room_that_one_does_not_see_is_indistinguishable_from_a_missing_one(
    server: TestServer, ada: Person, bob: Person
) -> None:
    eve = await server.person(ada.http, "eve")
    room = await ada.makes_room("private", eve)
    path = f"/rooms/{room}/members/{eve.id}/reports"
    report = assert_ok(await ada.post(path, reason="spam"), 201)
    there, absent = {"report_id": report["id"]}, {"report_id": str(uuid4())}
    assert await no_difference(server, bob, RESOLUTION, there, absent) == 404


@pytest.mark.parametrize("route", OF_ADMINISTRATORS)
async def test_what_only_administrators_do_does_not_reveal_whether_its_object_exists(
    server: TestServer, ada: Person, bob: Person, route: str
) -> None:
    admin = await server.administrator(ada.http)
    group = await admin.makes_group(unique_username("team"), ada)
    rule = {"kind": "word", "expression": unique_username("word"), "action": "report"}
    made = assert_ok(await admin.post("/filters", **rule), 201)
    there = {"user_id": ada.id, "group_id": group, "rule_id": made["id"]}
    absent = dict.fromkeys(there, str(uuid4()))
    assert await no_difference(server, bob, route, there, absent) == 403


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_removing_a_non_member_does_not_reveal_whether_the_user_exists(
    server: TestServer, ada: Person, bob: Person, method: str
) -> None:
    route = f"{method} /rooms/{{room_id}}/members/{{user_id}}"
    room = {"room_id": await bob.makes_room("private")}
    there, absent = room | {"user_id": ada.id}, room | {"user_id": str(uuid4())}
    assert await no_difference(server, bob, route, there, absent) == 404


def test_every_route_with_an_id_is_tested() -> None:
    with_ids = {route.name.replace(API, "") for route in every_route() if "_id}" in route.path}
    single = {"DELETE /auth/sessions/{session_id}", RESOLUTION}
    tested = {*OF_ROOMS, *ITEMS, *OF_ADMINISTRATORS, *single}
    assert with_ids == tested | VISIBLE


async def told(server: TestServer, peer: Peer, type_: str, room: str) -> tuple[Frame, list[str]]:
    with recorded_statements(server.context.database) as found:
        answer = await peer.ask(type_, **filled(FRAMES[type_], room=room))
    return {key: value for key, value in answer.items() if key not in {"id", "room"}}, found


@pytest.mark.parametrize("type_", FRAMES)
async def test_frames_do_not_reveal_whether_a_room_exists(
    server: TestServer, ada: Person, bob: Person, type_: str
) -> None:
    room = await ada.makes_room("private")
    async with dial(server.url) as peer:
        await peer.send("hello", token=bob.access)
        await peer.expect("rooms")
        real, statements_real = await told(server, peer, type_, room)
        nothing, statements_nothing = await told(server, peer, type_, str(uuid4()))
    assert real == nothing
    assert statements_real == statements_nothing


@pytest.mark.parametrize("type_", ["message.send", "message.edit"])
async def test_the_filter_of_the_server_does_not_reveal_whether_a_room_exists(
    server: TestServer, ada: Person, bob: Person, type_: str
) -> None:
    admin = await server.administrator(ada.http)
    rule = {"kind": "word", "expression": "pills", "action": "refuse"}
    made = assert_ok(await admin.post("/filters", **rule), 201)
    await test_frames_do_not_reveal_whether_a_room_exists(server, ada, bob, type_)
    assert_ok(await admin.delete(f"/filters/{made['id']}"), 204)


async def test_presence_does_not_reveal_whether_a_user_exists(
    server: TestServer, ada: Person, bob: Person
) -> None:
    async with dial(server.url) as peer:
        await peer.send("hello", token=bob.access)
        await peer.expect("rooms")
        answers = []
        for user in (ada.id, str(uuid4())):
            with recorded_statements(server.context.database) as found:
                (state,) = (await peer.ask("presence.subscribe", users=[user]))["users"]
            answers.append((state["state"], found))
    assert answers[0] == answers[1]
    assert answers[0][0] == "unknown"


def test_every_frame_with_a_room_is_tested() -> None:
    assert set(CLIENT_FRAMES) == FRAMES.keys() | WITHOUT_ROOM
