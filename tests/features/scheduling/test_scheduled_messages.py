"""Messages that are sent later: once, with the rights of that time."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from app.core.clock import now
from app.persistence.item_tables import ScheduledMessage
from app.scheduling.job import Schedule
from testkit.answers import assert_ok, assert_problem
from testkit.limits import LIMITS
from testkit.people import Person, all_pages
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend
from testkit.waiting import eventually

PAST = "2020-01-01T00:00:00Z"


def later(**more: float) -> str:
    return (now() + timedelta(**(more or {"hours": 1}))).isoformat()


async def schedule(person: Person, room: str, **body: Any) -> dict[str, Any]:
    body = {"text": "later", "nonce": "n", "due_at": later()} | body
    scheduled: dict[str, Any] = assert_ok(
        await person.post(f"/rooms/{room}/scheduled", **body), 201
    )
    return scheduled


async def scheduled(person: Person) -> list[dict[str, Any]]:
    return [item for page in await all_pages(person, "/users/me/scheduled") for item in page]


async def texts(person: Person, room: str) -> list[str]:
    page = assert_ok(await person.get(f"/rooms/{room}/messages"))
    return [message["text"] for message in page["items"]]


async def is_sent(person: Person, room: str, text: str) -> bool:
    return text in await texts(person, room)


async def has_failed(person: Person, error: str) -> bool:
    return [item["error"] for item in await scheduled(person)] == [error]


async def make_due(server: TestServer, id_: str) -> datetime:
    due_at = now() - timedelta(seconds=1)
    async with server.context.database._engines.write.begin() as connection:
        await connection.execute(
            update(ScheduledMessage).where(ScheduledMessage.id == UUID(id_)).values(due_at=due_at)
        )
    return due_at


async def test_a_list_has_a_scheduled_message_as_its_creation_answered(ada: Person) -> None:
    """It has a null only for fields that the schema requires."""
    item = await schedule(ada, await ada.makes_room())
    assert await scheduled(ada) == [item]
    assert "reply_to" not in item


async def test_a_scheduled_message_is_sent_at_its_time(
    server: TestServer, ada: Person, bob: Person
) -> None:
    """The rows say that the time has come: no test waits for a time."""
    room = await ada.makes_room("private", bob)
    (question,) = await bob.says(room, "question")
    item = await schedule(ada, room, reply_to=question)
    assert await scheduled(ada) == [item]
    assert (item["state"], item["error"], item["room"]) == ("pending", None, room)
    assert await scheduled(bob) == []
    assert await texts(bob, room) == ["question"]
    due_at = await make_due(server, item["id"])
    await eventually(lambda: is_sent(bob, room, "later"))
    message = assert_ok(await bob.get(f"/rooms/{room}/messages"))["items"][-1]
    assert message["nonce"] == f"scheduled:{item['id']}"
    assert (message["sender"], message["reply_to"]) == (ada.id, question)
    assert datetime.fromisoformat(message["at"]) >= due_at
    assert await scheduled(ada) == []


async def test_scheduling_with_the_same_nonce_is_done_once(ada: Person) -> None:
    room = await ada.makes_room()
    answers = await asyncio.gather(
        *(
            ada.post(f"/rooms/{room}/scheduled", text="x", nonce="n", due_at=later())
            for _ in range(5)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    body = {"nonce": "n", "due_at": later()}
    refused = await ada.post(f"/rooms/{room}/scheduled", text="another", **body)
    assert_problem(refused, "nonce_conflict")
    item = (await scheduled(ada))[0]
    assert_ok(await ada.patch(f"/scheduled/{item['id']}", text="edited", due_at=PAST))
    await eventually(lambda: is_sent(ada, room, "edited"))
    again = assert_ok(await ada.post(f"/rooms/{room}/scheduled", text="x", **body))
    assert (again["id"], again["state"]) == (item["id"], "sent")
    assert await texts(ada, room) == ["edited"]


async def test_a_pending_message_is_changed_and_deleted(ada: Person, bob: Person) -> None:
    room = await ada.makes_room()
    item = await schedule(ada, room, reply_to=2)
    path, due_at = f"/scheduled/{item['id']}", later(days=2).replace("+00:00", "Z")
    changed = assert_ok(await ada.patch(path, text="new", due_at=due_at))
    assert changed == item | {"text": "new", "due_at": due_at}
    assert changed.pop("reply_to") == 2
    for change in ({"reply_to": None}, {}, {"text": None}):
        assert assert_ok(await ada.patch(path, **change)) == changed
    assert_problem(await bob.patch(path, text="not bob's"), "not_found")
    assert_problem(await bob.delete(path), "not_found")
    assert_ok(await ada.delete(path), 204)
    assert_problem(await ada.delete(path), "not_found")
    assert await scheduled(ada) == []
    events = assert_ok(await ada.get("/users/me/events"))["items"]
    changes = [event["item_id"] for event in events if event["item"] == "scheduled"]
    assert changes == [item["id"]] * 4


async def test_a_message_that_was_sent_cannot_be_changed(ada: Person) -> None:
    room = await ada.makes_room()
    path = f"/scheduled/{(await schedule(ada, room, due_at=PAST))['id']}"
    await eventually(lambda: is_sent(ada, room, "later"))
    assert_problem(await ada.patch(path, text="too late"), "not_pending")
    assert_problem(await ada.delete(path), "not_pending")


@pytest.mark.parametrize(
    ("change", "error"), [("removed", "not_found"), ("archived", "room_archived")]
)
async def test_the_rights_are_those_of_the_time_of_sending(
    server: TestServer, ada: Person, bob: Person, change: str, error: str
) -> None:
    """A refusal is told, and stays until it is deleted."""
    room = await ada.makes_room("private", bob)
    item = await schedule(bob, room)
    if change == "removed":
        assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    else:
        assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    await make_due(server, item["id"])
    await eventually(lambda: has_failed(bob, error))
    assert await texts(ada, room) == []
    path = f"/scheduled/{item['id']}"
    assert_problem(await bob.patch(path, text="again"), "not_pending")
    assert_ok(await bob.delete(path), 204)
    assert await scheduled(bob) == []


async def test_a_reply_to_a_missing_message_fails(ada: Person) -> None:
    room = await ada.makes_room()
    await schedule(ada, room, due_at=PAST, reply_to=99)
    await eventually(lambda: has_failed(ada, "invalid"))


async def test_messages_of_a_banned_user_fail(server: TestServer, ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    item = await schedule(bob, room)
    admin = await server.administrator(ada.http)
    assert_ok(await admin.put(f"/users/{bob.id}/ban"))
    await make_due(server, item["id"])

    async def is_failed() -> bool:
        async with server.context.database._engines.read.connect() as connection:
            row = await connection.execute(
                ScheduledMessage.__table__.select().where(ScheduledMessage.id == UUID(item["id"]))
            )
            return bool(row.one().error == "forbidden")

    await eventually(is_failed)
    assert await texts(ada, room) == []


async def test_an_edit_and_the_sending_of_a_message_do_not_mix(
    server: TestServer, ada: Person
) -> None:
    """Whatever comes first: the text that was sent is the one of the last edit that succeeded."""
    room = await ada.makes_room()
    for number in range(5):
        item = await schedule(ada, room, nonce=f"n{number}", text=f"first {number}")
        await make_due(server, item["id"])
        schedules = [Schedule(server.context.database, LIMITS) for _ in range(3)]
        edit, _ = await asyncio.gather(
            ada.patch(f"/scheduled/{item['id']}", text=f"edited {number}"),
            asyncio.gather(*(one.run_due() for one in schedules)),
        )
        if edit.status_code == 200:
            await schedules[0].run_due()
            await eventually(partial(is_sent, ada, room, f"edited {number}"))
        else:
            assert_problem(edit, "not_pending")
            assert await is_sent(ada, room, f"first {number}")
    assert len(await texts(ada, room)) == 5


async def test_only_members_schedule_messages(ada: Person, bob: Person) -> None:
    public, private = await ada.makes_room(), await ada.makes_room("private")
    archived = await ada.makes_room()
    assert_ok(await ada.delete(f"/rooms/{archived}"), 204)
    body = {"text": "x", "nonce": "n", "due_at": later()}
    for person, room, code in (
        (bob, public, "forbidden"),
        (bob, private, "not_found"),
        (ada, archived, "room_archived"),
    ):
        assert_problem(await person.post(f"/rooms/{room}/scheduled", **body), code)


@pytest.mark.parametrize(
    "due_at",
    [
        *("", "tomorrow", "2030-01-01", "2030-01-01T00:00:00", "20300101T000000Z", 1, None),
        *("2030-13-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "2200-01-01T00:00:00Z"),
    ],
    ids=repr,
)
async def test_an_invalid_time_is_refused(ada: Person, due_at: object) -> None:
    room = await ada.makes_room()
    body = {"text": "x", "nonce": "n", "due_at": due_at}
    assert_problem(await ada.post(f"/rooms/{room}/scheduled", **body), "invalid")


async def test_a_time_before_all_times_is_due_at_once(ada: Person) -> None:
    room = await ada.makes_room()
    item = await schedule(ada, room, due_at="0001-01-01T00:00:00+23:59")
    assert item["due_at"] == "1970-01-01T00:00:00Z"
    await eventually(lambda: is_sent(ada, room, "later"))


@pytest.mark.setting("CHAT_LIMITS__MAX_SCHEDULED", "CHAT_LIMITS__MAX_SCHEDULE_DAYS")
async def test_the_number_and_the_times_of_scheduled_messages_are_limited(backend: Backend) -> None:
    limits = {"max_scheduled": 2, "max_schedule_days": 3}
    async with (
        run_server(without_limits(backend.override(limits=limits))) as server,
        server.client() as http,
    ):
        ada = await server.person(http)
        room = await ada.makes_room()
        item = await schedule(ada, room, nonce="a", due_at=later(days=2.9))
        await schedule(ada, room, nonce="b", due_at=later(days=2.9))
        body = {"text": "x", "nonce": "c", "due_at": later()}
        refused = assert_problem(await ada.post(f"/rooms/{room}/scheduled", **body), "too_many")
        assert "2 scheduled messages" in refused["detail"]
        assert_ok(await ada.delete(f"/scheduled/{item['id']}"), 204)
        body["due_at"] = later(days=3.1)
        refused = assert_problem(await ada.post(f"/rooms/{room}/scheduled", **body), "invalid")
        assert "3 days" in refused["detail"]
        await schedule(ada, room, nonce="c")
