"""GET /users/me/mentions."""

from typing import Any

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages
from testkit.server import TestServer
from testkit.statements import recorded_statements

PATH = "/users/me/mentions"


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
            await ada.says(room, text, "no mention", "@room", f"@{ada.username}")
            said.append((room, text))
    await bob.says(one, f"@{bob.username}")
    assert await listed(bob) == said[::-1]
    for limit in (1, 2, 5):
        assert await listed(bob, limit=limit) == said[::-1]
    pages = await all_pages(bob, PATH, limit=4)
    assert [len(page) for page in pages] == [4, 2]
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
    assert len([text for text in statements if "messages.text" in text]) == 3


async def test_a_foreign_cursor_is_refused(ada: Person) -> None:
    for cursor in ("YWRh", "é", "MjAyNi0xMS0zMCB4IDE"):
        assert_problem(await ada.get(PATH, cursor=cursor), "invalid")
