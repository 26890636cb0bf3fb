"""Replies in threads: where they are shown, and what the root says of them."""

import asyncio

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from tests.features.threads.thread_steps import reply, summary, thread, timeline


@pytest.fixture
async def room(ada: Person, bob: Person) -> str:
    """A room in which Ada has said 4."""
    room = await ada.makes_room("private", bob)
    await ada.says(room, "4")
    return room


async def test_a_reply_is_in_its_thread_and_in_the_log_only(
    ada: Person, bob: Person, room: str
) -> None:
    before = await ada.room(room)
    seq = await reply(bob, room, 4)
    assert await timeline(ada, room) == [4]
    after = await ada.room(room)
    assert after == before | {"seq": seq + 1, "unread_threads": 1}
    assert assert_ok(await ada.get(f"/rooms/{room}/messages/{seq}"))["thread"] == 4
    created, updated = (await ada.log(room))[-2:]
    assert (created["type"], created["message"]["seq"]) == ("message.created", seq)
    assert (updated["type"], updated["message"]["seq"]) == ("thread.updated", 4)
    assert updated["actor"] == bob.id
    page = assert_ok(await ada.get(f"/rooms/{room}/threads/4/messages"))
    assert [message["seq"] for message in page["items"]] == [seq]


async def test_a_reply_that_is_also_in_the_room_is_in_both(
    ada: Person, bob: Person, room: str
) -> None:
    seq = await reply(bob, room, 4, also_in_room=True)
    assert await timeline(ada, room) == [4, seq]
    shown = await ada.room(room)
    assert (shown["unread"], shown["last_message"]["seq"], shown["unread_threads"]) == (1, seq, 1)
    page = assert_ok(await ada.get(f"/rooms/{room}/threads/4/messages"))
    assert [message["also_in_room"] for message in page["items"]] == [True]


async def test_a_message_without_a_thread_has_no_such_fields(ada: Person, room: str) -> None:
    answer = assert_ok(await ada.sends(room, "plain", thread=None, also_in_room=False), 201)
    page = assert_ok(await ada.get(f"/rooms/{room}/messages"))
    for message in (answer, *page["items"]):
        assert not {"thread", "also_in_room", "thread_summary"} & message.keys()


async def test_the_root_shows_the_replies(ada: Person, bob: Person, room: str) -> None:
    assert await summary(ada, room, 4) is None
    await reply(bob, room, 4)
    await reply(ada, room, 4)
    last = await reply(ada, room, 4)
    assert await summary(ada, room, 4) == (3, last, [ada.id, bob.id])
    updated = (await ada.log(room))[-1]["message"]
    (listed,) = assert_ok(await ada.get(f"/rooms/{room}/messages"))["items"]
    root = (await thread(ada, room, 4))["root"]
    assert updated == listed == root == assert_ok(await ada.get(f"/rooms/{room}/messages/4"))


@pytest.mark.parametrize("root", [0, 1, 99, 2**53 - 1])
async def test_a_thread_needs_a_message(ada: Person, room: str, root: int) -> None:
    problem = assert_problem(await ada.sends(room, "x", thread=root), "invalid", "thread")
    missing = assert_problem(await ada.sends(room, "x", reply_to=99), "invalid", "reply_to")
    assert problem["errors"][0]["message"] == missing["errors"][0]["message"]


async def test_threads_have_one_level(ada: Person, room: str) -> None:
    for also_in_room in (False, True):
        seq = await reply(ada, room, 4, also_in_room=also_in_room)
        assert_problem(await ada.sends(room, "x", thread=seq), "invalid", "thread")
        assert_problem(await ada.get(f"/rooms/{room}/threads/{seq}"), "not_found")
        assert_problem(await ada.get(f"/rooms/{room}/threads/{seq}/messages"), "not_found")
        assert_problem(await ada.put(f"/rooms/{room}/threads/{seq}/follow"), "not_found")


async def test_a_reply_in_a_thread_may_answer_any_message(ada: Person, room: str) -> None:
    first = await reply(ada, room, 4)
    (other,) = await ada.says(room, "other")
    for reply_to in (4, first, other):
        await reply(ada, room, 4, reply_to=reply_to)


async def test_only_a_reply_in_a_thread_is_also_in_the_room(ada: Person, room: str) -> None:
    answer = await ada.sends(room, "x", also_in_room=True)
    assert_problem(answer, "invalid", "also_in_room")


