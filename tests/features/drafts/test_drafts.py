"""Drafts: one for each user, room and thread."""

import pytest

from app.limit_settings import Limits
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend

pytestmark = pytest.mark.usefixtures("unpaced_markers")


async def save(person: Person, room: str, text: str, **more: object) -> None:
    assert_ok(await person.put(f"/rooms/{room}/draft", text=text, **more), 204)


async def drafts(person: Person) -> dict[tuple[str, int], str]:
    (page,) = await all_pages(person, "/users/me/drafts")
    return {(draft["room"], draft["thread"]): draft["text"] for draft in page}


async def item_events(person: Person) -> list[tuple[str, str, int]]:
    events = assert_ok(await person.get("/users/me/events"))["items"]
    return [(e["room"], e["item"], e["item_seq"]) for e in events if e["type"] == "item.changed"]


async def test_a_draft_is_saved_replaced_and_deleted(ada: Person) -> None:
    room = await ada.makes_room()
    await save(ada, room, "Hel", reply_to=7)
    (draft,) = assert_ok(await ada.get("/users/me/drafts"))["items"]
    assert draft.pop("updated_at").endswith("Z")
    assert draft == {"room": room, "thread": 0, "text": "Hel", "reply_to": 7}
    await save(ada, room, "  Hello \n")
    await save(ada, room, "in a thread", thread=2)
    assert await drafts(ada) == {(room, 0): "  Hello \n", (room, 2): "in a thread"}
    await save(ada, room, "")
    assert_ok(await ada.delete(f"/rooms/{room}/draft?thread=2"), 204)
    assert await drafts(ada) == {}
    assert await item_events(ada) == [(room, "draft", seq) for seq in (0, 0, 2, 0, 2)]


async def test_saving_or_deleting_a_draft_again_changes_nothing(ada: Person) -> None:
    room = await ada.makes_room()
    await save(ada, room, "same", reply_to=1)
    await save(ada, room, "same", reply_to=1)
    assert len(await item_events(ada)) == 1
    await save(ada, room, "same")
    for _ in range(2):
        assert_ok(await ada.delete(f"/rooms/{room}/draft"), 204)
    assert len(await item_events(ada)) == 3


async def test_a_draft_is_seen_by_its_user_only(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    await save(ada, room, "ada's")
    await save(bob, room, "bob's")
    assert await drafts(ada) == {(room, 0): "ada's"}
    assert await drafts(bob) == {(room, 0): "bob's"}
    await ada.says(room, "sending does not delete it")
    assert await drafts(ada) == {(room, 0): "ada's"}


async def test_only_members_have_drafts(ada: Person, bob: Person) -> None:
    public, private = await ada.makes_room(), await ada.makes_room("private")
    for room, code in ((public, "forbidden"), (private, "not_found")):
        assert_problem(await bob.put(f"/rooms/{room}/draft", text="x"), code)
        assert_problem(await bob.delete(f"/rooms/{room}/draft"), code)


@pytest.mark.parametrize("how", ["leave", "removal"])
async def test_the_end_of_a_membership_deletes_the_drafts(
    ada: Person, bob: Person, how: str
) -> None:
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    for thread in (0, 3):
        await save(bob, room, "x", thread=thread)
    await save(ada, room, "of another member")
    await save(bob, other, "in another room")
    if how == "leave":
        assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    else:
        assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    assert await drafts(bob) == {(other, 0): "in another room"}
    assert (await item_events(bob))[-2:] == [(room, "draft", 0), (room, "draft", 3)]
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    assert await drafts(bob) == {(other, 0): "in another room"}
    assert await drafts(ada) == {(room, 0): "of another member"}


async def test_drafts_are_listed_page_by_page(ada: Person) -> None:
    rooms = [await ada.makes_room() for _ in range(3)]
    for room in rooms:
        for thread in (0, 5):
            await save(ada, room, "x", thread=thread)
    pages = await all_pages(ada, "/users/me/drafts", limit=4)
    assert [len(page) for page in pages] == [4, 2]
    keys = [(draft["room"], draft["thread"]) for page in pages for draft in page]
    assert keys == sorted((room, thread) for room in rooms for thread in (0, 5))


@pytest.mark.parametrize("cursor", ["AAAA", "eA", "!", "MDE5M2E0ZDM"])
async def test_an_invalid_cursor_is_refused(ada: Person, cursor: str) -> None:
    assert_problem(await ada.get("/users/me/drafts", cursor=cursor), "invalid")


async def test_a_draft_is_as_long_as_a_message(ada: Person) -> None:
    room = await ada.makes_room()
    await save(ada, room, "😀" * Limits().text_chars)
    longer = "x" * (Limits().text_chars + 1)
    problem = assert_problem(await ada.put(f"/rooms/{room}/draft", text=longer), "invalid")
    assert problem["errors"][0]["path"] == "text"


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"text": None}, {"text": 1}, {"text": "a\0"}, {"text": "x", "thread": -1}),
        *({"text": "x", "reply_to": "1"}, {"text": "x", "room": "x"}),
    ],
    ids=repr,
)
async def test_an_invalid_draft_is_refused(ada: Person, body: dict[str, object]) -> None:
    room = await ada.makes_room()
    assert_problem(await ada.put(f"/rooms/{room}/draft", **body), "invalid")


@pytest.mark.setting("CHAT_LIMITS__MAX_DRAFTS")
async def test_the_number_of_drafts_is_limited(backend: Backend) -> None:
    """One that exists can still be changed."""
    settings = without_limits(backend.override(limits={"max_drafts": 2}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        for thread in (0, 1):
            await save(ada, room, "x", thread=thread)
        refused = await ada.put(f"/rooms/{room}/draft", text="x", thread=2)
        assert "2 drafts" in assert_problem(refused, "too_many")["detail"]
        await save(ada, room, "y", thread=1)
        assert_ok(await ada.delete(f"/rooms/{room}/draft"), 204)
        await save(ada, room, "x", thread=2)
        assert await drafts(ada) == {(room, 1): "y", (room, 2): "x"}
