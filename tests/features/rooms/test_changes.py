"""Rename, topic, archive, restore."""

from itertools import product
from typing import Any

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person


async def last_details(person: Person, room: str) -> dict[str, Any]:
    event = (await person.log(room))[-1]
    assert event["type"] == "room.changed"
    details: dict[str, Any] = event["details"]
    return details


async def test_name_and_topic_change_in_one_event(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("public", bob, name="Old")
    changed = assert_ok(await ada.patch(f"/rooms/{room}", name=" New ", topic="why 🤔"))
    assert (changed["name"], changed["topic"], changed["seq"]) == ("New", "why 🤔", 4)
    assert await last_details(bob, room) == {
        "kind": "public",
        "name": "New",
        "topic": "why 🤔",
        "archived": False,
    }
    assert (await bob.room(room))["name"] == "New"


async def test_absent_and_null_fields_of_a_room_do_not_change(ada: Person) -> None:
    room = await ada.makes_room(name="Name")
    assert_ok(await ada.patch(f"/rooms/{room}", topic="topic"))
    changed = assert_ok(await ada.patch(f"/rooms/{room}", topic="", name=None))
    assert (changed["name"], changed["topic"]) == ("Name", "")


@pytest.mark.parametrize(
    "body", [{}, {"name": "A room"}, {"topic": ""}, {"archived": False}, {"name": None}], ids=str
)
async def test_an_update_that_changes_nothing_is_no_event(
    ada: Person, body: dict[str, Any]
) -> None:
    room = await ada.makes_room()
    assert assert_ok(await ada.patch(f"/rooms/{room}", **body))["seq"] == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *product(["name"], ["", "  ", "x" * 65, "a\0", 5]),
        *product(["topic"], ["x" * 501, "\0", []]),
        *product(["archived"], ["true", 1, "no"]),
        ("kind", "private"),
    ],
    ids=ascii,
)
async def test_invalid_room_changes_are_refused(ada: Person, field: str, value: object) -> None:
    room = await ada.makes_room()
    assert_problem(await ada.patch(f"/rooms/{room}", **{field: value}), "invalid", field)
    assert (await ada.room(room))["seq"] == 2


async def test_an_archived_room_is_read_only(ada: Person, bob: Person, eve: Person) -> None:
    room = await ada.makes_room("public", bob)
    (seq,) = await ada.says(room, "the last word")
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    assert (await last_details(bob, room))["archived"]
    before = await bob.log(room)
    for refusal in (
        await bob.sends(room),
        await bob.sends(room, reply_to=seq),
        await ada.patch(f"/rooms/{room}", name="x"),
        await ada.patch(f"/rooms/{room}", topic="x"),
        await ada.patch(f"/rooms/{room}", topic="x", archived=True),
        await ada.post(f"/rooms/{room}/members", users=[eve.id]),
        await ada.patch(f"/rooms/{room}/members/{bob.id}", role="admin"),
        await ada.delete(f"/rooms/{room}/members/{bob.id}"),
        await eve.post(f"/rooms/{room}/join"),
    ):
        assert_problem(refusal, "room_archived")
    assert await bob.log(room) == before
    # It can be read, and one may go.
    assert (
        assert_ok(await bob.get(f"/rooms/{room}/messages"))["items"][-1]["text"] == "the last word"
    )
    assert assert_ok(await bob.put(f"/rooms/{room}/read", seq=5))["unread"] == 0
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)


async def test_a_repeated_send_is_acknowledged_in_an_archived_room(ada: Person) -> None:
    """The response was lost and the room archived: the repeated send returns the first message."""
    room = await ada.makes_room()
    first = assert_ok(await ada.sends(room, nonce="n"), 201)
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    assert assert_ok(await ada.sends(room, nonce="n"), 200) == first
    assert_problem(await ada.sends(room, nonce="m"), "room_archived")


async def test_archiving_again_changes_nothing(ada: Person) -> None:
    room = await ada.makes_room()
    for _ in range(2):
        assert_ok(await ada.delete(f"/rooms/{room}"), 204)
        assert assert_ok(await ada.patch(f"/rooms/{room}", archived=True))["seq"] == 3


async def test_a_restored_room_works_as_before(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    # Restored and renamed at once, in one event.
    restored = assert_ok(await ada.patch(f"/rooms/{room}", archived=False, name="Back"))
    assert (restored["archived"], restored["name"], restored["seq"]) == (False, "Back", 5)
    assert_ok(await bob.sends(room), 201)


async def test_a_room_can_be_renamed_and_archived_in_one_request(ada: Person) -> None:
    """The room is not archived yet when the topic changes."""
    room = await ada.makes_room()
    closed = assert_ok(await ada.patch(f"/rooms/{room}", archived=True, topic="closed"))
    assert (closed["archived"], closed["topic"], closed["seq"]) == (True, "closed", 3)
