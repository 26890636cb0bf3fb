"""What a search shows is what the caller may read now."""

import asyncio

import pytest

from testkit.answers import assert_ok
from testkit.people import Person
from testkit.server import TestServer
from tests.features.search.finding import PATH, found, indexed, texts

WORD = "canary"


async def test_only_rooms_of_the_caller_are_searched(
    server: TestServer, ada: Person, bob: Person
) -> None:
    private, public = await ada.makes_room("private"), await ada.makes_room("public")
    shared = await ada.makes_room("group", bob)
    for room in (private, public, shared):
        await ada.says(room, WORD)
    await indexed(server, private, public, shared)
    for query in (WORD, "cana", f"from:{ada.username}", f"in:{private}", f"-nothing {WORD}"):
        rooms = {hit["room"] for hit in await found(bob, query)}
        assert rooms == (set() if "in:" in query else {shared}), query
    assert {hit["room"] for hit in await found(ada, WORD)} == {private, public, shared}
    assert_ok(await bob.post(f"/rooms/{public}/join"))
    assert {hit["room"] for hit in await found(bob, WORD)} == {public, shared}


@pytest.mark.parametrize("how", ["leave", "removal"])
async def test_who_is_no_member_any_more_finds_nothing(
    server: TestServer, ada: Person, bob: Person, how: str
) -> None:
    room = await ada.makes_room("private", bob)
    [seq] = await ada.says(room, f"{WORD} @{bob.username}")
    assert_ok(await bob.put(f"/rooms/{room}/messages/{seq}/saved"))
    await indexed(server, room)
    queries = (WORD, "cana", "from:me -x", "mentions:me", "is:saved", f"in:{room}", "-x")
    assert await texts(bob, WORD)
    if how == "leave":
        assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    else:
        assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    for query in queries:
        for order in ("time", "relevance"):
            assert await found(bob, query, order=order) == [], query
    assert assert_ok(await bob.get("/search", q=WORD))["messages"] == []


async def test_an_edit_is_found_at_once_and_what_it_replaced_is_not(
    server: TestServer, ada: Person
) -> None:
    room = await ada.makes_room("private")
    [seq] = await ada.says(room, f"a {WORD} sings")
    await indexed(server, room)
    path = f"/rooms/{room}/messages/{seq}"
    assert_ok(await ada.patch(path, text="a parrot talks", version=1))
    assert await texts(ada, WORD) == []
    assert await texts(ada, '"canary sings"') == []
    assert await texts(ada, '"parrot talks"') == ["a parrot talks"]
    assert_ok(await ada.patch(path, text=f"no {WORD} 東京", version=2))
    assert await texts(ada, "parrot ") == []
    assert await texts(ada, WORD) == await texts(ada, "東京") == [f"no {WORD} 東京"]
    await indexed(server, room)
    assert await texts(ada, "a ") == []


async def test_an_edit_before_the_message_was_read_is_found(
    server: TestServer, ada: Person
) -> None:
    """The reader of the log and the edits come in any order."""
    room = await ada.makes_room("private")
    for number in range(20):
        [seq] = await ada.says(room, f"old{number} {WORD}")
        path = f"/rooms/{room}/messages/{seq}"
        assert_ok(await ada.patch(path, text=f"new{number}", version=1))
        assert await texts(ada, f"old{number}") == []
    await indexed(server, room)
    assert await texts(ada, WORD) == []
    for number in range(20):
        assert await texts(ada, f"new{number} ") == [f"new{number}"]


async def test_edits_while_messages_are_read(server: TestServer, ada: Person) -> None:
    room = await ada.makes_room("private")

    async def chat(number: int) -> None:
        [seq] = await ada.says(room, f"draft{number}")
        path = f"/rooms/{room}/messages/{seq}"
        for version in range(1, 4):
            text = f"text{number} v{version}"
            assert_ok(await ada.patch(path, text=text, version=version))
            assert await texts(ada, f"draft{number} ") == []
        if number % 3 == 0:
            assert_ok(await ada.delete(path))

    await asyncio.gather(*(chat(number) for number in range(30)))
    await indexed(server, room)
    for number in range(30):
        left = [] if number % 3 == 0 else [f"text{number} v3"]
        assert await texts(ada, f"text{number} ") == left
        assert await texts(ada, f"text{number} v2 ") == []
    assert len(await texts(ada, "v3 ")) == 20


async def test_deleted_messages_are_not_found(server: TestServer, ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    seqs = await bob.says(room, *(f"{WORD} {n}" for n in range(6)))
    await indexed(server, room)
    assert len(await texts(ada, WORD)) == 6
    assert_ok(await bob.delete(f"/rooms/{room}/messages/{seqs[0]}"))
    assert await texts(ada, WORD) == [f"{WORD} {n}" for n in (5, 4, 3, 2, 1)]
    assert_ok(await ada.post(f"/rooms/{room}/deletions", seqs=seqs[1:4]))
    assert await texts(ada, WORD) == [f"{WORD} 5", f"{WORD} 4"]
    assert await texts(ada, f"from:{bob.username} in:{room}") == [f"{WORD} 5", f"{WORD} 4"]
    await indexed(server, room)
    assert await texts(bob, WORD, order="relevance") == [f"{WORD} 5", f"{WORD} 4"]


async def test_a_pin_and_a_new_option_of_a_poll_are_found_at_once(
    server: TestServer, ada: Person
) -> None:
    room = await ada.makes_room("private")
    poll = {"options": ["tea", "coffee"], "may_add": True}
    seq = assert_ok(await ada.sends(room, "what to drink", poll=poll), 201)["seq"]
    await indexed(server, room)
    path = f"/rooms/{room}/messages/{seq}"
    assert await texts(ada, "water") == []
    assert_ok(await ada.post(f"{path}/poll/options", text="water"))
    assert await texts(ada, "water") == ["what to drink"]
    assert_ok(await ada.put(f"{path}/pin"))
    assert await texts(ada, "is:pinned water") == ["what to drink"]
    assert_ok(await ada.delete(f"{path}/pin"))
    assert await texts(ada, "is:pinned") == []
    assert await texts(ada, "drink") == ["what to drink"]


async def test_a_search_tells_nothing_of_other_rooms(
    server: TestServer, ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private")
    await ada.says(room, WORD)
    await indexed(server, room)
    answers = [
        assert_ok(await bob.get(PATH, q=query, order=order))
        for query in (WORD, "neverwritten")
        for order in ("time", "relevance")
    ]
    assert all(answer == {"items": [], "next": None} for answer in answers)
