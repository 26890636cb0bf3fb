"""What a block changes for both users."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from app.persistence.tables import Room
from app.persistence.uow import UnitOfWork
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages
from testkit.server import TestServer
from tests.features.blocks.test_blocks import block, unblock
from tests.features.search.finding import indexed
from tests.features.use_cases import tomorrow

pytestmark = pytest.mark.usefixtures("unpaced_markers")


async def open_direct(person: Person, other: Person) -> Any:
    return await person.post("/rooms", kind="direct", members=[other.id])


async def test_others_are_not_told_that_a_block_is_why_a_message_does_not_notify(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    [seq] = await ada.says(room, f"@{bob.username}")
    path = f"/rooms/{room}/messages/{seq}/notification"
    await block(bob, ada)
    assert assert_ok(await bob.get(path))["reason"] == "blocked"
    assert assert_ok(await ada.get(path, user=bob.id))["reason"] != "blocked"


async def test_a_direct_room_with_somebody_who_has_blocked_one_cannot_be_opened(
    ada: Person, bob: Person
) -> None:
    await block(ada, bob)
    refused = assert_problem(await open_direct(bob, ada), "forbidden")
    assert "block" not in refused["detail"]
    own = assert_problem(await open_direct(ada, bob), "forbidden")
    assert "You have blocked" in own["detail"]
    await bob.makes_room("group", ada)
    await unblock(ada, bob)
    assert_ok(await open_direct(bob, ada), 201)


async def test_a_direct_room_that_exists_can_be_read_but_not_written_in(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("direct", bob)
    (seq,) = await ada.says(room, "from ada")
    (own,) = await bob.says(room, "from bob")
    await block(ada, bob)
    assert assert_ok(await open_direct(bob, ada))["id"] == room
    message = f"/rooms/{room}/messages/{seq}"
    before = await bob.log(room)
    for person, other_is_blocked in ((bob, False), (ada, True)):
        for answer in (
            await person.sends(room, "x"),
            await person.sends(room, "x", thread=seq),
            await person.sends(room, "?", poll={"options": ["yes", "no"]}),
            await person.put(f"{message}/reactions/🎉"),
            await person.put(f"{message}/pin"),
        ):
            detail = assert_problem(answer, "forbidden")["detail"]
            assert ("You have blocked" in detail) is other_is_blocked
    edit = {"text": "edited", "version": 1}
    assert_problem(await bob.patch(f"/rooms/{room}/messages/{own}", **edit), "forbidden")
    assert await bob.log(room) == before
    assert_ok(await bob.delete(f"/rooms/{room}/messages/{own}"))
    await unblock(ada, bob)
    await bob.says(room, "again")
    await ada.says(room, "again")


async def test_a_room_of_two_who_blocked_each_other_opens_when_both_have_unblocked(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("direct", bob)
    await block(ada, bob)
    await block(bob, ada)
    await unblock(ada, bob)
    assert "You have" in assert_problem(await bob.sends(room), "forbidden")["detail"]
    assert "You have" not in assert_problem(await ada.sends(room), "forbidden")["detail"]
    await unblock(bob, ada)
    await ada.says(room, "hello")


async def test_blocking_again_closes_a_room_that_does_not_know_of_the_block(
    server: TestServer, ada: Person, bob: Person
) -> None:
    """A process of the release before has opened it."""
    room = await bob.makes_room("direct", ada)
    await block(ada, bob)

    async def forget(uow: UnitOfWork) -> None:
        of_room = Room.id == UUID(room)
        await uow._session.execute(update(Room).where(of_room).values(blocked_by=None))

    await server.context.database.transact(forget)
    await bob.says(room, "hello")
    for _ in range(2):
        await block(ada, bob)
        assert_problem(await bob.sends(room), "forbidden")
    await unblock(ada, bob)
    await bob.says(room, "again")


async def test_permissions_that_are_shown_do_not_tell_of_a_block(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("direct", bob)
    before = (await bob.room(room))["permissions"]
    await block(ada, bob)
    assert (await bob.room(room))["permissions"] == before


async def test_a_scheduled_direct_message_of_a_blocked_user_is_refused(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("direct", bob)
    await block(ada, bob)
    body = {"text": "later", "nonce": "n", "due_at": tomorrow()}
    answer = await bob.post(f"/rooms/{room}/scheduled", **body)
    assert_problem(answer, "forbidden")


async def test_mentions_by_a_blocked_user_neither_notify_nor_count(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await bob.makes_room("private", ada, eve)
    (by_bob,) = await bob.says(room, f"@{ada.username}")
    (room_mention,) = await bob.says(room, "@room")
    (by_eve,) = await eve.says(room, f"@{ada.username}")
    assert (await ada.room(room))["mentions"] == 3
    await block(ada, bob)
    listed = await ada.room(room)
    assert (listed["unread"], listed["mentions"]) == (3, 1)
    reasons = {by_bob: "blocked", room_mention: "blocked", by_eve: "direct_mention"}
    for seq, reason in reasons.items():
        why = assert_ok(await ada.get(f"/rooms/{room}/messages/{seq}/notification"))
        assert (why["reason"], why["notify"]) == (reason, reason != "blocked")
        assert (why["unread"], why["mention"]) == (True, reason != "blocked")
    (page,) = await all_pages(ada, "/users/me/mentions")
    assert [item["message"]["seq"] for item in page] == [by_eve]
    await unblock(ada, bob)
    assert (await ada.room(room))["mentions"] == 3


async def test_a_block_writes_only_about_rooms_with_unread_mentions(
    ada: Person, bob: Person
) -> None:
    rooms = [await bob.makes_room("private", ada) for _ in range(4)]
    quiet, unread, unread_by_all, read = rooms
    await bob.says(quiet, "hello")
    await bob.says(unread, f"@{ada.username}")
    await bob.says(unread_by_all, "@room")
    (seq,) = await bob.says(read, f"@{ada.username} @room")
    assert_ok(await ada.put(f"/rooms/{read}/read", seq=seq))

    async def changed() -> list[str]:
        page = assert_ok(await ada.get("/users/me/events"))
        return [e["room"] for e in page["items"] if e["type"] == "notifications.changed"]

    await block(ada, bob)
    assert sorted(await changed()) == sorted([unread, unread_by_all])
    await unblock(ada, bob)
    assert sorted(await changed()) == sorted(2 * [unread, unread_by_all])


async def test_mentions_in_threads_by_a_blocked_user_do_not_count(ada: Person, bob: Person) -> None:
    room = await bob.makes_room("private", ada)
    (root,) = await ada.says(room, "root")
    assert_ok(await bob.sends(room, f"@{ada.username}", thread=root), 201)

    async def counts() -> tuple[int, int]:
        [thread] = assert_ok(await ada.get("/users/me/threads"))["items"]
        return thread["unread"], thread["mentions"]

    assert await counts() == (1, 1)
    await block(ada, bob)
    assert await counts() == (1, 0)


async def test_searches_leave_out_messages_of_blocked_users(
    server: TestServer, ada: Person, bob: Person, eve: Person
) -> None:
    room = await bob.makes_room("private", ada, eve)
    await bob.says(room, "needle of bob")
    await eve.says(room, "needle of eve")
    await block(ada, bob)
    await indexed(server, room)

    async def found(person: Person, **query: str) -> list[str]:
        page = assert_ok(await person.get("/search/messages", q="needle", **query))
        return [item["message"]["text"] for item in page["items"]]

    for order in ("time", "relevance"):
        assert await found(ada, order=order) == ["needle of eve"]
        assert sorted(await found(bob, order=order)) == ["needle of bob", "needle of eve"]
    await unblock(ada, bob)
    assert sorted(await found(ada)) == ["needle of bob", "needle of eve"]


async def test_messages_of_blocked_users_can_still_be_read_saved_and_forwarded(
    ada: Person, bob: Person
) -> None:
    """Clients hide them, and show them on request."""
    room, own = await bob.makes_room("private", ada), await ada.makes_room()
    (seq,) = await bob.says(room, "hello")
    await block(ada, bob)
    message = f"/rooms/{room}/messages/{seq}"
    assert assert_ok(await ada.get(message))["text"] == "hello"
    assert_ok(await ada.put(f"{message}/saved"))
    assert_ok(await ada.post(f"{message}/forward", to=own, nonce="n"), 201)


async def test_opening_a_direct_room_and_blocking_at_the_same_time_leave_no_open_room(
    ada: Person, bob: Person
) -> None:
    """Whichever comes first, bob cannot write when both are done."""
    for _ in range(5):
        opened, _ = await asyncio.gather(open_direct(bob, ada), block(ada, bob))
        room = opened.json().get("id")
        if room:
            assert_problem(await bob.sends(room), "forbidden")
        else:
            assert_problem(opened, "forbidden")
        await unblock(ada, bob)
