"""What is in view stays where it is."""

from functools import partial

import httpx
import pytest
from playwright.async_api import expect

from testkit.people import Person
from testkit.server import TestServer
from testkit.waiting import eventually
from tests.browser.visitor import Visit, Visitor

COUNT = 160
# By how much it could: at the top of what is loaded there is less than 300 px.
SCROLL_UP = (
    "(log) => { const top = log.scrollTop; log.scrollBy(0, -300); return top - log.scrollTop }"
)


@pytest.fixture
async def people(server: TestServer, http: httpx.AsyncClient) -> list[Person]:
    return await server.people(http, "ada", "bob")


@pytest.fixture
async def room(people: list[Person]) -> str:
    """With messages of different heights."""
    ada, bob = people
    room = await bob.makes_room("public", ada, name="Archive")
    await bob.says(room, *(f"Number {n}. " + "Some more words. " * (n % 12) for n in range(COUNT)))
    return room


@pytest.fixture
async def ada(server: TestServer, people: list[Person], visit: Visit) -> Visitor:
    return await visit(people[0], server.url)


async def test_a_room_opens_at_the_first_unread_message_a_third_from_the_top(
    ada: Visitor, people: list[Person], room: str
) -> None:
    marker = await _seq(people[0], room, "Number 79.")
    await people[0].put(f"/rooms/{room}/read", seq=marker)
    await ada.open(room)
    line = ada.page.get_by_role("separator").filter(has_text="New")
    await expect(line).to_be_in_viewport()
    await ada.sees("Number 80.")
    box, view = await line.bounding_box(), await ada.log.bounding_box()
    assert box is not None
    assert view is not None
    share = (box["y"] - view["y"]) / view["height"]
    assert 0.2 < share < 0.45


async def test_older_messages_load_without_a_jump(
    ada: Visitor, room: str, people: list[Person]
) -> None:
    await people[0].put(
        f"/rooms/{room}/read", seq=await _seq(people[0], room, f"Number {COUNT - 1}.")
    )
    await ada.open(room)
    await expect(ada.message(f"Number {COUNT - 1}.")).to_be_in_viewport()
    for _ in range(40):
        first = ada.log.locator("article").nth(4)
        text = (await first.locator(".text-body").inner_text())[:12]
        before = await _top(ada, text)
        by = await ada.log.evaluate(SCROLL_UP)
        await eventually(partial(_is_moved, ada, text, before, by))
    numbers = [int(text.split()[1].rstrip(".")) for text in await ada.texts()]
    assert numbers == sorted(numbers)
    assert numbers[0] < COUNT - 60


async def test_new_messages_do_not_move_what_is_read(
    ada: Visitor, people: list[Person], room: str
) -> None:
    await people[0].put(
        f"/rooms/{room}/read", seq=await _seq(people[0], room, f"Number {COUNT - 1}.")
    )
    await ada.open(room)
    await expect(ada.message(f"Number {COUNT - 1}.")).to_be_in_viewport()
    await people[1].says(room, "At the end")
    await expect(ada.message("At the end")).to_be_in_viewport()
    await ada.log.hover()
    await ada.page.mouse.wheel(0, -700)
    await expect(ada.message("At the end")).not_to_be_in_viewport()
    text = (await ada.log.locator("article").nth(8).locator(".text-body").inner_text())[:12]
    before = await _top(ada, text)
    await people[1].says(room, "Below one", "Below two", "Below three")
    button = ada.page.get_by_role("button", name="3 new ↓")
    await expect(button).to_be_visible()
    assert await _top(ada, text) == before
    await button.click()
    await expect(ada.message("Below three")).to_be_in_viewport()


async def test_a_link_leads_to_a_message_far_away(
    ada: Visitor, people: list[Person], room: str
) -> None:
    await ada.open(room, f"/{await _seq(people[0], room, 'Number 12.')}")
    await expect(ada.message("Number 12.")).to_be_in_viewport()
    await expect(ada.message("Number 12.")).to_have_attribute("data-highlighted", "true")
    await expect(ada.page.get_by_role("button", name="new ↓")).to_be_visible()


async def test_back_returns_to_the_room_before(
    ada: Visitor, people: list[Person], room: str
) -> None:
    other = await people[1].makes_room("public", people[0], name="Other")
    await ada.open(room)
    await ada.page.get_by_role("link", name="Other").click()
    await expect(ada.page.locator("main h1")).to_contain_text("Other")
    assert ada.page.url.endswith(other)
    await ada.page.go_back()
    await expect(ada.page.locator("main h1")).to_contain_text("Archive")


async def _seq(person: Person, room: str, begin: str) -> int:
    before: int | None = None
    while True:
        query = {} if before is None else {"before": before}
        page = (await person.get(f"/rooms/{room}/messages", limit=100, **query)).json()
        for message in page["items"]:
            if message["text"].startswith(begin):
                seq: int = message["seq"]
                return seq
        before = page["before"]
        assert before, f"no message begins with {begin}"


async def _top(visitor: Visitor, text: str) -> float | None:
    message = visitor.log.locator("article").filter(has_text=text).first
    if await message.count() == 0:
        return None
    box = await message.bounding_box()
    return box and round(box["y"])


async def _is_moved(visitor: Visitor, text: str, before: float | None, by: float) -> bool:
    """Within the rounding of a pixel; or it has left what is rendered."""
    now = await _top(visitor, text)
    return now is None or before is None or abs(now - before - by) <= 1
