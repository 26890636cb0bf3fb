"""Read markers and badges."""

import asyncio

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages


async def badge(person: Person, room: str) -> tuple[int, int, int]:
    found = await person.room(room)
    return found["read_seq"], found["unread"], found["mentions"]


async def test_messages_of_others_are_unread_until_read(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, "4", f"5 @{bob.username}", "6")
    assert await badge(bob, room) == (3, 3, 1)
    assert await badge(ada, room) == (6, 0, 0)  # who writes has read
    read = assert_ok(await bob.put(f"/rooms/{room}/read", seq=5))
    assert read == {"seq": 5, "unread": 1, "mentions": 0}
    assert await badge(bob, room) == (5, 1, 0)
    assert assert_ok(await bob.put(f"/rooms/{room}/read", seq=6))["unread"] == 0


async def test_a_read_marker_never_moves_back_or_beyond_the_head(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, *"45678")
    for seq, marker in ((6, 6), (4, 6), (0, 6), (7, 7), (2**53 - 1, 8), (5, 8)):
        assert assert_ok(await bob.put(f"/rooms/{room}/read", seq=seq))["seq"] == marker
    await ada.says(room, "9")
    assert await badge(bob, room) == (8, 1, 0)


async def test_concurrent_read_markers_end_at_the_highest(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, *(str(n) for n in range(20)))
    for answer in await asyncio.gather(
        *(bob.put(f"/rooms/{room}/read", seq=seq) for seq in (7, 23, 5, 14, 21, 3, 20, 10))
    ):
        assert 3 <= assert_ok(answer)["seq"] <= 23
    assert await badge(bob, room) == (23, 0, 0)


async def test_members_see_the_read_markers_of_others(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    await bob.says(room, "4")
    assert_ok(await ada.put(f"/rooms/{room}/read", seq=4))
    (members,) = await all_pages(bob, f"/rooms/{room}/members")
    assert {m["user"]["id"]: m["read_seq"] for m in members} == {ada.id: 4, bob.id: 4}


@pytest.mark.parametrize("seq", [-1, 2**53, "5", 5.0, None, True, "", [1]], ids=repr)
async def test_invalid_read_markers_are_refused(ada: Person, seq: object) -> None:
    room = await ada.makes_room()
    assert_problem(await ada.put(f"/rooms/{room}/read", seq=seq), "invalid", "seq")


async def test_mentions_count_for_members_mentioned_by_others(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob)
    bob_s, eve_s = f"@{bob.username}", f"@{eve.username}"
    await ada.says(
        room,
        f"{bob_s} {bob_s} {bob_s.upper()}",  # once per message
        f"({bob_s}), hello",
        f"{bob_s}. {eve_s}",
        f"mail to ada{bob_s}",  # inside a word
        f"{bob_s}x",  # somebody else
        bob.username,
        f"@{ada.username} @{ada.username}",  # oneself
    )
    assert (await badge(bob, room))[1:] == (7, 3)
    assert (await badge(ada, room))[1:] == (0, 0)
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[eve.id]))
    assert (await badge(eve, room))[1:] == (0, 0)  # was none of the room then