async def test_a_repeated_reply_is_one(ada: Person, bob: Person, room: str) -> None:
    first = await bob.sends(room, "x", "nonce", thread=4)
    again = await bob.sends(room, "x", "nonce", thread=4, also_in_room=False)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    for other in ({}, {"thread": 3}, {"thread": 4, "also_in_room": True}):
        assert_problem(await bob.sends(room, "x", "nonce", **other), "nonce_conflict")
    replies, *_ = await summary(ada, room, 4) or (0,)
    assert replies == 1


async def test_replies_are_edited_and_reacted_to_like_other_messages(
    ada: Person, bob: Person, room: str
) -> None:
    seq = await reply(bob, room, 4)
    path = f"/rooms/{room}/messages/{seq}"
    assert assert_ok(await bob.patch(path, text="other", version=1))["thread"] == 4
    assert_ok(await ada.put(f"{path}/reactions/🎉"))
    assert_ok(await ada.put(f"/rooms/{room}/messages/4/reactions/🎉"))
    page = assert_ok(await ada.get(f"/rooms/{room}/threads/4/messages"))
    assert page["items"][0]["text"] == "other"
    assert page["reacted"] == [{"seq": seq, "emoji": "🎉"}]
    assert await summary(ada, room, 4) == (1, seq, [bob.id])
    assert await timeline(ada, room) == [4]


async def test_a_deleted_reply_is_not_counted(ada: Person, bob: Person, room: str) -> None:
    first, second = await reply(bob, room, 4), await reply(ada, room, 4)
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{second}"))
    assert await summary(ada, room, 4) == (1, first, [bob.id])
    deleted, updated = (await ada.log(room))[-2:]
    assert (deleted["type"], updated["type"]) == ("messages.deleted", "thread.updated")
    assert updated["message"]["thread_summary"]["replies"] == 1
    page = assert_ok(await ada.get(f"/rooms/{room}/threads/4/messages"))
    assert [(m["seq"], m["thread"], "deletion" in m) for m in page["items"]] == [
        (first, 4, False),
        (second, 4, True),
    ]
    assert_ok(await bob.delete(f"/rooms/{room}/messages/{first}"))
    assert await summary(ada, room, 4) is None
    assert assert_ok(await ada.get(f"/rooms/{room}/threads"))["items"] == []
    last = await reply(ada, room, 4)
    assert await summary(ada, room, 4) == (1, last, [ada.id])


async def test_those_who_replied_long_ago_stay_after_a_deletion(
    ada: Person, bob: Person, room: str
) -> None:
    await reply(bob, room, 4)
    seqs = [await reply(ada, room, 4) for _ in range(25)]
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{seqs[-1]}"))
    assert await summary(ada, room, 4) == (25, seqs[-2], [ada.id, bob.id])


async def test_a_bulk_deletion_has_one_event_for_each_root(ada: Person, room: str) -> None:
    (other,) = await ada.says(room, "other")
    roots = [4, 4, other]
    seqs = [await reply(ada, room, root) for root in roots]
    kept = await reply(ada, room, 4)
    answer = await ada.post(f"/rooms/{room}/deletions", seqs=[*seqs, other])
    assert assert_ok(answer)["count"] == 4
    types = [(e["type"], e.get("message", {}).get("seq")) for e in (await ada.log(room))[-3:]]
    assert types == [("messages.deleted", None), ("thread.updated", 4), ("thread.updated", other)]
    assert await summary(ada, room, 4) == (1, kept, [ada.id])
    assert await summary(ada, room, other) is None


async def test_a_deleted_root_keeps_its_replies_and_takes_no_more(
    ada: Person, bob: Person, room: str
) -> None:
    first, second = await reply(bob, room, 4), await reply(bob, room, 4)
    assert_ok(await ada.delete(f"/rooms/{room}/messages/4"))
    assert_problem(await bob.sends(room, "x", thread=4), "invalid", "thread")
    assert await summary(ada, room, 4) == (2, second, [bob.id])
    assert "deletion" in (await thread(ada, room, 4))["root"]
    assert_ok(await bob.delete(f"/rooms/{room}/messages/{second}"))
    assert await summary(ada, room, 4) == (1, first, [bob.id])


