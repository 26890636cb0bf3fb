"""Who follows a thread, and what is unread in it."""

from typing import Any

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages
from tests.features.threads.thread_steps import counts, reply, thread, unread_threads


@pytest.fixture
async def room(ada: Person, bob: Person, eve: Person) -> str:
    """A room in which Ada has said 5."""
    room = await ada.makes_room("private", bob, eve)
    assert await ada.says(room, "root") == [5]
    return room


async def user_events(person: Person) -> list[str]:
    page = assert_ok(await person.get("/users/me/events"))
    return [event["type"] for event in page["items"]]


async def test_the_author_of_the_root_follows_from_its_first_reply_on(
    ada: Person, bob: Person, eve: Person, room: str
) -> None:
    assert await counts(ada, room, 5) == (False, 0, 0)
    first = await reply(bob, room, 5)
    assert await counts(ada, room, 5) == (True, 1, 0)
    assert (await thread(ada, room, 5))["read_seq"] == 5
    assert await counts(bob, room, 5) == (True, 0, 0)
    assert (await thread(bob, room, 5))["read_seq"] == first
    assert await counts(eve, room, 5) == (False, 0, 0)


async def test_who_is_mentioned_in_a_thread_follows_it_from_there(
    ada: Person, bob: Person, eve: Person, room: str
) -> None:
    await reply(bob, room, 5)
    await reply(bob, room, 5, f"@{eve.username}")
    await reply(ada, room, 5, f"@{eve.username} @{ada.username}")
    await reply(ada, room, 5)
    assert await counts(eve, room, 5) == (True, 3, 2)
    assert await counts(ada, room, 5) == (True, 0, 0)
    shown = await eve.room(room)
    assert (shown["unread"], shown["mentions"], shown["unread_threads"]) == (1, 0, 1)


async def test_a_mention_in_a_reply_that_is_also_in_the_room_counts_in_both(
    ada: Person, bob: Person, eve: Person, room: str
) -> None:
    await reply(bob, room, 5, f"@{eve.username}", also_in_room=True)
    assert await counts(eve, room, 5) == (True, 1, 1)
    assert (await eve.room(room))["mentions"] == 1


async def test_who_is_mentioned_by_an_edit_of_a_reply_follows(
    bob: Person, eve: Person, room: str
) -> None:
    seq = await reply(bob, room, 5)
    path = f"/rooms/{room}/messages/{seq}"
    assert_ok(await bob.patch(path, text=f"@{eve.username}", version=1))
    assert await counts(eve, room, 5) == (True, 1, 1)
    assert (await eve.room(room))["mentions"] == 0
    assert_ok(await bob.patch(path, text="nobody", version=2))
    assert await counts(eve, room, 5) == (True, 1, 0)


async def test_who_does_not_follow_any_more_is_not_made_to(
    ada: Person, bob: Person, eve: Person, room: str
) -> None:
    await reply(eve, room, 5)
    assert assert_ok(await eve.delete(f"/rooms/{room}/threads/5/follow"))["following"] is False
    await reply(bob, room, 5, f"@{eve.username}")
    await reply(eve, room, 5)
    await reply(bob, room, 5)
    assert await counts(eve, room, 5) == (False, 0, 0)
    assert await unread_threads(eve, room) == 0
    followed = assert_ok(await eve.put(f"/rooms/{room}/threads/5/follow"))
    assert (followed["following"], followed["unread"]) == (True, 0)
    await reply(bob, room, 5)
    assert await counts(eve, room, 5) == (True, 1, 0)


async def test_a_thread_is_declined_before_it_has_replies(
    ada: Person, bob: Person, room: str
) -> None:
    assert_ok(await ada.delete(f"/rooms/{room}/threads/5/follow"))
    await reply(bob, room, 5, f"@{ada.username}")
    assert await counts(ada, room, 5) == (False, 0, 0)


async def test_a_thread_is_followed_by_hand(
    ada: Person, bob: Person, eve: Person, room: str
) -> None:
    """Before its first reply, or later: what was said before counts as read."""
    (other,) = await ada.says(room, "other")
    assert_ok(await eve.put(f"/rooms/{room}/threads/{other}/follow"))
    await reply(bob, room, other)
    assert await counts(eve, room, other) == (True, 1, 0)
    await reply(bob, room, 5)
    assert_ok(await eve.put(f"/rooms/{room}/threads/5/follow"))
    assert await counts(eve, room, 5) == (True, 0, 0)
    await reply(bob, room, 5)
    assert await unread_threads(eve, room) == 2


async def test_a_marker_in_a_thread_moves_forward_only(ada: Person, bob: Person, room: str) -> None:
    seqs = [await reply(bob, room, 5) for _ in range(3)]
    path = f"/rooms/{room}/threads/5/read"
    assert assert_ok(await ada.put(path, seq=seqs[1]))["unread"] == 1
    assert assert_ok(await ada.put(path, seq=seqs[0]))["read_seq"] == seqs[1]
    assert await unread_threads(ada, room) == 1
    head = (await ada.room(room))["seq"]
    assert assert_ok(await ada.put(path, seq=2**53 - 1))["read_seq"] == head
    assert "unread_threads" not in await ada.room(room)
    await reply(bob, room, 5)
    assert await counts(ada, room, 5) == (True, 1, 0)


