"""How things are found."""

import re

import httpx
import pytest
from playwright.async_api import Locator, expect

from testkit.people import Person
from testkit.server import TestServer
from testkit.waiting import eventually
from tests.browser.visitor import Visit, Visitor

COUNT = 70


@pytest.fixture
async def people(server: TestServer, http: httpx.AsyncClient) -> list[Person]:
    return await server.people(http, "ada", "bob")


@pytest.fixture
async def room(people: list[Person]) -> str:
    ada, bob = people
    room = await bob.makes_room("public", ada, name="Kitchen")
    [root] = await bob.says(room, "Where is the blue **kettle**?")
    await bob.says(room, *(f"Line {n} about marmalade" for n in range(COUNT)))
    await ada.sends(room, "The kettle is mine", thread=root)
    await ada.says(room, "Nothing to see")
    await eventually(lambda: _is_found(ada, "nothing to see"))
    return room


async def _is_found(person: Person, text: str) -> bool:
    return bool((await person.get("/search/messages", q=text)).json()["items"])


@pytest.fixture
async def ada(server: TestServer, people: list[Person], room: str, visit: Visit) -> Visitor:
    return await visit(people[0], server.url)


def panel(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("complementary", name="Search")


def hits(visitor: Visitor) -> Locator:
    return panel(visitor).locator("article")


def box(visitor: Visitor) -> Locator:
    return panel(visitor).get_by_role("searchbox", name="Search messages")


async def test_a_found_message_is_shown_in_its_place(
    ada: Visitor, people: list[Person], room: str
) -> None:
    await ada.open(room)
    await ada.page.keyboard.press("Control+Shift+f")
    await expect(panel(ada).get_by_title(re.compile("Remove filter In .#Kitchen"))).to_be_visible()
    await box(ada).press_sequentially("kettl")
    await expect(hits(ada)).to_have_count(2)
    await expect(hits(ada).locator("mark")).to_have_text(["kettle", "kettle"])
    await expect(hits(ada).first).to_contain_text("In a thread")
    await hits(ada).last.get_by_role("button").click()
    await expect(ada.message("Where is the blue")).to_be_in_viewport()
    await expect(ada.message("Where is the blue")).to_have_attribute("data-highlighted", "true")
    await expect(hits(ada)).to_have_count(2)
    await hits(ada).first.get_by_role("button").click()
    thread = ada.page.get_by_role("complementary", name="Thread")
    await expect(thread.locator("article").filter(has_text="is mine")).to_be_visible()
    await ada.page.go_back()
    await expect(hits(ada)).to_have_count(2)
    assert ada.problems == []


async def test_filters_are_chips(ada: Visitor, people: list[Person], room: str) -> None:
    bob = people[1]
    await ada.open(room, "?panel=search")
    await box(ada).press_sequentially(f"from:{bob.username} kettle")
    await expect(panel(ada).get_by_title(f"Remove filter From {bob.username}")).to_be_visible()
    await expect(box(ada)).to_have_value("kettle")
    await expect(hits(ada)).to_have_count(1)
    await panel(ada).get_by_title(f"Remove filter From {bob.username}").click()
    await expect(hits(ada)).to_have_count(2)
    await panel(ada).get_by_role("button", name="From", exact=True).click()
    await ada.page.get_by_role("button", name="You", exact=True).click()
    await expect(hits(ada)).to_have_count(1)
    await expect(hits(ada)).to_contain_text("The kettle is mine")
    await panel(ada).get_by_role("button", name="More", exact=True).click()
    await ada.page.get_by_role("menuitem", name="Pinned").click()
    await expect(panel(ada).get_by_role("heading", name="Nothing found")).to_be_visible()
    await ada.page.reload()
    await expect(panel(ada).get_by_title("Remove filter Pinned")).to_be_visible()
    await box(ada).fill("")
    await box(ada).press("Backspace")
    await expect(panel(ada).get_by_title("Remove filter Pinned")).to_have_count(0)


async def test_what_is_wrong_is_named(ada: Visitor, room: str) -> None:
    await ada.open(room, "?panel=search")
    await box(ada).fill("has:file")
    await box(ada).press("Enter")
    alert = panel(ada).get_by_role("alert")
    await expect(alert).to_have_text(re.compile("has:file takes only link or poll."))
    await expect(box(ada)).to_have_attribute("aria-invalid", "true")
    await panel(ada).get_by_role("button", name="has:file").click()
    await expect(alert).to_have_count(0)
    await box(ada).fill(" ".join(f"word{n}" for n in range(60)))
    await box(ada).press("Enter")
    await expect(alert).to_contain_text("more than 32 words")


async def test_all_pages_can_be_scrolled_to(ada: Visitor, room: str) -> None:
    await ada.open(room, "?panel=search&q=marmalade")
    await expect(hits(ada).first).to_contain_text(f"Line {COUNT - 1} ")
    while await hits(ada).count() < COUNT:
        seen = await hits(ada).count()
        await panel(ada).locator(".search-list").evaluate("(e) => e.scrollTo(0, e.scrollHeight)")
        await expect(hits(ada).nth(seen)).to_be_attached()
    await expect(hits(ada).last).to_contain_text("Line 0 ")
    await panel(ada).get_by_role("button", name="Best match").click()
    await expect(panel(ada).locator("[aria-busy=true]")).to_have_count(0)
    await expect(hits(ada).first).to_be_visible()


async def test_searches_are_kept_on_the_device(ada: Visitor, room: str) -> None:
    await ada.open(room, "?panel=search")
    await box(ada).fill("kettle from:me")
    await box(ada).press("Enter")
    await expect(hits(ada)).to_have_count(1)
    await panel(ada).get_by_role("button", name="Clear the search").click()
    await ada.page.reload()
    await panel(ada).get_by_role("button", name="From You · kettle", exact=True).click()
    await expect(hits(ada)).to_have_count(1)
    await panel(ada).get_by_role("button", name="Clear the search").click()
    await panel(ada).get_by_role("button", name="Remove from the list").click()
    await expect(panel(ada).get_by_text("Recent searches")).to_have_count(0)


async def test_without_a_network_the_search_says_so(ada: Visitor, room: str) -> None:
    await ada.open(room, "?panel=search")
    await expect(box(ada)).to_be_visible()
    await ada.context.set_offline(True)
    await box(ada).fill("kettle")
    await expect(panel(ada).get_by_role("alert")).to_contain_text("cannot be reached")
    await ada.context.set_offline(False)
    await panel(ada).get_by_role("button", name="Try again").click()
    await expect(hits(ada)).to_have_count(2)


async def test_one_box_finds_people_rooms_and_messages(
    ada: Visitor, people: list[Person], room: str
) -> None:
    await people[1].makes_room("public", name="Kettle fans")
    await ada.open(room)
    await ada.page.keyboard.press("Control+k")
    await ada.page.keyboard.type("kettl")
    options = ada.page.get_by_role("option")
    await expect(options.filter(has_text="Kettle fans")).to_contain_text("Join")
    await expect(options.filter(has_text="is mine")).to_have_count(1)
    await ada.page.keyboard.press("Control+a")
    await ada.page.keyboard.type(people[1].username[:-1])
    await expect(options.filter(has_text=f"@{people[1].username}")).to_be_visible()
    await ada.page.keyboard.press("Control+a")
    await ada.page.keyboard.type("blue kettle")
    await options.filter(has_text="Where is the blue").click()
    await expect(ada.message("Where is the blue")).to_be_in_viewport()
    await ada.page.keyboard.press("Control+k")
    await ada.page.keyboard.type("marmalade")
    await options.filter(has_text="Search messages for").click()
    await expect(hits(ada).first).to_be_visible()


@pytest.mark.parametrize("width", [320, 390])
async def test_a_hit_is_opened_on_a_small_screen(ada: Visitor, room: str, width: int) -> None:
    await ada.page.set_viewport_size({"width": width, "height": 700})
    await ada.open(room)
    await ada.page.goto(f"{ada.url}/r/{room}?panel=search&q=blue")
    await expect(hits(ada)).to_have_count(1)
    beyond = "(e) => e.scrollWidth - e.clientWidth"
    assert await ada.page.locator("html").evaluate(beyond) <= 0
    await hits(ada).get_by_role("button").click()
    await expect(panel(ada)).to_have_count(0)
    await expect(ada.message("Where is the blue")).to_be_in_viewport()
