"""Messages are marked as unread: the read marker goes right before one of them."""

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages

pytestmark = pytest.mark.usefixtures("unpaced_markers")


async def shown(person: Person, room: str) -> tuple[int, int, int]:
    view = await person.room(room)
    return view["read_seq"], view["unread"], view["mentions"]


async def mark_unread(person: Person, room: str, seq: int) -> tuple[int, int, int]:
    """The marker and the counts of the answer, which are those of the room."""
    answer = assert_ok(await person.post(f"/rooms/{room}/unread", seq=seq))
    assert await shown(person, room) == (answer["seq"], answer["unread"], answer["mentions"])
    return answer["seq"], answer["unread"], answer["mentions"]


async def test_a_marker_moves_back_and_forward(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, "4", f"5 @{bob.username}", "6", f"7 @{bob.username}")
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=7))
    assert await mark_unread(bob, room, 6) == (5, 2, 1)
    assert await mark_unread(bob, room, 5) == (4, 3, 2)
    assert await mark_unread(bob, room, 5) == (4, 3, 2)  # again
    assert await mark_unread(bob, room, 7) == (6, 1, 1)
    assert assert_ok(await bob.put(f"/rooms/{room}/read", seq=5))["seq"] == 6


@pytest.mark.parametrize("seq", [0, 1, 2, 3, 4])
async def test_a_marker_goes_before_the_first_message(ada: Person, bob: Person, seq: int) -> None:
    """Also before the events that came first, which do not count."""
    room = await ada.makes_room("private", bob)
    await ada.says(room, "4", "5")
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=5))
    assert await mark_unread(bob, room, seq) == (max(seq - 1, 0), 2, 0)


@pytest.mark.parametrize("seq", [6, 7, 2**53 - 1])
async def test_a_marker_goes_no_further_than_the_newest_event(
    ada: Person, bob: Person, seq: int
) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, "4", "5")
    assert await mark_unread(bob, room, seq) == (5, 0, 0)
    await ada.says(room, "6")
    assert await shown(bob, room) == (5, 1, 0)


async def test_own_messages_after_the_marker_are_not_unread(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, "4", f"5 @{bob.username}")
    await bob.says(room, "6", f"7 @{bob.username}")
    await ada.says(room, "8")
    assert await shown(bob, room) == (7, 1, 0)
    assert await mark_unread(bob, room, 4) == (3, 3, 1)
    assert await mark_unread(bob, room, 6) == (5, 1, 0)
    await bob.says(room, "9")
    assert await shown(bob, room) == (9, 0, 0)
    assert await mark_unread(bob, room, 5) == (4, 2, 1)


async def test_what_was_said_before_one_came_can_be_marked_as_unread(
    ada: Person, bob: Person
) -> None:
    """A mention counts only for those who were members then, and oneself does not."""
    room = await ada.makes_room()
    await ada.says(room, "3", f"4 @{bob.username}")
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    await bob.says(room, "6")
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    await ada.says(room, f"8 @{bob.username}")
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    assert await shown(bob, room) == (9, 0, 0)
    assert await mark_unread(bob, room, 1) == (0, 3, 0)
    await ada.says(room, f"10 @{bob.username}")
    assert await shown(bob, room) == (0, 4, 1)


async def test_a_room_marked_as_unread_goes_on(ada: Person, bob: Person) -> None:
    """Messages and mentions after it are counted, and reading ends it."""
    room = await ada.makes_room("private", bob)
    await ada.says(room, "4", "5", "6")
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=6))
    assert await mark_unread(bob, room, 5) == (4, 2, 0)
    await ada.says(room, f"7 @{bob.username}")
    assert await shown(bob, room) == (4, 3, 1)
    read = assert_ok(await bob.put(f"/rooms/{room}/read", seq=6))
    assert read == {"seq": 6, "unread": 1, "mentions": 1}
    assert assert_ok(await bob.put(f"/rooms/{room}/read", seq=7))["unread"] == 0
    await ada.says(room, "8")
    assert await shown(bob, room) == (7, 1, 0)


async def test_members_see_a_marker_that_was_moved_back(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, "4", "5")
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=5))
    await mark_unread(bob, room, 4)
    (members,) = await all_pages(ada, f"/rooms/{room}/members")
    assert {m["user"]["id"]: m["read_seq"] for m in members} == {ada.id: 5, bob.id: 3}


async def test_an_archived_room_can_be_marked_as_unread(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, "4")
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=5))
    assert await mark_unread(bob, room, 4) == (3, 1, 0)


async def test_only_members_mark_as_unread(ada: Person, bob: Person) -> None:
    public, private = await ada.makes_room(), await ada.makes_room("private")
    assert_problem(await bob.post(f"/rooms/{public}/unread", seq=1), "forbidden")
    assert_problem(await bob.post(f"/rooms/{private}/unread", seq=1), "not_found")


@pytest.mark.parametrize("seq", [-1, 2**53, "5", 5.0, None, True, "", [1]], ids=repr)
async def test_an_invalid_seq_is_refused(ada: Person, seq: object) -> None:
    room = await ada.makes_room()
    assert_problem(await ada.post(f"/rooms/{room}/unread", seq=seq), "invalid", "seq")