async def test_who_does_not_follow_has_no_marker(eve: Person, bob: Person, room: str) -> None:
    seq = await reply(bob, room, 5)
    found = assert_ok(await eve.put(f"/rooms/{room}/threads/5/read", seq=seq))
    assert (found["following"], found["read_seq"], found["unread"]) == (False, 0, 0)


async def test_a_reply_moves_the_senders_marker_in_the_thread_only(
    ada: Person, bob: Person, room: str
) -> None:
    await ada.says(room, "unread")
    before = (await bob.room(room))["read_seq"], (await bob.room(room))["unread"]
    await reply(ada, room, 5)
    seq = await reply(bob, room, 5)
    assert ((await bob.room(room))["read_seq"], (await bob.room(room))["unread"]) == before
    assert (await thread(bob, room, 5))["read_seq"] == seq
    await reply(ada, room, 5)
    seq = await reply(bob, room, 5, also_in_room=True)
    assert (await bob.room(room))["read_seq"] == seq
    assert (await thread(bob, room, 5))["read_seq"] == seq


async def test_deleted_replies_are_not_unread(
    ada: Person, bob: Person, eve: Person, room: str
) -> None:
    first = await reply(bob, room, 5, f"@{ada.username}")
    second = await reply(bob, room, 5)
    assert_ok(await bob.delete(f"/rooms/{room}/messages/{first}"))
    assert await counts(ada, room, 5) == (True, 1, 0)
    assert (await eve.room(room))["unread"] == 1
    assert_ok(await bob.delete(f"/rooms/{room}/messages/{second}"))
    assert await counts(ada, room, 5) == (True, 0, 0)
    assert await unread_threads(ada, room) == 0


async def test_changes_of_ones_own_are_events_of_ones_log(
    ada: Person, bob: Person, room: str
) -> None:
    await reply(bob, room, 5)
    seq = await reply(bob, room, 5)
    before = len(await user_events(ada))
    path = f"/rooms/{room}/threads/5"
    for _ in range(2):  # the second time, nothing changes
        assert_ok(await ada.put(f"{path}/read", seq=seq))
        assert_ok(await ada.put(f"{path}/follow"))
    for _ in range(2):
        assert_ok(await ada.delete(f"{path}/follow"))
    assert_ok(await ada.put(f"{path}/follow"))
    assert (await user_events(ada))[before:] == ["thread.changed"] * 3


async def test_who_leaves_follows_no_thread_any_more(
    ada: Person, bob: Person, eve: Person, room: str
) -> None:
    await reply(eve, room, 5)
    assert_ok(await eve.post(f"/rooms/{room}/leave"), 204)
    await reply(bob, room, 5)
    assert assert_ok(await eve.get("/users/me/threads"))["items"] == []
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[eve.id]))
    assert await counts(eve, room, 5) == (False, 0, 0)
    await reply(bob, room, 5, f"@{eve.username}")
    assert await counts(eve, room, 5) == (True, 1, 1)
    assert await unread_threads(eve, room) == 1


async def test_the_author_of_a_root_who_has_left_does_not_follow(
    ada: Person, bob: Person, room: str
) -> None:
    (root,) = await bob.says(room, "root")
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    await reply(ada, room, root)
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    assert await counts(bob, room, root) == (False, 0, 0)


async def test_followed_threads_are_listed_by_their_last_reply(
    ada: Person, bob: Person, room: str
) -> None:
    other = await ada.makes_room("private", bob)
    (root,) = await ada.says(other, "root")
    (later,) = await ada.says(room, "later")
    for where, seq in ((room, 5), (other, root), (room, later), (room, 5)):
        await reply(bob, where, seq, f"@{ada.username}")
    (unfollowed,) = await ada.says(room, "unfollowed")
    await reply(bob, room, unfollowed)
    assert_ok(await ada.delete(f"/rooms/{room}/threads/{unfollowed}/follow"))
    pages: list[list[dict[str, Any]]] = await all_pages(ada, "/users/me/threads", limit=2)
    assert [len(page) for page in pages] == [2, 1]
    listed = [one for page in pages for one in page]
    assert [(one["room"], one["root"]["seq"]) for one in listed] == [
        (room, 5),
        (room, later),
        (other, root),
    ]
    assert [(one["unread"], one["mentions"]) for one in listed] == [(2, 2), (1, 1), (1, 1)]
    for one in listed:
        assert one == await thread(ada, one["room"], one["root"]["seq"])


async def test_the_marker_of_an_archived_room_moves(ada: Person, bob: Person, room: str) -> None:
    seq = await reply(bob, room, 5)
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    assert assert_ok(await ada.put(f"/rooms/{room}/threads/5/read", seq=seq))["unread"] == 0
    assert_ok(await ada.delete(f"/rooms/{room}/threads/5/follow"))
    assert_problem(await ada.sends(room, "x", thread=5), "room_archived")


@pytest.mark.parametrize("seq", [-1, 2**53, "5", 5.0, None, True], ids=repr)
async def test_an_invalid_marker_is_refused(ada: Person, room: str, seq: object) -> None:
    assert_problem(await ada.put(f"/rooms/{room}/threads/5/read", seq=seq), "invalid", "seq")
