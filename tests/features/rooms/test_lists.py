"""The room list of a user, and public rooms."""

from typing import Any

import pytest

from app.core.paging import encode_cursor
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages
from testkit.server import unique_username


async def test_the_room_list_is_paged_and_has_each_room_once(ada: Person, bob: Person) -> None:
    rooms = [await ada.makes_room("private") for _ in range(4)]
    rooms.append(await bob.makes_room("public", ada))
    rooms.append(await bob.makes_room("direct", ada))
    await bob.makes_room()  # not Ada's
    for limit, sizes in ((4, [4, 2]), (6, [6]), (1, [1] * 6), (100, [6])):
        pages = await all_pages(ada, "/rooms", limit=limit)
        assert [len(page) for page in pages] == sizes
        assert [room["id"] for page in pages for room in page] == sorted(rooms)


async def test_a_room_in_the_room_list_equals_the_room(ada: Person, bob: Person) -> None:
    group = await bob.makes_room("group", ada)
    direct = await bob.makes_room("direct", ada)
    await bob.says(group, "one", f"@{ada.username} two")
    await bob.says(direct, "three")
    (page,) = await all_pages(ada, "/rooms")
    assert page == [await ada.room(room) for room in sorted([group, direct])]
    badges = {room["id"]: (room["unread"], room["mentions"]) for room in page}
    assert badges == {group: (2, 1), direct: (1, 0)}


async def test_a_new_user_has_no_rooms(ada: Person) -> None:
    assert assert_ok(await ada.get("/rooms")) == {"items": [], "next": None}


async def test_public_rooms_are_found_by_a_part_of_their_name(ada: Person, eve: Person) -> None:
    tag = unique_username("tag")
    names = [f"{tag} Straße_1", f"{tag} 100%", f"{tag} 日本語の部屋", f"{tag} ﬁn"]
    rooms = {name: await ada.makes_room(name=name) for name in names}
    await ada.makes_room("private", name=f"{tag} hidden")

    async def found(query: str) -> list[str]:
        page = assert_ok(await eve.get("/rooms/public", query=query))
        return [room["name"] for room in page["items"]]

    assert sorted(await found(tag)) == sorted(names)
    assert await found(f"{tag} STRASSE") == [names[0]]
    assert await found(f"{tag} 100%") == [names[1]]
    assert await found(f"{tag}%100") == []
    assert await found(f"{tag} _") == []
    assert names[2] in await found("本語の")
    assert await found(f"{tag} FIN") == [names[3]]
    (room,) = assert_ok(await eve.get("/rooms/public", query=f"{tag} 100"))["items"]
    assert room.keys() == {"id", "kind", "name", "topic", "seq", "created_at"}
    assert room["id"] == rooms[names[1]]


async def test_public_rooms_are_sorted_by_name_and_names_may_repeat(ada: Person) -> None:
    tag = unique_username("same")
    for name in ("b", "a", "A", "a", "c"):
        await ada.makes_room(name=f"{tag} {name}")
    for limit, sizes in ((2, [2, 2, 1]), (1, [1] * 5), (5, [5])):
        pages = await all_pages(ada, "/rooms/public", query=tag, limit=limit)
        assert [len(page) for page in pages] == sizes
        rooms = [room for page in pages for room in page]
        assert [room["name"].lower()[-1] for room in rooms] == ["a", "a", "a", "b", "c"]
        assert len({room["id"] for room in rooms}) == 5


async def test_archived_rooms_stay_in_the_room_list_but_are_not_found(
    ada: Person, eve: Person
) -> None:
    tag = unique_username("old")
    room = await ada.makes_room(name=tag)
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    assert assert_ok(await eve.get("/rooms/public", query=tag))["items"] == []
    assert [r["archived"] for r in assert_ok(await ada.get("/rooms"))["items"]] == [True]
    assert_ok(await ada.patch(f"/rooms/{room}", archived=False))
    assert [r["id"] for r in assert_ok(await eve.get("/rooms/public", query=tag))["items"]] == [
        room
    ]


@pytest.mark.parametrize("path", ["/rooms", "/rooms/public"])
@pytest.mark.parametrize("key", ["", "x", "0" * 32, "{" + "0" * 34 + "}", "0" * 36, "x" * 200])
async def test_forged_room_cursors_are_refused(ada: Person, path: str, key: str) -> None:
    problem = assert_problem(await ada.get(path, cursor=encode_cursor(key)), "invalid")
    assert "cursor" in problem["detail"]


async def test_a_cursor_of_another_list_is_harmless(ada: Person) -> None:
    for _ in range(2):
        await ada.makes_room()
    mine: dict[str, Any] = assert_ok(await ada.get("/rooms", limit=1))
    assert_ok(await ada.get("/rooms/public", cursor=mine["next"]))
    assert_ok(await ada.get("/users", cursor=mine["next"]))
