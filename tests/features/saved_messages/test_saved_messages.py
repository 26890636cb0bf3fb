"""Messages that a user has saved for later."""

from typing import Any

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend


async def save(person: Person, room: str, seq: int, note: str = "") -> dict[str, Any]:
    saved: dict[str, Any] = assert_ok(
        await person.put(f"/rooms/{room}/messages/{seq}/saved", note=note)
    )
    return saved


async def remove(person: Person, room: str, seq: int) -> None:
    assert_ok(await person.delete(f"/rooms/{room}/messages/{seq}/saved"), 204)


async def saved(person: Person) -> list[tuple[str, int, str]]:
    pages = await all_pages(person, "/users/me/saved")
    return [(item["room"], item["seq"], item["note"]) for page in pages for item in page]


async def changes(person: Person) -> int:
    events = assert_ok(await person.get("/users/me/events"))["items"]
    return sum(event["item"] == "saved" for event in events)


async def test_a_saved_message_has_the_message_and_the_note(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    (seq,) = await bob.says(room, "for later")
    value = await save(ada, room, seq, "answer this")
    message = assert_ok(await ada.get(f"/rooms/{room}/messages/{seq}"))
    assert assert_ok(await ada.get("/users/me/saved"))["items"] == [value | {"message": message}]
    assert await saved(bob) == []
    again = await save(ada, room, seq, "done")
    assert again == value | {"note": "done"}
    assert await saved(ada) == [(room, seq, "done")]
    await remove(ada, room, seq)
    assert await saved(ada) == []


async def test_saving_or_removing_a_message_again_changes_nothing(ada: Person) -> None:
    room = await ada.makes_room()
    (seq,) = await ada.says(room, "x")
    assert await save(ada, room, seq, "n") == await save(ada, room, seq, "n")
    assert await changes(ada) == 1
    for _ in range(2):
        await remove(ada, room, seq)
    assert await changes(ada) == 2


async def test_the_newest_saved_messages_come_first_page_by_page(ada: Person) -> None:
    rooms = [await ada.makes_room() for _ in range(2)]
    for room in rooms:
        await ada.says(room, *"abc")
    order = [(room, seq) for seq in (3, 5, 4) for room in rooms]
    for room, seq in order:
        await save(ada, room, seq)
    for size in (1, 4, 6):
        pages = await all_pages(ada, "/users/me/saved", limit=size)
        assert [len(page) for page in pages][:-1] == [size] * (len(pages) - 1)
        found = [(item["room"], item["seq"]) for page in pages for item in page]
        assert found == order[::-1]


async def test_saved_messages_of_a_room_are_seen_by_its_members_only(
    ada: Person, bob: Person
) -> None:
    left, kept = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    for room in (left, kept):
        await ada.says(room, "x", "y")
        for seq in (4, 5):
            await save(bob, room, seq)
    assert_ok(await bob.post(f"/rooms/{left}/leave"), 204)
    assert [room for room, *_ in await saved(bob)] == [kept, kept]
    await remove(bob, left, 4)
    assert_problem(await bob.put(f"/rooms/{left}/messages/5/saved"), "not_found")
    assert_ok(await ada.post(f"/rooms/{left}/members", users=[bob.id]))
    assert await saved(bob) == [(kept, 5, ""), (kept, 4, ""), (left, 5, "")]


async def test_only_messages_that_the_caller_may_read_can_be_saved(
    ada: Person, bob: Person
) -> None:
    public, private = await ada.makes_room(), await ada.makes_room("private")
    for room, code in ((public, "forbidden"), (private, "not_found")):
        path = f"/rooms/{room}/messages/{(await ada.says(room, 'x'))[0]}/saved"
        assert_problem(await bob.put(path), code)
        assert_problem(await bob.delete(path), code)
    for seq in (1, 99):  # an event that is no message, and one that does not exist
        assert_problem(await ada.put(f"/rooms/{public}/messages/{seq}/saved"), "not_found")


@pytest.mark.parametrize("cursor", ["AAAA", "eA", "!", "MSAyIDM", "LTEgMDE5M2E0ZDMgMw"])
async def test_an_invalid_cursor_is_refused(ada: Person, cursor: str) -> None:
    assert_problem(await ada.get("/users/me/saved", cursor=cursor), "invalid")


@pytest.mark.parametrize("note", ["x" * 501, "a\0", 1, None], ids=repr)
async def test_an_invalid_note_is_refused(ada: Person, note: object) -> None:
    room = await ada.makes_room()
    (seq,) = await ada.says(room, "x")
    problem = assert_problem(
        await ada.put(f"/rooms/{room}/messages/{seq}/saved", note=note), "invalid"
    )
    assert problem["errors"][0]["path"] == "note"


@pytest.mark.setting("CHAT_LIMITS__MAX_SAVED")
async def test_the_number_of_saved_messages_is_limited(backend: Backend) -> None:
    """The notes of those that exist can still be changed."""
    settings = without_limits(backend.override(limits={"max_saved": 2}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        first, second, third = await ada.says(room, *"abc")
        for seq in (first, second):
            await save(ada, room, seq)
        refused = await ada.put(f"/rooms/{room}/messages/{third}/saved")
        assert "2 messages" in assert_problem(refused, "too_many")["detail"]
        await save(ada, room, second, "changed")
        await remove(ada, room, first)
        await save(ada, room, third)
        assert await saved(ada) == [(room, third, ""), (room, second, "changed")]