async def test_a_reply_to_a_root_that_is_being_deleted_comes_before_or_is_refused(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    outcomes = set()
    for _ in range(12):
        (root,) = await ada.says(room, "root")
        answer, deleted = await asyncio.gather(
            bob.sends(room, "x", thread=root), ada.delete(f"/rooms/{room}/messages/{root}")
        )
        assert_ok(deleted)
        outcomes.add(answer.status_code)
        log = await ada.log(room)
        deletion = next(
            e["seq"] for e in log if e["type"] == "messages.deleted" and root in e["seqs"]
        )
        replies = [e["seq"] for e in log if (e.get("message") or {}).get("thread") == root]
        if answer.status_code == 201:
            assert replies == [answer.json()["seq"]]
            assert replies[0] < deletion
            assert await summary(ada, room, root) == (1, replies[0], [bob.id])
        else:
            assert_problem(answer, "invalid", "thread")
            assert replies == []
            assert await summary(ada, room, root) is None
    assert outcomes <= {201, 422}


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_of_a_thread_are_its_replies(
    ada: Person, bob: Person, room: str, limit: int
) -> None:
    """In both directions, among other messages and replies in other threads."""
    (other,) = await ada.says(room, "other")
    replies = []
    for n in range(5):
        replies.append(await reply(bob, room, 4, also_in_room=n % 2 == 0))
        await ada.says(room, "plain")
        await reply(ada, room, other)
    path = f"/rooms/{room}/threads/4/messages"
    back: list[int] = []
    query: dict[str, int] = {}
    while True:
        page = assert_ok(await ada.get(path, limit=limit, **query))
        back = [message["seq"] for message in page["items"]] + back
        if page["before"] is None:
            break
        query = {"before": page["before"]}
    assert back == replies
    forth: list[int] = []
    after: int | None = 0
    while after is not None:
        page = assert_ok(await ada.get(path, limit=limit, after=after))
        forth += [message["seq"] for message in page["items"]]
        after = page["after"]
    assert forth == replies
    around = assert_ok(await ada.get(path, limit=3, around=replies[2]))
    assert [message["seq"] for message in around["items"]] == replies[1:4]


async def test_pages_of_the_timeline_are_its_messages(ada: Person, room: str) -> None:
    shown = [4]
    for n in range(4):
        await reply(ada, room, 4)
        shown.append(await reply(ada, room, 4, also_in_room=True))
        shown += await ada.says(room, f"plain {n}")
        await reply(ada, room, 4)
    assert await timeline(ada, room) == shown
    for seq in range(shown[-1] + 3):
        older = [m for m in shown if m < seq][-2:]
        page = assert_ok(await ada.get(f"/rooms/{room}/messages", before=seq, limit=2))
        assert [message["seq"] for message in page["items"]] == older
        newer = [m for m in shown if m > seq][:2]
        page = assert_ok(await ada.get(f"/rooms/{room}/messages", after=seq, limit=2))
        assert [message["seq"] for message in page["items"]] == newer
        assert page["after"] == (newer[-1] if newer and newer[-1] != shown[-1] else None)


async def test_threads_of_a_room_are_listed_by_their_last_reply(ada: Person, room: str) -> None:
    roots = [4, *await ada.says(room, "5", "6", "without replies")]
    for root in (roots[0], roots[1], roots[2], roots[0]):
        await reply(ada, room, root)
    seqs: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = assert_ok(await ada.get(f"/rooms/{room}/threads", limit=1, **cursor))
        seqs += [root["seq"] for root in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seqs == [roots[0], roots[2], roots[1]]


async def test_an_empty_thread_has_an_empty_page(ada: Person, room: str) -> None:
    page = assert_ok(await ada.get(f"/rooms/{room}/threads/4/messages"))
    assert page == {"items": [], "before": None, "after": None}
    for path in ("threads/99", "threads/99/messages", "threads/2"):
        assert_problem(await ada.get(f"/rooms/{room}/{path}"), "not_found")


async def test_only_members_read_threads(ada: Person, eve: Person) -> None:
    for kind, code in (("public", "forbidden"), ("private", "not_found")):
        room = await ada.makes_room(kind)
        (root,) = await ada.says(room, "root")
        await reply(ada, room, root)
        path = f"/rooms/{room}/threads"
        for part in ("", f"/{root}", f"/{root}/messages"):
            assert_problem(await eve.get(path + part), code)
        assert_problem(await eve.put(f"{path}/{root}/follow"), code)
        assert_problem(await eve.delete(f"{path}/{root}/follow"), code)
        assert_problem(await eve.put(f"{path}/{root}/read", seq=1), code)
        assert_problem(await eve.sends(room, "x", thread=root), code)


@pytest.mark.parametrize(
    "cursor", ["x", "", "ÿ", "eA", "MSAyIDM", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk"]
)
async def test_a_cursor_of_somebody_else_is_refused(ada: Person, room: str, cursor: str) -> None:
    assert_problem(await ada.get(f"/rooms/{room}/threads", cursor=cursor), "invalid")
    assert_problem(await ada.get("/users/me/threads", cursor=cursor), "invalid")
