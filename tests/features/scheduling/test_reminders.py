"""Reminders: they fire once, at their time."""

import asyncio
from typing import Any

import pytest

from app.scheduling.job import Schedule
from testkit.answers import assert_ok, assert_problem
from testkit.limits import LIMITS
from testkit.people import Person, all_pages
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend
from testkit.waiting import eventually
from tests.features.scheduling.test_scheduled_messages import PAST, later


async def remind(person: Person, room: str, **body: Any) -> dict[str, Any]:
    body = {"room": room, "due_at": later()} | body
    reminder: dict[str, Any] = assert_ok(await person.post("/users/me/reminders", **body), 201)
    return reminder


async def reminders(person: Person) -> list[dict[str, Any]]:
    return [item for page in await all_pages(person, "/users/me/reminders") for item in page]


async def has_fired(person: Person) -> bool:
    return all(item["fired_at"] for item in await reminders(person))


async def changes(person: Person) -> int:
    events = assert_ok(await person.get("/users/me/events"))["items"]
    return sum(event["item"] == "reminder" for event in events)


async def test_a_reminder_fires_at_its_time(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    (seq,) = await bob.says(room, "x")
    item = await remind(ada, room, seq=seq, note="answer", due_at=later(seconds=1.5))
    assert (item["room"], item["seq"], item["note"]) == (room, seq, "answer")
    assert item["fired_at"] is None
    assert await reminders(ada) == [item]
    assert await reminders(bob) == []
    await eventually(lambda: has_fired(ada))
    (fired,) = await reminders(ada)
    assert fired == item | {"fired_at": fired["fired_at"]}
    assert fired["fired_at"] >= item["due_at"]
    assert await changes(ada) == 2


async def test_a_reminder_fires_once(server: TestServer, ada: Person) -> None:
    room = await ada.makes_room()
    for _ in range(5):
        await remind(ada, room, due_at=PAST)
    schedules = [Schedule(server.context.database, LIMITS) for _ in range(3)]
    await asyncio.gather(*(schedule.run_due() for schedule in schedules))
    await eventually(lambda: has_fired(ada))
    assert await changes(ada) == 10


async def test_a_reminder_is_changed_and_deleted(ada: Person, bob: Person) -> None:
    room = await ada.makes_room()
    item = await remind(ada, room, due_at=PAST)
    path = f"/users/me/reminders/{item['id']}"
    await eventually(lambda: has_fired(ada))
    changed = assert_ok(await ada.patch(path, note="new"))
    assert changed["note"] == "new"
    assert changed["fired_at"], "the time is the same"
    due_at = later(days=1).replace("+00:00", "Z")
    again = assert_ok(await ada.patch(path, due_at=due_at))
    assert again == item | {"note": "new", "due_at": due_at}
    assert assert_ok(await ada.patch(path)) == again
    assert_problem(await bob.patch(path, note="x"), "not_found")
    assert_problem(await bob.delete(path), "not_found")
    assert_ok(await ada.delete(path), 204)
    assert_problem(await ada.delete(path), "not_found")
    assert await reminders(ada) == []
    assert await changes(ada) == 5


async def test_only_what_the_caller_may_read_has_reminders(ada: Person, bob: Person) -> None:
    public, private = await ada.makes_room(), await ada.makes_room("private")
    for room, code in ((public, "forbidden"), (private, "not_found")):
        body = {"room": room, "due_at": later()}
        assert_problem(await bob.post("/users/me/reminders", **body), code)
    missing: dict[str, Any] = {"room": public, "seq": 99, "due_at": later()}
    assert_problem(await ada.post("/users/me/reminders", **missing), "not_found")


@pytest.mark.parametrize(
    "body",
    [{"due_at": "soon"}, {"room": "x"}, {"note": "x" * 501}, {"seq": -1}, {"more": 1}],
    ids=repr,
)
async def test_an_invalid_reminder_is_refused(ada: Person, body: dict[str, Any]) -> None:
    valid: dict[str, Any] = {"room": await ada.makes_room(), "due_at": later()}
    assert_problem(await ada.post("/users/me/reminders", **(valid | body)), "invalid")


@pytest.mark.setting("CHAT_LIMITS__MAX_REMINDERS")
async def test_the_number_of_reminders_is_limited(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"max_reminders": 1}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        item = await remind(ada, room)
        body = {"room": room, "due_at": later()}
        assert_problem(await ada.post("/users/me/reminders", **body), "too_many")
        assert_ok(await ada.delete(f"/users/me/reminders/{item['id']}"), 204)
        await remind(ada, room)
