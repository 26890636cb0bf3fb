"""GET /users/me/mentions."""

from typing import Any

import httpx
import pytest

from app.wire.domain import PresenceState
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages
from testkit.server import TestServer, unique_username
from testkit.statements import recorded_statements
from tests.features.presence import set_online

PATH = "/users/me/mentions"


@pytest.fixture
async def admin(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.administrator(http)


async def listed(person: Person, **query: Any) -> list[tuple[str, str]]:
    """Room and text of all mentions."""
    pages = await all_pages(person, PATH, **query)
    return [(item["room"], item["message"]["text"]) for page in pages for item in page]


async def test_mentions_of_all_rooms_are_listed_newest_first(ada: Person, bob: Person) -> None:
    one, other = await ada.makes_room("private", bob), await ada.makes_room("group", bob)
    said = []
    for number in range(3):
        for room in (one, other):
            text = f"{number} @{bob.username}"
            await ada.says(room, text, "no mention", f"{number} @room", f"@{ada.username}")
            said += [(room, text), (room, f"{number} @room")]
    await bob.says(one, f"@{bob.username}", "@room")
    assert await listed(bob) == said[::-1]
    for limit in (1, 2, 5):
        assert await listed(bob, limit=limit) == said[::-1]
    pages = await all_pages(bob, PATH, limit=4)
    assert [len(page) for page in pages] == [4, 4, 4]
    assert await listed(ada) == []


async def test_a_mention_has_the_messages_beside_it(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    texts = [f"4 @{bob.username}", "5", f"6 @{bob.username}"]
    await ada.says(room, *texts)
    eve = await ada.makes_room("private", bob)
    await ada.says(eve, f"alone @{bob.username}")
    (page,) = await all_pages(bob, PATH)
    shown = [
        [item[name] and item[name]["text"] for name in ("previous", "message", "next")]
        for item in page
    ]
    assert shown == [
        [None, f"alone @{bob.username}", None],
        ["5", texts[2], None],
        [None, texts[0], "5"],
    ]
    message = assert_ok(await bob.get(f"/rooms/{room}/messages/6"))
    assert page[1] == {"room": room, "message": message, "previous": page[2]["next"], "next": None}


async def test_only_rooms_of_the_caller_are_listed(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("public", bob)
    await ada.says(room, f"@{bob.username}")
    assert len(await listed(bob)) == 1
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    assert await listed(bob) == []
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    assert len(await listed(bob)) == 1


async def test_a_page_of_mentions_takes_three_statements(
    server: TestServer, ada: Person, bob: Person
) -> None:
    """The mentions, and what is before and after them; besides the one that finds the session."""
    room = await ada.makes_room("private", bob)
    await ada.says(room, *(f"{number} @{bob.username}" for number in range(20)))
    assert_ok(await bob.get(PATH))
    with recorded_statements(server.context.database) as statements:
        assert_ok(await bob.get(PATH))
    of_page = [text for text in statements if "search_documents" not in text]  # the consumer's
    assert len([text for text in of_page if "messages.text" in text]) == 3


async def test_a_foreign_cursor_is_refused(ada: Person) -> None:
    for cursor in ("YWRh", "é", "MjAyNi0xMS0zMCB4IDE"):
        assert_problem(await ada.get(PATH, cursor=cursor), "invalid")


async def test_groups_of_the_caller_are_listed(
    admin: Person, ada: Person, bob: Person, eve: Person
) -> None:
    """Who mentions themselves is not mentioned."""
    handle, other = unique_username("team"), unique_username("crew")
    group = await admin.makes_group(handle, bob, ada)
    await admin.makes_group(other, ada)
    room = await ada.makes_room("private", bob, eve)
    texts = [f"@{handle}", f"@{other}", f"@room @{handle} @{bob.username}", f"@{other} @room"]
    await ada.says(room, *texts)
    assert await listed(bob) == [(room, text) for text in (texts[3], texts[2], texts[0])]
    assert await listed(eve) == [(room, text) for text in (texts[3], texts[2])]
    assert await listed(ada) == []
    assert_ok(await admin.delete(f"/groups/{group}/members/{bob.id}"), 204)
    assert await listed(bob) == [(room, text) for text in (texts[3], texts[2])]


async def test_only_those_who_were_online_are_listed_for_here(
    server: TestServer,
    monkeypatch: pytest.MonkeyPatch,
    ada: Person,
    bob: Person,
    eve: Person,
) -> None:
    room = await ada.makes_room("private", bob, eve)
    set_online(server, monkeypatch, {bob.id: PresenceState.ONLINE})
    await ada.says(room, "@here")
    assert await listed(bob) == [(room, "@here")]
    assert await listed(eve) == []


async def test_an_edit_keeps_the_place_of_a_mention(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    (seq,) = await ada.says(room, "@room first")
    await ada.says(room, "@room second", f"@{bob.username} third")
    path = f"/rooms/{room}/messages/{seq}"
    assert_ok(await ada.patch(path, text=f"@{bob.username} edited", version=1))
    assert [text for _, text in await listed(bob)] == [
        f"@{bob.username} third",
        "@room second",
        f"@{bob.username} edited",
    ]
    assert_ok(await ada.delete(path))
    assert len(await listed(bob)) == 2


async def test_mentions_of_others_leave_pages_short_and_the_list_goes_on(
    admin: Person, ada: Person, bob: Person
) -> None:
    """More of them than one page reads, and two of them in one message."""
    handles = [unique_username("crew"), unique_username("team")]
    for handle in handles:
        await admin.makes_group(handle, ada)
    text = " ".join(f"@{handle}" for handle in handles)
    room, small = await ada.makes_room("group", bob), await ada.makes_room("group", bob)
    await ada.says(room, "@room oldest")
    await ada.says(small, "@room small")
    for _ in range(12):
        await ada.says(room, *[text] * 10)
    await ada.says(room, "@room newest")
    for limit in (1, 50):
        assert await listed(bob, limit=limit) == [
            (room, "@room newest"),
            (small, "@room small"),
            (room, "@room oldest"),
        ]


async def test_many_rooms_are_merged_by_time(
    server: TestServer, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a page could have the mentions of three rooms only."""
    monkeypatch.setattr("app.persistence.repositories.mention_keys.MIN_CANDIDATES", 3)
    rooms = [await ada.makes_room("group", bob) for _ in range(8)]
    said = []
    for number in (*range(8), *range(3), *range(7, 2, -1)):
        await ada.says(rooms[number], f"@room {number}")
        said.append((rooms[number], f"@room {number}"))
    for limit in (1, 2, 5, 50):
        assert await listed(bob, limit=limit) == said[::-1]
